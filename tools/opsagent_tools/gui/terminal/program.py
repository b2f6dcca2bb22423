"""A program on a pty of its own: what it shows, what it is sent, its size, its exit code.

Whether it has come to rest is told by three things, none of which is a guess about time: it writes nothing, it has read
what it was sent (the unread bytes of its side of the pty), and no process of its foreground group is running.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import struct
import termios
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Self

from opsagent_tools.gui.port import NotUsable, SurfaceGone
from opsagent_tools.gui.terminal.cells import Cells
from opsagent_tools.gui.terminal.foreground import busy, group_of, local_flags, pts_name, unread
from opsagent_tools.gui.terminal.vt import Emulator
from opsagent_tools.patience import within

if TYPE_CHECKING:
    from ptyprocess import PtyProcess

_ENDING = ((signal.SIGHUP, 1.0), (signal.SIGTERM, 0.5), (signal.SIGKILL, 5.0))
"""What a program is told when its terminal is closed, and how many seconds it has for it."""
_AGES_S = 1e6
_ESCDELAY_MS = "25"
"""How long curses waits whether an Escape begins a longer key: by default a whole second."""
_READ_BYTES = 65536
_LONG_QUIET_S = 0.3
"""After so long without output a program is taken as at rest, whatever it computes."""


class PtyProgram:
    """A program that we started."""

    private = True

    def __init__(self, argv: Sequence[str], *, term: str, size: tuple[int, int]) -> None:
        self.argv = tuple(argv)
        self.term = term
        self.id = ""
        self._size = size
        self._emulator = Emulator(*size)
        self._fd = -1
        self._child = 0
        self._slave = ""
        self._process: PtyProcess | None = None
        self._exit: int | None = None
        self._hung_up = False
        self._last_stir = 0.0
        """When it last wrote, or was last sent something (time.monotonic)."""
        self._sent = -_AGES_S
        self._answered = True
        self._reaction_s = 0.0
        self._written = asyncio.Event()
        self._seen: Cells | None = None
        self.heard: Callable[[bytes], None] | None = None
        """Told of every byte that the program writes (a recorder shows them to the person)."""

    @classmethod
    async def start(
        cls,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        term: str = "xterm-256color",
        size: tuple[int, int] = (100, 30),
    ) -> PtyProgram:
        """Start `argv` on a new pty of `size` (columns, rows).

        Raises:
            NotUsable: there is no such program, or no pty.
        """
        from ptyprocess import PtyProcess

        program = cls(argv, term=term, size=size)
        given = dict(os.environ if env is None else env)
        given |= {"TERM": term, "ESCDELAY": _ESCDELAY_MS}
        for name in ("TERMCAP", "COLUMNS", "LINES", "TMUX", "STY"):  # the pty tells its size, and again when it changes
            given.pop(name, None)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", DeprecationWarning)  # of forkpty beside threads: it only execs
                child = PtyProcess.spawn(list(argv), env=given, cwd=cwd, dimensions=(size[1], size[0]))
        except (OSError, ValueError) as error:
            raise NotUsable(f"{argv[0]} cannot be started on a terminal: {error}") from error
        program._take(child)
        return program

    def _take(self, child: PtyProcess) -> None:
        self._process = child
        self._fd, self._child = child.fd, child.pid
        self.id = f"pty:{self._child}"
        self._slave = os.ptsname(self._fd) if hasattr(os, "ptsname") else pts_name(self._fd)
        os.set_blocking(self._fd, False)
        self._last_stir = time.monotonic()
        asyncio.get_running_loop().add_reader(self._fd, self._readable)

    # what it shows

    async def cells(self) -> Cells:
        """Return what is shown now; also after it ended. Never waits."""
        if self._seen is None:
            self._seen = self._emulator.cells()
        return self._seen

    async def rest(self, *, quiet_s: float, timeout_s: float) -> Cells:
        """Wait until it came to rest (at least `quiet_s` without output); after `timeout_s` return what there is."""
        until = time.monotonic() + timeout_s
        while not self._hung_up and (now := time.monotonic()) < until:
            quiet = now - self._last_stir
            wait = quiet_s - quiet
            if wait <= 0:
                if not self.unread and (quiet >= _LONG_QUIET_S or self._idle()):
                    break
                wait = 0.005
            self._written.clear()
            with contextlib.suppress(TimeoutError):
                await within(self._written.wait(), min(wait, until - now))
        return await self.cells()

    def _idle(self) -> bool:
        """None of its foreground processes is running."""
        return not any(busy(pid) for pid in group_of(self._child, self._foreground()))

    @property
    def unread(self) -> int:
        return unread(self._slave)

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, _READ_BYTES)
        except BlockingIOError:
            return
        except OSError:  # EIO: nobody has the other side open any more
            data = b""
        if not data:
            self._hang_up()
            return
        self._last_stir = now = time.monotonic()
        if not self._answered:
            self._answered = True
            self._reaction_s = now - self._sent
        self._seen = None
        answer = self._emulator.feed(data)
        if self.heard:
            self.heard(data)
        if answer:
            with contextlib.suppress(OSError):
                os.write(self._fd, answer)
        self._written.set()

    def _hang_up(self) -> None:
        self._hung_up = True
        with contextlib.suppress(Exception):
            asyncio.get_running_loop().remove_reader(self._fd)
        self._written.set()

    # what it is

    @property
    def reaction_s(self) -> float:
        return self._reaction_s

    @property
    def since_sent_s(self) -> float:
        return time.monotonic() - self._sent

    @property
    def child(self) -> int:
        """Pid of the program that was started (its foreground program may be another: `pid`)."""
        return self._child

    @property
    def pid(self) -> int:
        return self._foreground() if self.exit_code is None else self._child

    def _foreground(self) -> int:
        try:
            return os.tcgetpgrp(self._fd)
        except OSError:
            return self._child

    @property
    def size(self) -> tuple[int, int]:
        """Columns and rows."""
        return self._size

    @property
    def application_cursor(self) -> bool:
        return self._emulator.application_cursor

    @property
    def mouse(self) -> int:
        return self._emulator.mouse if self._emulator.mouse_sgr else 0

    @property
    def hides_typing(self) -> bool:
        flags = local_flags(self._fd)
        return bool(flags & termios.ICANON) and not flags & termios.ECHO

    @property
    def reads_lines(self) -> bool:
        return bool(local_flags(self._fd) & termios.ICANON)

    @property
    def erase(self) -> bytes:
        try:
            return bytes(termios.tcgetattr(self._fd)[6][termios.VERASE])
        except (OSError, termios.error, TypeError):
            return b"\x7f"

    @property
    def exit_code(self) -> int | None:
        """None: it runs. Negative: the signal that ended it."""
        if self._exit is None and self._child:
            try:
                pid, status = os.waitpid(self._child, os.WNOHANG)
            except ChildProcessError:
                self._exit = -1
                return self._exit
            if pid:
                self._exit = os.waitstatus_to_exitcode(status)
        return self._exit

    # what is done to it

    async def write(self, data: bytes) -> None:
        """Send bytes as if they were typed. Raises SurfaceGone."""
        while data:
            self._last_stir = self._sent = time.monotonic()
            self._answered, self._reaction_s = False, 0.0
            if self._hung_up or self.exit_code is not None:
                raise SurfaceGone(f"{self.argv[0]} has ended (exit code {self.exit_code})")
            try:
                data = data[os.write(self._fd, data) :]
            except BlockingIOError:
                await asyncio.sleep(0.005)
            except OSError as error:
                raise SurfaceGone(f"{self.argv[0]} no longer reads from its terminal") from error

    async def resize(self, columns: int, rows: int) -> None:
        """Give it another size; the kernel tells the program (SIGWINCH)."""
        self._emulator.resize(columns, rows)
        self._seen = None
        self._size = (columns, rows)
        with contextlib.suppress(OSError):
            fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self._last_stir = time.monotonic()

    async def wait(self, timeout_s: float) -> int | None:
        """Wait until it ended; return its exit code, None if it still runs."""
        until = time.monotonic() + timeout_s
        while self.exit_code is None:  # the pid is reaped by asking
            if time.monotonic() >= until:
                break
            await asyncio.sleep(0.01)
        return self.exit_code

    async def close(self) -> None:
        """End the program as a terminal that is closed does (SIGHUP), and for good if it stays. Idempotent."""
        if self._fd < 0:
            return
        for sign, patience_s in _ENDING:
            groups = {self._child, self._foreground()}
            if self.exit_code is not None:
                break
            for group in groups:
                with contextlib.suppress(OSError):
                    os.killpg(group, sign)
            await self.wait(patience_s)
        self._hang_up()
        self._fd = -1
        if self._process is not None:
            self._process.fileobj.close()  # its own close() would wait, and signal the pid that is reaped already
            self._process.closed = self._process.terminated = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
