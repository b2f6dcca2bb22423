"""Where a program of a terminal runs, as a port: a pty of our own (`program`), or a pane of a person's tmux (`tmux`)."""

from __future__ import annotations

from typing import Protocol

from opsagent_tools.gui.terminal.cells import Cells


class Terminal(Protocol):
    """Where a program of a terminal runs: `PtyProgram`, or a pane of tmux."""

    id: str
    term: str
    """Value of TERM in it."""
    private: bool
    """Nobody else sees it or types there. Only there are secrets typed."""

    @property
    def pid(self) -> int: ...
    @property
    def size(self) -> tuple[int, int]: ...
    @property
    def application_cursor(self) -> bool: ...
    @property
    def hides_typing(self) -> bool:
        """It reads a line without showing it: a password."""

    @property
    def reads_lines(self) -> bool:
        """It reads whole lines: nothing on the screen can be reached by keys but what is asked at the cursor."""

    @property
    def erase(self) -> bytes:
        """What takes back one character where lines are read."""

    @property
    def mouse(self) -> int:
        """The mouse mode that the program asked for; 0: it takes no mouse."""

    @property
    def unread(self) -> int:
        """Bytes that it was sent and has not read yet."""

    @property
    def reaction_s(self) -> float:
        """How long it took until it wrote something after what it was sent last; 0: it has not yet."""

    @property
    def since_sent_s(self) -> float:
        """Seconds since it was sent something."""

    @property
    def exit_code(self) -> int | None: ...
    async def cells(self) -> Cells: ...
    async def write(self, data: bytes) -> None: ...
    async def rest(self, *, quiet_s: float, timeout_s: float) -> Cells: ...
    async def resize(self, columns: int, rows: int) -> None: ...
    async def close(self) -> None: ...
