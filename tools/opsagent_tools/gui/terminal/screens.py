"""Programs of terminals for a procedure: started here on ptys of their own, ended when it lets go of them."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from typing import Self

from opsagent_tools.gui.model import Window
from opsagent_tools.gui.port import NotUsable, Secrets, Surface, SurfaceGone
from opsagent_tools.gui.terminal.holding import Terminal
from opsagent_tools.gui.terminal.program import PtyProgram
from opsagent_tools.gui.terminal.surface import TerminalSurface


class TerminalScreens:
    """The terminals that we run; `opsagent_tools.gui.replay.Screens` for them."""

    def __init__(
        self,
        *,
        env: Mapping[str, str] | None = None,
        cwd: str | None = None,
        term: str = "xterm-256color",
        size: tuple[int, int] = (100, 30),
        secrets: Secrets | None = None,
    ) -> None:
        """Make a place for terminals.

        env: of the programs; None: ours.
        size: columns and rows.
        """
        self._env, self._cwd, self._term, self._size = env, cwd, term, size
        self.secrets = secrets
        self._programs: dict[str, Terminal] = {}
        self._surfaces: dict[str, TerminalSurface] = {}
        self._warm: asyncio.Task[None] | None = None

    async def start(self, command: Sequence[str]) -> None:
        """Start a program on a terminal of its own. Raises NotUsable."""
        if not command:
            raise NotUsable("no command was given to start on a terminal")
        self._warm = self._warm or asyncio.create_task(asyncio.to_thread(_warm_up))
        program = await PtyProgram.start(command, env=self._env, cwd=self._cwd, term=self._term, size=self._size)
        self.hold(program)

    def hold(self, program: Terminal) -> TerminalSurface:
        """Take a program that runs already: a `PtyProgram`, which `close` ends, or a `tmux.TmuxPane`, which goes on."""
        self._programs[program.id] = program
        self._surfaces[program.id] = TerminalSurface(program, secrets=self.secrets)
        return self._surfaces[program.id]

    async def windows(self) -> Sequence[Window]:
        """Return the terminals whose program runs, the last started first."""
        found = []
        for surface in reversed(self._surfaces.values()):
            try:
                found.append(await surface.window())
            except SurfaceGone:
                continue
        return found

    async def surfaces(self, window: Window) -> Sequence[Surface]:
        """Return the one way to look at a terminal. Raises SurfaceGone."""
        surface = self._surfaces.get(window.id)
        if surface is None:
            raise SurfaceGone(f"there is no terminal {window.id}")
        return (surface,)

    async def exit_code(self, window: Window) -> int | None:
        """Return what the program of a terminal ended with; None: it runs. Negative: the signal that ended it."""
        program = self._programs.get(window.id)
        return program.exit_code if program else None

    async def close(self) -> None:
        """End all programs that were started here as a terminal that is closed does. Idempotent."""
        for program in self._programs.values():
            await program.close()
        if self._warm is not None:
            await self._warm

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def _warm_up() -> None:
    """Find the fonts of pictures while the program starts; without Pillow there will be no pictures."""
    with contextlib.suppress(ImportError):
        from opsagent_tools.gui.terminal import drawing

        drawing.warm_up()
