"""What a probe may ask: the supervisors, freshly and once per round, and the world as it is known."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar
from opsagent.releases.keeper import Keeper
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import Supervisor, SupervisorUnreachable
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import Unit, UnitId


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a probe found out; becomes Evidence."""

    kind: EvidenceKind
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    """`said` is the one-line summary for a person."""
    text: UntrustedText | None = None


@dataclass(slots=True, kw_only=True)
class Room:
    """One round of probes. The supervisor is asked about each unit once, however many probes want to know."""

    world: World
    supervisors: Mapping[str, Supervisor]
    now: datetime
    last_good_dir: Path | None = None
    releases: Keeper | None = None
    people: Callable[[UnitId], tuple[str, str]] | None = None
    """Says why a unit is on hold, and who deploys it; each empty where that is not so. Blocks for a query."""
    _asked: dict[UnitId, asyncio.Future[Unit]] = field(default_factory=dict)

    async def unit(self, unit: UnitId) -> Unit:
        """Return the unit as its supervisor sees it now. Raises SupervisorError."""
        if unit not in self._asked:
            self._asked[unit] = asyncio.ensure_future(self.supervisor(unit).describe(unit))
        return self.world.described(await asyncio.shield(self._asked[unit]))

    def supervisor(self, unit: UnitId) -> Supervisor:
        """Return who runs the unit. Raises SupervisorUnreachable."""
        found = self.supervisors.get(unit.supervisor)
        if found is None:
            raise SupervisorUnreachable(f"no supervisor of kind {unit.supervisor} is watched")
        return found

    def spec(self, unit: UnitId) -> ServiceSpec | None:
        """Return how a person described the unit."""
        return self.world.spec(unit)

    def close(self) -> None:
        """Let go of questions that nobody waits for any more."""
        for future in self._asked.values():
            if future.done():
                future.cancelled() or future.exception()
            else:
                future.cancel()


Probe = Callable[[Room, UnitId], Awaitable[Found]]


def name_of(text: str, limit: int = 40) -> str:
    """Return a name that a process gave itself, safe to show and not too long."""
    return str(UntrustedText(text).truncated(limit)).replace("\n", " ")
