"""`opsagent` in a process of its own that is forked from one that has imported it, for tests that start it over and over.

Nearly all that a command costs is starting Python and importing: half a second of a processor, more than a thousand times
in a run of the tests. A process is started once for each process of pytest, imports, and from then on only forks. What it
forks has its own arguments, environment, folder, standard streams and exit code, and ends as Python ends. All of opsagent is
imported there already, and variables for Python itself (PYTHON…) say nothing any more: what a command loads, and what it does
under another locale or on a terminal, is shown by tests that start it for real.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import importlib
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import traceback
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Any, TextIO

_LEFT_OUT = ("opsagent.brain.chat_model", "opsagent.brain.loop", "opsagent.mcp_server", "opsagent.store.migrations")
"""Heavy, and used by few."""
_WORD = struct.Struct("!i")
_STREAMS = 3
_ARGUMENTS, _ENVIRONMENT = slice(45, 47), slice(47, 49)
"""Where they begin and end, among what stands behind the name in /proc/PID/stat (proc_pid_stat(5), fields 48 to 51)."""
_ROOM = " " * 10_000
"""Held free for the command line, and for the environment, of what is forked."""


class Forked:
    """One that runs, or did: what `subprocess.Popen` offers, as far as tests need it."""

    def __init__(self, channel: socket.socket, stdout: TextIO | None) -> None:
        self.pid = _number(channel)
        self.stdout = stdout
        self.returncode: int | None = None
        self._channel = channel

    def wait(self, timeout: float | None = None) -> int:
        """Wait until it has ended, and return how. Raises subprocess.TimeoutExpired."""
        if self.returncode is None:
            self._channel.settimeout(timeout)
            try:
                self.returncode = os.waitstatus_to_exitcode(_number(self._channel))
            except (TimeoutError, BlockingIOError):
                raise subprocess.TimeoutExpired("opsagent", timeout or 0) from None
            self._channel.close()
        return self.returncode

    def poll(self) -> int | None:
        """Return how it ended, or None."""
        with suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def send_signal(self, number: int) -> None:
        """Send a signal, unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        """End it by force where it has not ended yet."""
        self.send_signal(signal.SIGKILL)
        self.wait()

    def communicate(self, timeout: float | None = None) -> tuple[str, None]:
        """Read the rest of what it tells and wait for its end. Raises subprocess.TimeoutExpired."""
        if self.stdout is None or self.stdout.closed:
            self.wait(timeout)
            return "", None
        with ThreadPoolExecutor(1) as thread:
            told = thread.submit(_take, self.stdout)
            try:
                self.wait(timeout)
            finally:
                self.kill()
            return told.result(), None


def start_opsagent(
    arguments: Sequence[str], *, env: Mapping[str, str], out: IO[Any] | int, err: IO[Any] | int
) -> Forked:
    """Start `opsagent ARGUMENTS` with nothing to read. `out`, `err`: where it writes to; `out` may be subprocess.PIPE."""
    reads, writes = os.pipe() if out == subprocess.PIPE else (None, None)
    with Path(os.devnull).open() as nothing:
        streams = [nothing, out if writes is None else writes, err]
        theirs = [one if isinstance(one, int) else one.fileno() for one in streams]
        channel = _asked(arguments, env, theirs)
    if writes is not None:
        os.close(writes)
    return Forked(channel, None if reads is None else os.fdopen(reads))


def run_opsagent(
    arguments: Sequence[str], *, env: Mapping[str, str], stdin: str = "", timeout: float = 100
) -> subprocess.CompletedProcess[str]:
    """Run `opsagent ARGUMENTS` as `subprocess.run` would: with pipes, text in and out, killed after `timeout` seconds.

    Raises subprocess.TimeoutExpired.
    """
    pipes = [os.pipe() for _ in range(_STREAMS)]
    theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
    give, out, err = (os.fdopen(pipes[0][1], "w"), os.fdopen(pipes[1][0]), os.fdopen(pipes[2][0]))
    try:
        process = Forked(_asked(arguments, env, theirs), None)
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    with ThreadPoolExecutor(_STREAMS) as threads:
        threads.submit(_give, give, stdin)
        told = [threads.submit(_take, stream) for stream in (out, err)]
        try:
            process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(arguments, process.wait(), *(one.result() for one in told))


def _asked(arguments: Sequence[str], env: Mapping[str, str], streams: Sequence[int]) -> socket.socket:
    order = json.dumps({"arguments": list(arguments), "env": dict(env), "cwd": str(Path.cwd())}).encode()
    channel = socket.socket(socket.AF_UNIX)
    channel.connect(str(_nursery()))
    socket.send_fds(channel, [_WORD.pack(len(order))], streams)
    channel.sendall(order)
    return channel


