"""`opsagent` in a process of its own that is forked from one that has imported it, for tests that start it over and over.

Nearly all that a command costs is starting Python and importing: half a second of a processor, more than a thousand times
in a run of the tests. A process is started once for each process of pytest, imports, and from then on only forks. What it
forks has its own arguments, environment, folder, standard streams and exit code, and ends as Python ends. It imports
nothing more than it would otherwise, but earlier: what a command loads is shown by tests that start it for real.
"""

from __future__ import annotations

import atexit
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
from functools import cache
from pathlib import Path
from typing import Any, TextIO

_LEFT_OUT = ("opsagent.brain.chat_model", "opsagent.brain.loop", "opsagent.mcp_server", "opsagent.store.migrations")
"""Heavy, and used by few."""
_WORD = struct.Struct("!i")
_STREAMS = 3


def run_opsagent(
    arguments: Sequence[str], *, env: Mapping[str, str], stdin: str = "", timeout: float = 100
) -> subprocess.CompletedProcess[str]:
    """Run `opsagent ARGUMENTS` as `subprocess.run` would: with pipes, text in and out, killed after `timeout` seconds.

    Raises subprocess.TimeoutExpired.
    """
    order = json.dumps({"arguments": list(arguments), "env": dict(env), "cwd": str(Path.cwd())}).encode()
    pipes = [os.pipe() for _ in range(_STREAMS)]
    theirs = [pipes[0][0], pipes[1][1], pipes[2][1]]
    give, out, err = (os.fdopen(pipes[0][1], "w"), os.fdopen(pipes[1][0]), os.fdopen(pipes[2][0]))
    with socket.socket(socket.AF_UNIX) as asked, ThreadPoolExecutor(_STREAMS) as threads:
        try:
            asked.connect(str(_nursery()))
            socket.send_fds(asked, [_WORD.pack(len(order))], theirs)
            asked.sendall(order)
        finally:
            for descriptor in theirs:
                os.close(descriptor)
        threads.submit(_give, give, stdin)
        told = [threads.submit(_take, stream) for stream in (out, err)]
        code = _ended(asked, arguments, timeout)
        return subprocess.CompletedProcess(arguments, code, *(one.result() for one in told))


def _ended(asked: socket.socket, arguments: Sequence[str], timeout: float) -> int:
    pid = _number(asked)
    asked.settimeout(timeout)
    try:
        return os.waitstatus_to_exitcode(_number(asked))
    except TimeoutError:
        os.kill(pid, signal.SIGKILL)
        raise subprocess.TimeoutExpired(list(arguments), timeout) from None


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
            [sys.executable, "-m", "tests.support.forked", str(listener.fileno())],
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
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        setattr(sys, name, open(number, mode, encoding="utf-8", closefd=False))  # noqa: SIM115
    try:
        runpy.run_module("opsagent", run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:  # noqa: BLE001  # as Python itself would
        traceback.print_exc()
        code = 1
    _end(code)


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
