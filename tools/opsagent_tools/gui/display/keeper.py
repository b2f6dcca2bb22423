"""The keeper of one display: a small process that starts everything on it, and leaves nothing of it behind.

Run as a script on the standard library alone (`python -I -S keeper.py SOCKET OWNER FOLDER`). It is the reaper of all its
descendants (PR_SET_CHILD_SUBREAPER, prctl(2)), so also of programs that detach themselves or that D-Bus starts. It ends
them, and removes the folder, when it is told to or when its owner is gone (a pidfd becomes readable), be it by kill -9.
What it started itself ends with it (PR_SET_PDEATHSIG), should it be killed.

One JSON object per packet. In: {"id", "do": "start", "argv", "env", "cwd", "calm", "files": 3 or more} with that many
descriptors (stdin, stdout, stderr, then those that `{fd}` in argv stand for); {"id", "do": "signal", "pid", "number"};
{"do": "end"}. Out: {"id", "pid"} or {"id", "error", "file"}; {"ended", "code"} when
what was started by the request of that id has ended.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PACKET = 1 << 17
"""Bytes a packet may have."""
DESCRIPTORS = 8
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_GRACE_S, _PARTING_S = 2.0, 0.7
LOCK = "kept"
"""Name of the file in the folder that a living keeper holds locked."""
_LIBC = ctypes.CDLL(None, use_errno=True)


class _Keeper:
    def __init__(self, channel: socket.socket) -> None:
        self._channel = channel
        self._started: dict[int, tuple[int, subprocess.Popen[bytes]]] = {}
        """By pid: the request that started it."""
        self._calm: set[int] = set()
        """Servers: they end last, and are asked to first, so that they take their sockets and locks away."""
        self._servers: set[int] = set()

    def serve(self, owner: int) -> None:
        """Do what is asked until the owner says end, or is gone."""
        woken, wake = os.pipe()
        os.set_blocking(wake, False)
        signal.set_wakeup_fd(wake)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for stop in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(stop, _leave)
        poll = select.poll()
        for descriptor in (self._channel.fileno(), owner, woken):
            poll.register(descriptor, select.POLLIN)
        while True:
            ready = {descriptor for descriptor, _ in poll.poll()}
            if woken in ready:
                os.read(woken, 4096)
                self._reap()
            if owner in ready or (self._channel.fileno() in ready and not self._answer()):
                return

    def _answer(self) -> bool:
        raw, descriptors, _, _ = socket.recv_fds(self._channel, PACKET, DESCRIPTORS)
        try:
            asked: dict[str, Any] = json.loads(raw) if raw else {"do": "end"}
            if asked["do"] == "end":
                return False
            try:
                answer = self._start(asked, descriptors) if asked["do"] == "start" else self._signal(asked)
            except OSError as error:
                answer = {"error": error.strerror or str(error), "file": str(error.filename or "")}
            self._tell({"id": asked["id"], **answer})
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _start(self, asked: dict[str, Any], files: list[int]) -> dict[str, Any]:
        calm = bool(asked.get("calm"))
        more = iter(files[3:])
        argv = [word.replace("{fd}", str(next(more))) if "{fd}" in word and calm else word for word in asked["argv"]]
        last_wish = signal.SIGTERM if calm else signal.SIGKILL
        keeper = os.getpid()

        def before_it_runs() -> None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(last_wish), 0, 0, 0)
            if os.getppid() != keeper:
                os._exit(127)

        process = subprocess.Popen(
            argv,
            env=asked["env"],
            cwd=asked.get("cwd"),
            stdin=files[0],
            stdout=files[1],
            stderr=files[2],
            pass_fds=files[3:],
            preexec_fn=before_it_runs,  # noqa: PLW1509 (there is one thread)
            start_new_session=True,
        )
        self._started[process.pid] = (asked["id"], process)
        if calm:
            self._calm.add(process.pid)
            self._servers.add(process.pid)
        return {"pid": process.pid}

    def _signal(self, asked: dict[str, Any]) -> dict[str, Any]:
        pid = asked["pid"]
        if pid in self._started:  # not reaped yet, so the pid is still its own
            with contextlib.suppress(ProcessLookupError):
                os.killpg(pid, asked["number"])
        return {"pid": pid}

    def _reap(self) -> None:
        for pid, status in iter(_waited, None):
            if pid in self._started:
                number, process = self._started.pop(pid)
                process.returncode = os.waitstatus_to_exitcode(status)
                self._calm.discard(pid)
                self._tell({"ended": number, "code": process.returncode})

    def _tell(self, what: dict[str, Any]) -> None:
        with contextlib.suppress(OSError):  # the owner is gone: that is seen at its pidfd
            self._channel.send(json.dumps(what).encode(), socket.MSG_NOSIGNAL)

    def end_all(self) -> None:
        """End every descendant: programs first, then the servers that they use; all are asked before they are killed."""
        signal.set_wakeup_fd(-1)
        for find, wait_s in ((self._programs, _PARTING_S), (_descendants, _GRACE_S)):
            for pid in find():
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(pid, signal.SIGTERM)
            if not _gone(find, wait_s):
                _kill(find)
        _unlock_displays(self._servers)

    def _programs(self) -> set[int]:
        return _descendants() - self._calm


def _waited() -> tuple[int, int] | None:
    try:
        pid, status = os.waitpid(-1, os.WNOHANG)
    except ChildProcessError:
        return None
    return (pid, status) if pid else None


def _leave(*_: object) -> None:
    raise SystemExit


def _descendants() -> set[int]:
    """Return the living descendants of this process; those whose parents ended count, for they are ours then."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):  # noqa: PTH208
        if name.isdecimal():
            with contextlib.suppress(OSError, ValueError, IndexError):
                raw = Path(f"/proc/{name}/stat").read_bytes()
                state, parent = raw[raw.rindex(b")") + 2 :].split()[:2]
                if state not in b"ZX":
                    parents[int(name)] = int(parent)
    ours, more = {os.getpid()}, True
    while more:
        found = {pid for pid, parent in parents.items() if parent in ours} - ours
        ours |= found
        more = bool(found)
    return ours - {os.getpid()}


