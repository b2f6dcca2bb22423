"""Says whether an attempt helped, against the baseline from before the fault, and whether it made anything worse."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from opsagent.aftermath import errors_go_on, grows_on
from opsagent.check import Checker
from opsagent.detectors.saturation import lasts
from opsagent.evident import Conditions, Shown
from opsagent.model import Check, CheckKind, Fault, Incident, Plan, Verdict
from opsagent.naming import is_daemon
from opsagent.world import World
from opsagent_tools.actions import ActionName
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.units import UnitId

_POLL_S = 0.2
_PATIENCE_S = 5.0
"""How much longer than `verify_s` the units concerned may take to become well, on top of a start's own grace."""
_MEMORY_WELL_BELOW = 0.7
"""A leak counts as repaired when no instance is above this share of its limit."""
_SLOWER_FACTOR, _SLOWER_FLOOR_S = 5.0, 0.5
"""A health answer that takes this much longer than the baseline (and longer than the floor) is not well."""
_NOT_USUAL_YET = timedelta(seconds=60)
"""A probe that has failed for less than this does so because of what an incident is about to be opened for."""


@dataclass(slots=True)
class _Usual:
    healthy: bool = False
    latency_s: float = 0.0


def _limit_s(incident: Incident, unit: UnitId) -> float:
    """Return from how many seconds on an answer of the unit is slow, as detect told when it was too slow."""
    told = [one.data["limit_s"] for one in incident.symptoms if one.unit == unit and "limit_s" in one.data]
    return min((float(one) for one in told), default=float("inf"))


@dataclass(slots=True)
class Baseline:
    """How the units were while nothing was wrong. `watch` keeps it; verification compares with it."""

    usual: dict[UnitId, _Usual] = field(default_factory=dict)

    def watch(self, world: World, troubled: Iterable[UnitId], now: datetime) -> None:
        """Take the present for usual, except of units that an open incident concerns."""
        left_out = set(troubled)
        for unit in world.units:
            health = world.health.get(unit)
            if unit in left_out or health is None:
                continue
            usual = self.usual.setdefault(unit, _Usual())
            usual.healthy = health.ok or (usual.healthy and now - health.since < _NOT_USUAL_YET)
            if health.ok:
                usual.latency_s += (health.latency_s - usual.latency_s) * (0.1 if usual.latency_s else 1.0)

    def was_well(self, unit: UnitId) -> bool:
        """Tell whether the unit was healthy before; a unit without a probe is taken to have been."""
        usual = self.usual.get(unit)
        return usual is None or usual.healthy

    def too_slow(self, unit: UnitId, latency_s: float) -> bool:
        """Tell whether a health answer took far longer than it usually did."""
        usual = self.usual.get(unit)
        return (
            usual is not None and usual.healthy and latency_s > max(_SLOWER_FLOOR_S, usual.latency_s * _SLOWER_FACTOR)
        )


