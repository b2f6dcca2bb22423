"""Screens with only one kind of surface: what pixels alone are worth."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent_tools.gui.model import SurfaceKind, Window
from opsagent_tools.gui.port import Surface
from opsagent_tools.gui.replay import Screens


class OnlyKind:
    """Hides all surfaces but those of one kind."""

    def __init__(self, screens: Screens, kind: SurfaceKind) -> None:
        self._screens = screens
        self._kind = kind

    async def windows(self) -> Sequence[Window]:
        return await self._screens.windows()

    async def surfaces(self, window: Window) -> Sequence[Surface]:
        return tuple(one for one in await self._screens.surfaces(window) if one.kind is self._kind)

    async def start(self, command: Sequence[str]) -> None:
        await self._screens.start(command)

    async def exit_code(self, window: Window) -> int | None:
        return await self._screens.exit_code(window)


class NoSecrets:
    """No procedure of the eval holds one."""

    def fetch(self, name: str) -> str:
        """Raise KeyError."""
        raise KeyError(name)