def _gone(find: Callable[[], set[int]], within_s: float) -> bool:
    deadline = time.monotonic() + within_s
    while True:
        for _ in iter(_waited, None):
            pass
        if not find():
            return True
        if time.monotonic() >= deadline:
            return False
        time.sleep(0.005)


def _kill(find: Callable[[], set[int]]) -> None:
    deadline = time.monotonic() + _GRACE_S
    while (found := find()) and time.monotonic() < deadline:
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        _gone(find, 0.05)


def _unlock_displays(servers: set[int]) -> None:
    """Take away the lock and the socket of an X server that had to be killed; one that ended by itself left none."""
    for lock in Path("/tmp").glob(".X*-lock"):  # noqa: S108 (where X servers keep them)
        with contextlib.suppress(OSError, ValueError):
            if int(lock.read_text()) in servers:
                number = lock.name.removeprefix(".X").removesuffix("-lock")
                lock.unlink()
                Path(f"/tmp/.X11-unix/X{number}").unlink(missing_ok=True)  # noqa: S108


def main() -> None:
    """Keep a display until its owner ends it, or ends."""
    channel = socket.socket(fileno=int(sys.argv[1]))
    owner = int(sys.argv[2])
    folder = Path(sys.argv[3])
    os.umask(0o077)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    _LIBC.prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    held = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(held, fcntl.LOCK_EX)
    keeper = _Keeper(channel)
    try:
        keeper.serve(owner)
    finally:
        for stop in (signal.SIGTERM, signal.SIGHUP):
            signal.signal(stop, signal.SIG_IGN)
        keeper.end_all()
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
