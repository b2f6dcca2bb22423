"""Does a window tell what it shows? Then here is its surface."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from opsagent_tools.gui.accessible.bus import Bus, Silent
from opsagent_tools.gui.accessible.means import Camera, Means
from opsagent_tools.gui.accessible.surface import AccessibleSurface, surface_of
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Window
from opsagent_tools.gui.port import Desktop, NotUsable, ScreenError, Secrets

_TRY_S = 0.1


async def offers(
    window: Window,
    desktop: Desktop,
    env: Mapping[str, str],
    *,
    hands: Hands | None = None,
    secrets: Secrets | None = None,
    camera: Camera | None = None,
    wait_s: float = 0.0,
) -> AccessibleSurface | None:
    """Return the accessible surface of a window, None where its program tells nothing. Close it after use.

    Args:
        window: of the display that `env` is of.
        desktop: the windows of that display.
        env: of programs there (AT_SPI_BUS_ADDRESS or DBUS_SESSION_BUS_ADDRESS).
        hands: pointer and keys there; None: it is only looked at.
        secrets: where secrets come from.
        camera: takes pictures of the screen, masked.
        wait_s: how long to wait for a program that has just been started: toolkits join the bus late.
    """
    try:
        bus = await Bus.open(env)
    except NotUsable:
        return None
    try:
        surface = await _found(window, desktop, bus, Means(hands=hands, secrets=secrets, camera=camera), wait_s)
    except BaseException:
        await bus.close()
        raise
    if surface is None:
        await bus.close()
    return surface


async def _found(window: Window, desktop: Desktop, bus: Bus, means: Means, wait_s: float) -> AccessibleSurface | None:
    clock = asyncio.get_running_loop().time
    patience_s = 0.0 if window.popup else wait_s
    end = clock() + patience_s  # a menu is told of as a part of its window, mostly
    while True:
        try:
            window = await desktop.now(window)
            surface = await surface_of(window, desktop, bus, means)
        except Silent:  # it is there, and slow: a busy machine
            surface, end, patience_s = None, end + 2 * patience_s, 0.0
        except ScreenError:  # it does not answer, or two of its windows cannot be told apart: other surfaces can
            surface = None
        if surface is not None or clock() >= end:
            return surface
        await asyncio.sleep(_TRY_S)