def _give(stream: TextIO, text: str) -> None:
    try:
        with stream:
            stream.write(text)
    except BrokenPipeError:  # it does not read
        pass


def _take(stream: TextIO) -> str:
    with stream:
        return stream.read()


def _number(channel: socket.socket) -> int:
    return int(_WORD.unpack(_exactly(channel, _WORD.size))[0])


def _exactly(channel: socket.socket, size: int) -> bytes:
    found = b""
    while len(found) < size:
        part = channel.recv(size - len(found))
        assert part, "the process that forks hung up"
        found += part
    return found


@cache
def _nursery() -> Path:
    """Start the process that forks; return its socket. It ends with this one, or when this one does."""
    folder = tempfile.TemporaryDirectory(prefix="oa-", dir="/tmp")
    path = Path(folder.name) / "socket"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(path))
        listener.listen()
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.forked", str(listener.fileno()), _ROOM],
            env={**os.environ, "ROOM": _ROOM},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=Path(__file__).resolve().parents[2],
            pass_fds=[listener.fileno()],
        )
    assert process.stdin is not None

    def end() -> None:
        process.stdin.close()  # type: ignore[union-attr]
        process.wait(30)
        folder.cleanup()

    atexit.register(end)
    return path


# The other side


def _serve(listener: socket.socket) -> dict[str, Any] | None:
    """Fork for each that asks; return what to run in a process that shall run it, and None in all others."""
    gc.collect()
    gc.freeze()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    while True:
        ready, _, _ = select.select([listener.fileno(), 0], [], [])
        if 0 in ready:
            return None
        asked, _ = listener.accept()
        with asked:
            if os.fork() == 0:
                listener.close()
                return _bear(asked)


def _bear(asked: socket.socket) -> dict[str, Any] | None:
    """Fork once more: one runs, the other tells who it is and how it ended."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    size, descriptors, _, _ = socket.recv_fds(asked, _WORD.size, _STREAMS)
    order: dict[str, Any] = json.loads(_exactly(asked, _WORD.unpack(size)[0]))
    pid = os.fork()
    if pid == 0:
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        return order
    for descriptor in (*range(_STREAMS), *descriptors):
        os.close(descriptor)
    asked.sendall(_WORD.pack(pid))
    asked.sendall(_WORD.pack(os.waitpid(pid, 0)[1]))
    os._exit(0)


def _import_everything() -> None:
    import opsagent

    for module in pkgutil.walk_packages(opsagent.__path__, "opsagent."):
        if not module.name.startswith(_LEFT_OUT) and not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def _main() -> None:
    listener = socket.socket(fileno=int(sys.argv[1]))
    _import_everything()
    order = _serve(listener)
    if order is None:
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(order["cwd"])
    os.environ.clear()
    os.environ.update(order["env"])
    sys.argv = ["opsagent", *order["arguments"]]
    _be_seen_as([sys.executable, "-m", "opsagent", *order["arguments"]], order["env"])
    _open_streams()
    try:
        runpy.run_module("opsagent", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # as Python itself would
        traceback.print_exc()
        code = 1
    _end(code)


def _open_streams() -> None:
    """Open them as Python does for a locale in UTF-8: errors are told line by line, whatever is in them."""
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


def _be_seen_as(command: Sequence[str], env: Mapping[str, str]) -> None:
    """Let the kernel tell others this command line and environment: it reads them where the process has them."""
    if sys.platform != "linux":
        return
    fields = Path("/proc/self/stat").read_text().rpartition(")")[2].split()
    arguments = [os.fsencode(one) for one in command]
    variables = [os.fsencode(f"{name}={value}") for name, value in env.items()]
    for texts, (start, end) in ((arguments, fields[_ARGUMENTS]), (variables, fields[_ENVIRONMENT])):
        written = b"".join(text + b"\0" for text in texts)[: int(end) - int(start) - 1]
        ctypes.memmove(int(start), written.ljust(int(end) - int(start), b"\0"), int(end) - int(start))


def _end(code: int) -> None:
    """End as Python does, without freeing what was imported, which takes as long as importing it."""
    threading._shutdown()  # type: ignore[attr-defined]  # it waits for threads
    atexit._run_exitfuncs()
    try:
        sys.stdout.flush()
    except OSError as error:
        print(f"Exception ignored in: {sys.stdout!r}\n{error!r}", file=sys.stderr)
        code = 120
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    _main()