class Verifier:
    """Watches the units concerned until they have stayed well for long enough, or time is up."""

    def __init__(
        self,
        checker: Checker,
        world: World,
        baseline: Baseline,
        open_incidents: Callable[[], Iterable[Incident]] = tuple,
        conditions: Conditions | None = None,
    ) -> None:
        """`conditions`: who asks what a remedy itself wants to hold; None: nobody does."""
        self._conditions = conditions
        self._checker = checker
        self._world = world
        self._baseline = baseline
        self._open_incidents = open_incidents

    async def well_now(self, units: Iterable[UnitId]) -> frozenset[UnitId]:
        """Return which of `units` are healthy at this moment."""
        asked = list(units)
        answers = await asyncio.gather(
            *(self._checker.holds(Check(kind=CheckKind.HEALTHY, unit=unit)) for unit in asked)
        )
        return frozenset(unit for unit, answer in zip(asked, answers, strict=True) if answer is True)

    def concerned(self, incident: Incident) -> frozenset[UnitId]:
        """Return the units that have to be well again: the root, what suffers from it, what depends on it."""
        units = {incident.unit, *incident.affected, *self._world.all_downstream(incident.unit)}
        known = {unit for unit in units if unit in self._world.units or is_daemon(unit)}
        return frozenset(unit for unit in known if unit == incident.unit or self._baseline.was_well(unit))

    async def verify(self, incident: Incident, plan: Plan, well_before: frozenset[UnitId]) -> Verdict:
        """Judge an attempt. `well_before`: the other units that were healthy right before it.

        Better is: whoever is concerned stays well for `plan.verify_s`, with the same processes, without the errors that it
        began with, and all holds that the remedy itself wants to hold.
        """
        everybody = concerned = self.concerned(incident)
        loop = asyncio.get_running_loop()
        began = loop.time()
        deadline = began + plan.verify_s + self._patience_s(concerned)
        well_since: float | None = None
        recovered_at = datetime.now(UTC)
        lives: object = None
        unwell: frozenset[UnitId] = concerned
        amiss = ""
        while loop.time() < deadline:
            concerned = everybody - (self._ill_of_their_own(incident) - well_before)
            unwell = concerned - await self.well_now(concerned)
            unwell |= frozenset(unit for unit in concerned if self._still_ill(incident, unit))
            before, lives = lives, await self._lives(incident, plan)
            if unwell or (well_since is not None and lives != before):  # who ends again and again is not well
                well_since = None
            elif well_since is None:
                well_since, recovered_at = loop.time(), datetime.now(UTC)
            if well_since is not None and loop.time() - well_since >= plan.verify_s:
                verdict, amiss = await self._well_for_long(incident, plan, recovered_at)
                if verdict is not None:
                    return replace(verdict, recovered_in_s=well_since - began)
            await asyncio.sleep(_POLL_S)
        harmed = well_before - concerned - await self.well_now(well_before - concerned)
        names = ", ".join(sorted(unit.name for unit in unwell | harmed))
        why = f"not well: {names}" if names or not amiss else amiss
        if not harmed and await self._cannot_be_told(plan.unit):
            return Verdict(better=False, unproven=True, why=f"nobody can tell how {plan.unit.name} is")
        treated = any(step.action.name is not ActionName.RENICE for step in plan.steps)
        helped = treated and plan.unit not in unwell and bool(await self.well_now([plan.unit]))
        return Verdict(better=False, worse=bool(harmed), helped=helped, why=why)

    async def _well_for_long(self, incident: Incident, plan: Plan, since: datetime) -> tuple[Verdict | None, str]:
        """Judge who has stayed well for long enough: a verdict, or what is still amiss, which may take a little longer."""
        now, well = datetime.now(UTC), f"well for {plan.verify_s:g} s"
        errors = errors_go_on(incident, incident.unit, self._world, since, now)
        if errors and incident.fault is Fault.ERROR_BURST:
            return None, errors
        shown = await self._conditions.of(incident, plan) if self._conditions is not None else Shown(holds=True)
        if not shown.holds and not shown.unknown:
            return None, shown.why
        doubt = errors or ("" if shown.holds else shown.why)
        if (
            doubt
        ):  # its probes say that it is well: text alone does not say the contrary, and neither does a silent probe
            return Verdict(
                better=True, unproven=True, why=f"{well}, but whether that mended it is not proven: {doubt}"
            ), ""
        growth = grows_on(incident.unit, self._world, since) if incident.fault is Fault.MEMORY_GROWTH else ""
        return Verdict(better=True, why="; ".join(filter(None, (well, growth)))), ""

    async def _lives(self, incident: Incident, plan: Plan) -> object:
        """Return the processes of those that the attempt is about."""
        found = {}
        for unit in {incident.unit, plan.unit}:
            with suppress(SupervisorError):
                found[unit] = None if is_daemon(unit) else frozenset((await self._checker.unit(unit)).processes)
        return {unit: {process.key for process in processes or ()} for unit, processes in found.items()}

    async def _cannot_be_told(self, unit: UnitId) -> bool:
        return await self._checker.holds(Check(kind=CheckKind.HEALTHY, unit=unit)) is None

    def _ill_of_their_own(self, incident: Incident) -> frozenset[UnitId]:
        """Return the units that another incident is about, too: this one's repair does not make them well."""
        others = [one for one in self._open_incidents() if one.id != incident.id]
        return frozenset(unit for one in others for unit in (one.unit, *one.affected)) - {incident.unit}

    def _patience_s(self, units: Iterable[UnitId]) -> float:
        specs = [self._world.spec(unit) for unit in units]
        graces = [spec.health.grace_s for spec in specs if spec is not None and spec.health is not None]
        return _PATIENCE_S + max(graces, default=0.0)

    def _still_ill(self, incident: Incident, unit: UnitId) -> bool:
        health = self._world.health.get(unit)
        if health is not None and health.ok and self._baseline.too_slow(unit, health.latency_s):
            return True
        if health is not None and health.ok and health.latency_s > _limit_s(incident, unit):
            return True
        if incident.fault is Fault.SATURATION and unit == incident.unit:
            return lasts(incident, self._world, datetime.now(UTC))
        return incident.fault is Fault.MEMORY_GROWTH and unit == incident.unit and self._swollen(unit)

    def _swollen(self, unit: UnitId) -> bool:
        spec, current = self._world.spec(unit), self._world.units.get(unit)
        if spec is None or spec.max_memory is None or current is None:
            return False
        alive = {process.key for process in current.processes}
        latest = [series[-1] for key, series in self._world.past(unit).samples.items() if series and key in alive]
        return any(float(sample.data["rss"]) > spec.max_memory * _MEMORY_WELL_BELOW for sample in latest)
