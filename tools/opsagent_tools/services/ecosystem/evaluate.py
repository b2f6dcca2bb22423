"""Evaluate an ecosystem file in JavaScript: one's own only, in a node that has no network, little memory and little time.

It runs with a minimal environment, in network and process namespaces of its own, and may write no file. What it exports
comes back as JSON of bounded size. Linux, with util-linux; where that cannot be had, it is refused unless the caller
allows the network.
"""

from __future__ import annotations

import contextlib
import json
import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.trust import must_be_own
from opsagent_tools.trust import is_private_group

TIMEOUT_S = 10.0
_MAX_ANSWER = 1024 * 1024
_MAX_COMPLAINT = 4096
_GONE_S = 3.0
_LOOK_S = 0.005
_HEAP_MB = 256
_DATA_BYTES = 1024**3
_OVERFLOW_UID = Path("/proc/sys/kernel/overflowuid")
_KEPT = ("PATH", "HOME", "LANG", "TZ")
_PLAIN = "write the file as JSON or YAML"


def evaluate(file: Path, *, allow_network: bool = False, timeout_s: float = TIMEOUT_S) -> object:
    """Return what the file exports. Raises ServicesFileError; nothing of it outlives the call."""
    real = must_be_own(file)
    node = shutil.which("node")
    if node is None:
        raise ServicesFileError(file, "needs node to be evaluated", mend=f"install Node.js, or {_PLAIN}")
    argv = [*_confinement(file, allow_network, timeout_s), node, f"--max-old-space-size={_HEAP_MB}", "--no-warnings"]
    script = str(Path(__file__).with_name("evaluate.mjs"))
    raw, ended, complaint = _run([*argv, script, str(real), str(_private_group())], real.parent, timeout_s)
    if ended is None:
        raise ServicesFileError(file, f"is not done after {timeout_s:g} s", mend="let it only describe apps")
    if len(raw) > _MAX_ANSWER:
        raise ServicesFileError(file, f"describes more than {_MAX_ANSWER} bytes", mend="is it the right file?")
    return _checked(file, raw, ended, complaint)


def _checked(file: Path, raw: bytes, ended: int, complaint: str) -> object:
    try:
        answer: Any = json.loads(raw)
        error = answer.get("error")
        if error is None:
            return answer["value"]
        problem, place, line = str(error["problem"]), str(error.get("place") or ""), error.get("line")
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        last = next((line.strip() for line in complaint.splitlines() if "rror" in line), "")
        how = f"ended by signal {-ended}" if ended < 0 else f"ended with exit code {ended}"
        problem = f"node {how} and said nothing{': ' + last[:200] if last else ''}"
        raise ServicesFileError(file, problem, mend="let it only describe apps") from None
    mend = _PLAIN if "regular expression" in problem or "is a function" in problem else "mend it there"
    if "belongs to another user" in problem or "others may write" in problem:
        mend = "chown and chmod go-w it, or do without"
    if place and "regular expression" in problem:
        mend = "write it as a pattern in a string"
    number = line if isinstance(line, int) and not isinstance(line, bool) else None
    raise ServicesFileError(file, problem, place=place, line=number, mend=mend)


def _confinement(file: Path, allow_network: bool, timeout_s: float) -> list[str]:
    """Return the programs that confine what they run. Raises ServicesFileError where that cannot be."""
    limits = shutil.which("prlimit")
    bounded = (
        [limits, f"--data={_DATA_BYTES}", f"--cpu={int(timeout_s) + 1}", "--fsize=0", "--core=0"] if limits else []
    )
    try:
        return [*_apart(file, network=allow_network), *bounded]
    except ServicesFileError:
        if allow_network:
            return bounded
        raise


def _apart(file: Path, *, network: bool) -> list[str]:
    """Return the program that gives what it runs namespaces of its own. Raises ServicesFileError where it cannot."""
    unshare = shutil.which("unshare")
    if unshare is None or shutil.which("prlimit") is None:
        raise _cannot(file, "unshare and prlimit (util-linux) are not there")
    apart = [unshare, *([] if network else ["--net"]), "--pid", "--fork", "--kill-child=KILL"]
    if os.geteuid() != 0:
        if _is_overflow_uid():
            raise _cannot(file, "this user is the one that stands for all others in a namespace")
        apart[1:1] = ["--user", "--map-current-user"]
    tried = subprocess.run([*apart, "true"], capture_output=True, text=True, env={}, timeout=10, check=False)
    if tried.returncode != 0:
        raise _cannot(file, " ".join(tried.stderr.split()) or "unshare fails")
    return apart


def _private_group() -> int:
    return os.getegid() if is_private_group(os.getegid(), os.geteuid()) else -1


def _cannot(file: Path, why: str) -> ServicesFileError:
    problem = f"cannot be evaluated without the network here ({why})"
    return ServicesFileError(file, problem, mend=f"{_PLAIN}, or say --allow-network")


def _is_overflow_uid() -> bool:
    with contextlib.suppress(OSError, ValueError):
        return int(_OVERFLOW_UID.read_text()) == os.geteuid()
    return False


def _run(argv: list[str], cwd: Path, timeout_s: float) -> tuple[bytes, int | None, str]:
    """Return what came back, how it ended (None: not in time) and what it complained."""
    reader, writer = os.pipe()
    try:
        process = subprocess.Popen(
            [*argv, str(writer)],
            cwd=cwd,
            env=_environment(os.environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            pass_fds=(writer,),
            start_new_session=True,
        )
    except BaseException:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    with process, os.fdopen(reader, "rb", buffering=0) as answers:
        try:
            assert process.stderr is not None
            raw, complaint, in_time = _collect(answers.fileno(), process.stderr.fileno(), time.monotonic() + timeout_s)
        finally:
            _end(process.pid)
        code = process.wait()
    return raw, code if in_time else None, complaint.decode(errors="replace")


def _collect(answers: int, complaints: int, deadline: float) -> tuple[bytes, bytes, bool]:
    found = {answers: b"", complaints: b""}
    limits = {answers: _MAX_ANSWER + 1, complaints: _MAX_COMPLAINT}
    with selectors.DefaultSelector() as selector:
        for each in found:
            selector.register(each, selectors.EVENT_READ)
        while selector.get_map():
            ready = selector.select(max(0.0, deadline - time.monotonic()))
            if not ready:
                return found[answers], found[complaints], False
            for key, _ in ready:
                part = os.read(key.fd, 65536)
                found[key.fd] = (found[key.fd] + part)[: limits[key.fd]]
                if not part:
                    selector.unregister(key.fd)
            if len(found[answers]) > _MAX_ANSWER:
                break
    return found[answers], found[complaints], True


def _end(pid: int) -> None:
    """End what was started, and return when all of it is gone.

    The first process of its namespace is killed first: the kernel ends all others with it, and only then lets it go.
    """
    with contextlib.suppress(OSError, ValueError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    deadline = time.monotonic() + _GONE_S
    while os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None and time.monotonic() < deadline:
        time.sleep(_LOOK_S)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _environment(environ: Mapping[str, str]) -> dict[str, str]:
    return {name: environ[name] for name in _KEPT if name in environ}
