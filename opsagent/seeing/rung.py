"""The last rung of a replay: the configured vision model, where there is one and it may be asked."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from opsagent_tools.gui.finding import LastRung
from opsagent_tools.gui.model import Fingerprint, Located, Look, NotLocated
from opsagent_tools.gui.port import Surface

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.screen_settings import ScreenSettings


@asynccontextmanager
async def last_rung(home: Home, settings: ScreenSettings) -> AsyncIterator[LastRung | None]:
    """Return who is asked where a target is that nothing else finds; None: nobody may be. Nothing is started before."""
    if settings.model.first is None:
        yield None
        return
    from opsagent.brain.orders import Unusable
    from opsagent.seeing.desk import Seer
    from opsagent_tools.gui.vision.grounding import ground

    try:
        seer = Seer(home, settings)
    except Unusable:  # doctor says why
        yield None
        return

    async def asks(fingerprint: Fingerprint, surface: Surface, look: Look) -> Located | NotLocated:
        return await ground(fingerprint, surface, look, seer.task())

    try:
        yield asks
    finally:
        await seer.close()
