"""A pane of a person's tmux: seen by `capture-pane`, typed into by a buffer that is pasted as it is and deleted.

It belongs to whoever sits in front of it: no secrets are typed there, its size is theirs, and closing lets go of it only.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass

from opsagent_tools.gui.port import NotUsable, SurfaceGone
from opsagent_tools.gui.terminal.cells import Cells
from opsagent_tools.gui.terminal.foreground import busy, foreground_of, group_of, local_flags, opened, unread
from opsagent_tools.gui.terminal.vt import Emulator
from opsagent_tools.patience import within

_FORMAT = "\t".join(
    f"#{{{name}}}"
    for name in (
        "pane_pid", "pane_tty", "pane_width", "pane_height", "cursor_x", "cursor_y", "cursor_flag", "alternate_on",
        "keypad_cursor_flag", "pane_dead", "pane_dead_status", "pane_title",
    )
)  # fmt: skip
_BUFFER = "opsagent"
_EVERY_S = 0.03
_QUIET_S = 0.06
_LONG_QUIET_S = 0.3
_COMMAND_S = 5.0
_ICANON, _ECHO = 0o2, 0o10


@dataclass(frozen=True, slots=True)
class _Pane:
    """What tmux tells of a pane."""

    pid: int
    tty: str
    size: tuple[int, int]
    cursor: tuple[int, int]
    shown: bool
    alternate: bool
    application: bool
    dead: bool
    status: int | None
    title: str


class TmuxPane:
    """A pane that runs already."""

    private = False
    mouse = 0
    erase = b"\x7f"

    def __init__(self, target: str, *, socket: str = "", term: str = "tmux-256color") -> None:
        """Name a pane.

        target: as tmux knows it (`%3`, `session:window.pane`).
        socket: path of the server's socket; empty: the default one.
        term: TERM of the programs in it (tmux's `default-terminal`).
        """
        self.id = f"tmux:{target}"
        self.term = term
        self._target = target
        self._tmux = ("tmux", *(("-S", socket) if socket else ()))
        self._pane: _Pane | None = None
        self._cells: Cells | None = None
        self._gone = False
        self._stirred = self._sent = time.monotonic()
        self._answered, self._reaction_s = True, 0.0

    async def open(self) -> None:
        """Find the pane. Raises NotUsable: there is no tmux, or no such pane."""
        await self.cells()
        if self._pane is None:
            raise NotUsable(f"tmux has no pane {self._target}")

    async def cells(self) -> Cells:
        """Return what is shown now. Raises SurfaceGone."""
        pane = await self._told()
        if pane is None:
            self._gone = True
            if self._cells is None:
                raise SurfaceGone(f"tmux has no pane {self._target}")
            return self._cells
        text = await self._run("capture-pane", "-p", "-e", "-N", "-t", self._target)
        emulator = Emulator(*pane.size)
        rows = text.decode("utf-8", "replace").split("\n")[: pane.size[1]]
        for number, row in enumerate(rows, start=1):
            emulator.feed(f"\x1b[{number};1H\x1b[0m\x0f{row}".encode())
        emulator.feed(f"\x1b[{pane.cursor[1] + 1};{pane.cursor[0] + 1}H\x1b[?25{'h' if pane.shown else 'l'}".encode())
        emulator.feed(f"\x1b]2;{pane.title}\x07".encode())
        cells = emulator.cells()
        if self._cells is None or cells.digest != self._cells.digest:
            self._cells, self._stirred = cells, time.monotonic()
            if not self._answered:
                self._answered, self._reaction_s = True, self._stirred - self._sent
        self._pane = pane
        return self._cells

    async def rest(self, *, quiet_s: float, timeout_s: float) -> Cells:
        """Wait until what is shown stays as it is and no process of the foreground runs; at most `timeout_s`."""
        until = time.monotonic() + timeout_s
        while True:
            cells = await self.cells()
            now = time.monotonic()
            quiet = now - max(self._stirred, self._sent)
            if (
                self._gone
                or now >= until
                or (quiet >= max(quiet_s, _QUIET_S) and not self.unread and self._idle(quiet))
            ):
                return cells
            await asyncio.sleep(_EVERY_S)

    def _idle(self, quiet: float) -> bool:
        return quiet >= _LONG_QUIET_S or not any(busy(pid) for pid in group_of(self._shell, self.pid))

    @property
    def _shell(self) -> int:
        return self._pane.pid if self._pane else 0

    @property
    def pid(self) -> int:
        """Of the foreground program."""
        return foreground_of(self._shell) or self._shell

    @property
    def size(self) -> tuple[int, int]:
        return self._pane.size if self._pane else (0, 0)

    @property
    def application_cursor(self) -> bool:
        return bool(self._pane and self._pane.application)

    @property
    def hides_typing(self) -> bool:
        flags = self._flags()
        return bool(flags & _ICANON) and not flags & _ECHO

    @property
    def reads_lines(self) -> bool:
        return bool(self._flags() & _ICANON)

    def _flags(self) -> int:
        try:
            with opened(self._pane.tty if self._pane else "") as fd:
                return local_flags(fd)
        except OSError:
            return 0

    @property
    def unread(self) -> int:
        return unread(self._pane.tty) if self._pane else 0

    @property
    def reaction_s(self) -> float:
        return self._reaction_s

    @property
    def since_sent_s(self) -> float:
        return time.monotonic() - self._sent

    @property
    def exit_code(self) -> int | None:
        """None: it runs. -1: the pane is gone, and nobody knows how its program ended."""
        if self._pane is not None and self._pane.dead:
            return self._pane.status if self._pane.status is not None else -1
        return -1 if self._gone else None

    async def write(self, data: bytes) -> None:
        """Send bytes as if they were typed. Raises SurfaceGone."""
        self._sent, self._answered, self._reaction_s = time.monotonic(), False, 0.0
        name = f"{_BUFFER}-{os.getpid()}"
        await self._run("load-buffer", "-b", name, "-", given=data)
        await self._run("paste-buffer", "-d", "-r", "-b", name, "-t", self._target)

    async def resize(self, columns: int, rows: int) -> None:
        """Do nothing: the size is that of whoever sits in front of it."""

    async def close(self) -> None:
        """Let go of it; the program goes on."""

    async def _told(self) -> _Pane | None:
        try:
            told = (await self._run("display-message", "-p", "-t", self._target, _FORMAT)).decode("utf-8", "replace")
        except SurfaceGone:
            return None
        fields = told.rstrip("\n").split("\t")
        if len(fields) < 12 or not fields[0]:
            return None
        pid, tty, width, height, x, y = fields[:6]
        shown, alternate, application, dead = (one == "1" for one in fields[6:10])
        status = int(fields[10]) if fields[10].isdigit() else None
        size, cursor = (int(width), int(height)), (int(x), int(y))
        return _Pane(int(pid), tty, size, cursor, shown, alternate, application, dead, status, fields[11])

    async def _run(self, *words: str, given: bytes | None = None) -> bytes:
        """Ask tmux. Raises SurfaceGone: it has no such pane; NotUsable: there is no tmux."""
        command: Sequence[str] = (*self._tmux, *words)
        try:
            process = await asyncio.create_subprocess_exec(
                *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
            )
        except OSError as error:
            raise NotUsable(f"tmux cannot be asked: {error}") from error
        out, wrong = await within(process.communicate(given or b""), _COMMAND_S)
        if process.returncode:
            raise SurfaceGone(f"tmux has no pane {self._target}: {wrong.decode('utf-8', 'replace').strip()}")
        return out
