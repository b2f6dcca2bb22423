"""How the daemon of a supervisor was started, as /proc shows it while it lives, and how it is started again.

A leaf beside the port, for adapters whose daemons people start by hand or from a unit file. Standard library only.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from opsagent_tools.processes.proc import is_alive, key_of, read_stat
from opsagent_tools.supervisors.port import NotSupported, SupervisorError
from opsagent_tools.units import ProcessKey

_READ_MAX = 1024 * 1024
_START_S = 15.0
_PYTHON = re.compile(r"(python|pypy)[\d.]*")
_TAKES_ONE = frozenset({"-W", "-X", "--check-hash-based-pycs"})
"""Options of Python's command line with a value of their own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """One daemon that lives, or lived."""

    key: ProcessKey
    uid: int
    argv: tuple[str, ...] = field(repr=False)
    cwd: str
    environ: tuple[tuple[str, str], ...] | None = field(default=None, repr=False)
    """What it was started with; secrets among it: it leaves this record only to start it again. None: not ours to see."""
    parent: int = 1
    service: str = ""
    """systemd's unit that it belongs to."""

    def not_ours(self, what: str) -> str:
        """Say why it is not for us to start it again, in words for a person; empty: it is."""
        if self.service:
            return f"systemd runs this {what}: systemctl start {self.service}"
        if self.uid != os.geteuid():
            return f"this {what} is user {self.uid}'s: only that user starts it again"
        if self.environ is None:
            return f"the environment that this {what} ran with is not known: start it as you did before"
        return ""

    def demand_ours(self, what: str) -> None:
        """Raise NotSupported where it is not for us to start it; SupervisorError where it lives."""
        if is_alive(self.key):
            raise SupervisorError(f"{what} (process {self.key.pid}) lives and does not answer: it is not doubled")
        reason = self.not_ours(what)
        if reason:
            raise NotSupported(reason)

    def start_again(self, what: str) -> None:
        """Start it as it was started; it puts itself into the background. Blocks; raises SupervisorError."""
        import subprocess  # `opsagent ps` comes along here, and starts nothing

        try:
            done = subprocess.run(
                self.argv,
                cwd=self.cwd if Path(self.cwd).is_dir() else "/",
                env=dict(self.environ or ()),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                start_new_session=True,
                timeout=_START_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise SupervisorError(f"{what} cannot be started: {error}") from None
        if done.returncode:
            says = " ".join(done.stderr.decode(errors="replace").split())[:300]
            raise SupervisorError(f"{what} did not start (exit code {done.returncode}): {says}")


T = TypeVar("T", bound=Started)


def started_as(pid: int, names: Collection[str], record: type[T]) -> T | None:
    """Look at a living daemon; None where there is no such process, or its command line has none of these names."""
    key, stat = key_of(pid), read_stat(pid)
    if key is None or stat is None or stat.dead:
        return None
    proc = Path(f"/proc/{pid}")
    try:
        argv = tuple(os.fsdecode(part) for part in _read(proc / "cmdline").split(b"\0")[:-1])
        uid = proc.stat().st_uid
    except OSError:
        return None
    if program_at(argv, names) is None:
        return None
    return record(
        key=key,
        uid=uid,
        argv=argv,
        cwd=_cwd(proc),
        environ=_environ(proc),
        parent=stat.parent,
        service=_service(proc),
    )


def program_at(argv: Sequence[str], names: Collection[str]) -> int | None:
    """Return where in a command line the program of one of these names stands: first, or as what a Python runs."""
    if not argv:
        return None
    if Path(argv[0]).name in names:
        return 0
    if _PYTHON.fullmatch(Path(argv[0]).name) is None:
        return None
    at = 1
    while at < len(argv) and argv[at].startswith("-"):
        if argv[at] == "-m":
            at += 1
            break
        if argv[at] == "-c":
            return None
        at += 2 if argv[at] in _TAKES_ONE else 1
    return at if at < len(argv) and Path(argv[at]).name in names else None


def shares_our_root(pid: int) -> bool:
    """Tell whether paths mean the same to this process as to us: in a container they do not."""
    try:
        theirs, ours = Path(f"/proc/{pid}/root").stat(), Path("/").stat()
    except OSError:  # not ours to see: what it names is looked at as anything else
        return True
    return (theirs.st_dev, theirs.st_ino) == (ours.st_dev, ours.st_ino)


def _service(proc: Path) -> str:
    """The last `NAME.service` of its control group, but not the session's or the user manager's own."""
    try:
        lines = _read(proc / "cgroup").decode(errors="replace").splitlines()
    except OSError:
        return ""
    for line in lines:
        last = line.rpartition("/")[2]
        if last.endswith(".service") and not last.startswith("user@"):
            return last
    return ""


def _cwd(proc: Path) -> str:
    try:
        return str((proc / "cwd").readlink())
    except OSError:
        return "/"


def _environ(proc: Path) -> tuple[tuple[str, str], ...] | None:
    try:
        parts = _read(proc / "environ").split(b"\0")
    except OSError:
        return None
    pairs = (os.fsdecode(part).partition("=") for part in parts if b"=" in part)
    return tuple((key, value) for key, _, value in pairs)


def _read(path: Path) -> bytes:
    with path.open("rb", buffering=0) as file:
        return file.read(_READ_MAX) or b""
