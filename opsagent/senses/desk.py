"""What all senses share: the world that they paint, and the one way by which a signal leaves."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from opsagent.model import EvidenceKind, Scalar, Signal, SignalKind
from opsagent.world import World
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import ProcessKey, UnitId

_log = logging.getLogger(__name__)

Emit = Callable[[Signal], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class SenseSettings:
    """How often the senses look, and how long they wait."""

    sample_s: float = 1.0
    """Between two samples of a process."""
    host_s: float = 5.0
    """Between two samples of the machine itself."""
    resync_s: float = 30.0
    """Between two listings of a supervisor that reports nothing."""
    coalesce_s: float = 0.02
    """Events that come within this time lead to one listing."""
    settle_s: float = 0.002
    """How long a death waits for its supervisor to say whether it was told to end that process: if a signal ended it
    that nobody sends at first (a supervisor that kills has asked long before, and its word is here)."""
    settle_asked_s: float = 0.05
    """The same where it ended as processes do that are asked to."""
    settle_unheard_s: float = 0.5
    """The same while the supervisor's events are not followed yet, so that only its answer tells."""
    follow_s: float = 2.0
    """How long the senses wait at first for a supervisor's events to be followed."""
    log_active_s: float = 0.1
    """Between two looks at a log that is being written."""
    log_busy_s: float = 0.25
    """The same where lines come all the time, and no errors are among them."""
    log_idle_s: float = 1.0
    """Between two looks at a log that is quiet."""
    log_repeat_s: float = 1.0
    """The same error of the same unit is told once in this time, with a count."""
    log_held_s: float = 0.3
    """So long the beginning of a stack trace waits for the rest of it."""
    log_volume_s: float = 5.0
    """How much a unit logs is told once in this time."""
    log_learn_s: float = 180.0
    """So long nothing that a unit logs is called new, when it was never seen before."""
    log_keep_s: float = 3.0
    """What is known of logs is kept once in this time: so much is counted again after a kill, at most."""
    probe_again_s: float = 0.25
    """After a failed probe, and after a start, the next one comes this soon."""
    retry_s: float = 1.0
    """A sense that failed begins again after this time."""


class Desk:
    """Where senses put what they noticed."""

    def __init__(self, world: World, emit: Emit, settings: SenseSettings) -> None:
        self.world = world
        self.settings = settings
        self._emit = emit

    def tell(
        self,
        kind: SignalKind,
        unit: UnitId | None,
        evidence: EvidenceKind,
        *,
        process: ProcessKey | None = None,
        text: UntrustedText | None = None,
        data: Mapping[str, Scalar] | None = None,
    ) -> None:
        """Take one observation into the world, then hand it on."""
        at = datetime.now(UTC)
        signal = Signal(kind=kind, unit=unit, at=at, evidence=evidence, process=process, data=data or {}, text=text)
        self.world.apply(signal)
        try:
            self._emit(signal)
        except Exception:  # noqa: BLE001  whoever listens must not stop a sense
            _log.exception("a listener failed on %s of %s", kind, unit)

    async def keep(self, name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` for ever: whatever one sense trips over, it begins again, and the others never notice."""
        while True:
            await self.tried(name, work)
            await asyncio.sleep(self.settings.retry_s)

    @staticmethod
    async def tried(name: str, work: Callable[[], Awaitable[None]]) -> None:
        """Run `work` once; its failing is noted and stops nobody else."""
        try:
            await work()
        except Exception:  # noqa: BLE001  one sense failing must not stop the others
            _log.exception("%s failed", name)
