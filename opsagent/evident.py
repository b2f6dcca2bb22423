"""Asks what a remedy itself wants to hold once it is verified: its `verify` conditions, by probes that are run afresh."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from opsagent.model import Evidence, Incident, Plan, ProbeRequest
from opsagent.runbooks.case import Case, Target
from opsagent.runbooks.findings import Findings, NotAsked
from opsagent.runbooks.library.conditions import Broken, ConditionError, Held, holds, parse
from opsagent.world import World

Probing = Callable[[Sequence[ProbeRequest]], Awaitable[Sequence[Evidence]]]
_ROUNDS = 4
"""A condition asks for what it needs at once; whoever asks for ever is not asked any more."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What the conditions showed."""

    holds: bool
    why: str = ""
    """Which of them does not hold, or could not be found out."""
    unknown: bool = False
    """Nobody could find out: that is no reason to think that it did not help."""


class Conditions:
    """Runs probes for conditions, and judges them. Changes nothing."""

    def __init__(self, world: World, probe: Probing) -> None:
        self._world = world
        self._probe = probe

    async def of(self, incident: Incident, plan: Plan) -> Shown:
        """Tell whether all that the plan wants to hold does so now."""
        if not plan.verify:
            return Shown(holds=True)
        try:
            wanted = [parse(text) for text in plan.verify]
        except ConditionError as error:  # written by another version
            return Shown(holds=False, why=str(error), unknown=True)
        evidence: list[Evidence] = []
        for _ in range(_ROUNDS):
            findings = Findings(Case.of(incident, self._world, evidence=evidence, now=datetime.now(UTC)))
            unit = self._world.units.get(plan.unit)
            target = Target(unit=unit, spec=self._world.spec(plan.unit)) if unit is not None else None
            try:
                found: Held | Broken = holds(wanted, findings, plan.unit, target)
            except NotAsked as missing:
                evidence.extend(await self._probe(missing.requests))
                continue
            if isinstance(found, Held):
                return Shown(holds=True, why=found.why)
            return Shown(holds=False, why=found.why, unknown=found.unknown)
        return Shown(holds=False, why="what it wants to hold asks for ever more", unknown=True)
