"""What decide looks at: one incident, the units around it, what the probes found, what memory knows, what was tried."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Self

from opsagent.model import Attempt, Evidence, Incident, RemedyOdds, Step
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId, UnitState

if TYPE_CHECKING:
    from opsagent.runbooks.library.card import Card


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A unit that a remedy may be meant for."""

    unit: Unit
    spec: ServiceSpec | None = None


MayTry = Callable[[tuple[Step, ...], Target], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Everything that a decision depends on. Nothing else may be asked for."""

    incident: Incident
    unit: Unit | None
    """The incident's root as it is listed now; None: it is gone from the list, or it is an engine."""
    spec: ServiceSpec | None = None
    upstream: tuple[Target, ...] = ()
    """All that the root depends on, nearest first. But for what a probe names, no plan ever concerns another unit than these and the root."""
    others: tuple[Target, ...] = ()
    """Every other unit. A plan concerns one of these only where a probe of the root names it (who fills its disk, say)."""
    downstream: frozenset[UnitId] = frozenset()
    """All that depends on the root."""
    evidence: tuple[Evidence, ...] = ()
    odds: tuple[RemedyOdds, ...] = ()
    """What memory knows of remedies for incidents like this one, best first."""
    tried: tuple[Attempt, ...] = ()
    beside: tuple[Attempt, ...] = ()
    """What was done on the root since this incident began, for another one: a disk has room again, say."""
    stopped_by_person: bool = False
    held: bool = False
    maintenance: tuple[str, float] | None = None
    """Why the root is in a maintenance window, and for how many seconds that is open; None: it is in none."""
    may_try: MayTry | None = None
    """Whether steps may be carried out only to learn whether they help: policy calls them safe, and wants no question.
    None: nothing is tried for that."""
    fresh_since: datetime | None = None
    """Evidence from before does not count: an attempt since then may have changed what it tells."""
    own: tuple[Card, ...] = ()
    """People's own runbooks; they go before those of the same cause that the agent came with."""
    now: datetime

    @classmethod
    def of(
        cls,
        incident: Incident,
        world: World,
        *,
        now: datetime,
        evidence: Sequence[Evidence] = (),
        odds: Sequence[RemedyOdds] = (),
        tried: Sequence[Attempt] = (),
        beside: Sequence[Attempt] = (),
        held: bool = False,
        fresh_since: datetime | None = None,
        may_try: MayTry | None = None,
        own: Sequence[Card] = (),
    ) -> Self:
        """Take from the world what concerns this incident."""
        root = world.units.get(incident.unit)
        above = frozenset(world.all_upstream(incident.unit))
        window = world.maintenance.open_for(incident.unit, now)
        return cls(
            incident=incident,
            unit=root,
            spec=world.spec(incident.unit),
            upstream=tuple(
                Target(unit=world.units[found], spec=world.spec(found))
                for found in world.all_upstream(incident.unit)
                if found in world.units
            ),
            others=tuple(
                Target(unit=unit, spec=world.spec(other))
                for other, unit in world.units.items()
                if other != incident.unit and other not in above
            ),
            downstream=frozenset(world.all_downstream(incident.unit)),
            evidence=tuple(evidence),
            odds=tuple(odds),
            tried=tuple(tried),
            beside=tuple(beside),
            stopped_by_person=root is not None and root.state is UnitState.STOPPED,
            held=held,
            maintenance=(window[0], (window[1] - now).total_seconds()) if window is not None else None,
            fresh_since=fresh_since,
            may_try=may_try,
            own=tuple(own),
            now=now,
        )
