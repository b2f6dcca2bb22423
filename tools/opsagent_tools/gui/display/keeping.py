"""The owner's side of a display's keeper: starts it, asks it to start programs, and hears how they ended.

Belongs to no event loop: answers come on a thread, so that a display may outlive the loop that opened it.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from opsagent_tools.gui.display import keeper as script
from opsagent_tools.gui.display.last_words import LastWords
from opsagent_tools.gui.port import NotUsable, ScreenError
from opsagent_tools.patience import within
from opsagent_tools.processes.proc import read_stat

_ANSWER_S = 20.0
_END_S = 10.0


class Program:
    """A program that was started on a display. It ends with the display at the latest."""

    def __init__(self, keeper: Keeper, argv: Sequence[str], pid: int, ended: Future[int]) -> None:
        self.argv = tuple(argv)
        self.pid = pid
        self._keeper = keeper
        self._ended = ended
        self._last_words = LastWords()

    @property
    def said(self) -> str:
        """The last of what it printed (4096 bytes): a text of others, redacted and escaped by whoever keeps or shows it."""
        return self._last_words.text

    def listen(self, pipe: int) -> None:
        """Catch the last of what comes through a pipe, which is closed when it ends."""
        self._last_words.catch(pipe)

    @property
    def exit_code(self) -> int | None:
        """How it ended, negative by a signal; None while it runs."""
        return self._ended.result() if self._ended.done() else None

    async def wait(self, timeout_s: float | None = None) -> int:
        """Return its exit code when it has ended. Raises TimeoutError."""
        return await within(asyncio.shield(asyncio.wrap_future(self._ended)), timeout_s)

    async def end(self, *, grace_s: float = 3.0) -> int:
        """End it and what it started: asked first (SIGTERM), killed after `grace_s`. Return its exit code."""
        return await asyncio.to_thread(self.end_now, grace_s)

    def end_now(self, grace_s: float = 3.0) -> int:
        """End it, waiting on this thread."""
        self._keeper.signal(self.pid, signal.SIGTERM)
        try:
            return self._ended.result(grace_s)
        except TimeoutError:
            self._keeper.signal(self.pid, signal.SIGKILL)
            return self._ended.result(_END_S)


class Keeper:
    """The process that keeps one display. All methods may block for a moment."""

    def __init__(self, folder: Path) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        owner = os.pidfd_open(os.getpid())
        for buffer in (socket.SO_SNDBUF, socket.SO_RCVBUF):
            ours.setsockopt(socket.SOL_SOCKET, buffer, script.PACKET * 2)
        argv = [sys.executable, "-I", "-S", script.__file__, str(theirs.fileno()), str(owner), str(folder)]
        self._process = subprocess.Popen(
            argv,
            env={},
            cwd="/",
            pass_fds=(theirs.fileno(), owner),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        theirs.close()
        os.close(owner)
        self.pid = self._process.pid
        self._folder = folder
        self._channel = ours
        self._numbers = itertools.count(1)
        self._asked: dict[int, Future[dict[str, Any]]] = {}
        self._ended: dict[int, Future[int]] = {}
        self._lock = threading.Lock()
        self._gone = False
        self._reader = threading.Thread(target=self._read, name="opsagent-display", daemon=True)
        self._reader.start()

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        *,
        cwd: Path | None = None,
        files: Sequence[int] = (),
        calm: bool = False,
    ) -> Program:
        """Start a program. `files`: descriptors of stdin, stdout, stderr, and those that `{fd}` in `argv` stand for.

        `calm`: a server, which is asked to end before it is killed. Raises NotUsable, ScreenError.
        """
        with open(os.devnull, "r+b", buffering=0) as nothing:  # noqa: PTH123
            given = [*files, *[nothing.fileno()] * (3 - len(files))]
            asked = {"do": "start", "argv": list(argv), "env": dict(env), "cwd": str(cwd or "/"), "calm": calm}
            ended: Future[int] = Future()
            answer = self._ask(asked, given, ended)
        if "error" in answer:
            where = f" ({answer['file']})" if answer["file"] not in ("", argv[0]) else ""
            raise NotUsable(f"{argv[0]} cannot be started: {answer['error']}{where}")
        return Program(self, argv, int(answer["pid"]), ended)

    def holds(self, pid: int) -> bool:
        """Tell whether a process runs under this keeper: was started on the display, or by what was."""
        seen: set[int] = set()
        while pid > 1 and pid not in seen:
            if pid == self.pid:
                return True
            seen.add(pid)
            stat = read_stat(pid)
            pid = stat.parent if stat is not None else 0
        return False

    def signal(self, pid: int, number: int) -> None:
        """Send a signal to the group of a program that was started here and has not ended."""
        self._ask({"do": "signal", "pid": pid, "number": int(number)}, ())

    def end(self) -> None:
        """End everything, and wait for it."""
        with self._lock:
            if not self._gone:
                self._channel.send(b'{"do": "end"}', socket.MSG_NOSIGNAL)
        try:
            self._process.wait(_END_S)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._reader.join(_END_S)
        self._channel.close()
        shutil.rmtree(self._folder, ignore_errors=True)  # its keeper did it, unless that was killed

    def _ask(self, asked: dict[str, Any], files: Sequence[int], ended: Future[int] | None = None) -> dict[str, Any]:
        answer: Future[dict[str, Any]] = Future()
        number = next(self._numbers)
        raw = json.dumps({"id": number, **asked}).encode()
        if len(raw) > script.PACKET:
            raise ScreenError("too much for one program: its arguments and environment are too long")
        with self._lock:
            if self._gone:
                raise ScreenError("the display has ended")
            self._asked[number] = answer
            if ended is not None:
                self._ended[number] = ended
            try:
                socket.send_fds(self._channel, [raw], list(files))
            except OSError as error:
                del self._asked[number]
                raise ScreenError(f"the display has ended ({error.strerror})") from None
        try:
            return answer.result(_ANSWER_S)
        except TimeoutError:
            raise ScreenError(f"the display's keeper (process {self.pid}) does not answer") from None

    def _read(self) -> None:
        while True:
            try:
                raw = self._channel.recv(script.PACKET)
            except OSError:
                raw = b""
            if not raw:
                break
            told = json.loads(raw)
            with self._lock:
                if "id" in told:
                    self._asked.pop(told["id"]).set_result(told)
                else:
                    self._ended.pop(told["ended"]).set_result(told["code"])
        with self._lock:
            self._gone = True
            for answer in self._asked.values():
                answer.set_exception(ScreenError("the display has ended"))
            for ended in self._ended.values():
                ended.set_result(-signal.SIGKILL)
