"""What detect notices in logs: everything in them is text, so all of it is only noticed (bursts apart)."""

from __future__ import annotations

from datetime import datetime

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.log_flood import flood
from opsagent.detectors.log_news import NewsDetector
from opsagent.detectors.log_share import ShareDetector
from opsagent.detectors.log_silence import SilenceDetector
from opsagent.model import Incident, Signal, SignalKind
from opsagent.notice import Notice
from opsagent.world import World
from opsagent_tools.units import UnitId, UnitState

_TIDY_S = 10.0
"""Between two looks at which units there are."""


class LogDetectors:
    """All detectors of logs, with what they learnt of each unit in bounded memory."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._news = NewsDetector(config)
        self._share = ShareDetector(config)
        self._silence = SilenceDetector(config)
        self._tidied: datetime | None = None

    def observe(self, signal: Signal, now: datetime, *, muted: bool = False) -> list[Notice]:
        """Take LOG_NEW, LOG_ERROR or LOG_VOLUME. `muted`: nobody wants to hear of this unit now."""
        if signal.kind is not SignalKind.LOG_VOLUME:
            news = self._news.observe(signal, now, muted=muted)
            return [news] if news is not None else []
        self._silence.observe(signal, now)
        found = (self._share.observe(signal, now), flood(signal, now, self._config))
        return [notice for notice in found if notice is not None]

    def tick(self, world: World, now: datetime) -> list[Notice]:
        """Judge what time alone decides."""
        if self._tidied is None or (now - self._tidied).total_seconds() >= _TIDY_S:
            self._tidied = now
            units = list(world.units)
            self._news.know(units, now)
            self._share.know(units)
            self._silence.know(units)
        running = [unit.id for unit in world.units.values() if unit.state is UnitState.RUNNING and unit.processes]
        for unit in world.units.keys() - set(running):
            self._silence.pause(unit, now)
        return self._silence.tick(running, now)

    def beside_a_hang(self, unit: UnitId, now: datetime) -> list[Notice]:
        """Return that a unit that hangs is silent too, where it is."""
        silence = self._silence.beside_a_hang(unit, now)
        return [silence] if silence is not None else []

    def released(self, unit: UnitId, at: datetime) -> None:
        """The unit got another release then."""
        self._news.released(unit, at)

    def repaired(self, incident: Incident, now: datetime, *, sure: bool = True) -> None:
        """An incident is thought repaired (`sure` False: by an earlier life of the agent)."""
        self._news.repaired(incident, now, sure=sure)
