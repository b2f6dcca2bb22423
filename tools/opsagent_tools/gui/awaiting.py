"""What is waited for while a gesture is done, and after it: that it is over, and that its window is still."""

from __future__ import annotations

import asyncio
import time

from opsagent_tools.gui.finding import BUSY_S, Found
from opsagent_tools.gui.model import Look
from opsagent_tools.gui.port import ScreenError, SurfaceGone, Unfinished

_LONGEST_GESTURE_S = 60.0
_AGAIN_S = 0.2


async def settled(found: Found) -> Look | None:
    """Return what is seen after a gesture, None where the window is gone; a program that is busy is asked again."""
    until = time.monotonic() + BUSY_S
    while True:
        try:
            return await found.surface.settle()
        except SurfaceGone:
            return None
        except ScreenError:
            if time.monotonic() >= until:
                raise
            await asyncio.sleep(_AGAIN_S)


async def untouched(found: Found) -> bool:
    """Tell whether the window shows what it showed before; what cannot be looked at may have changed."""
    try:
        return (await found.surface.look()).digest == found.look.digest
    except ScreenError:
        return False


async def finished(task: asyncio.Future[None]) -> bool:
    """Wait until a gesture is over, and return whether somebody wanted to end it meanwhile. Raises Unfinished."""
    cancelled, until = False, time.monotonic() + _LONGEST_GESTURE_S
    while not task.done():
        try:
            await asyncio.wait({task}, timeout=max(0.0, until - time.monotonic()))
        except asyncio.CancelledError:
            cancelled = True
        if time.monotonic() >= until and not task.done():
            task.cancel()
            raise Unfinished(f"a gesture did not end within {_LONGEST_GESTURE_S:g} s")
    if cancelled and not task.cancelled():
        task.exception()  # whoever cancels does not hear of it
    return cancelled
