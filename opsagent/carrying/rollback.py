"""A rollback: the difference is looked at and shown first, then asked about, then handed to the agent. No terminal here."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

from opsagent.carrying.events import Ending, Event
from opsagent.carrying.following import ended_as, follow
from opsagent.carrying.heeding import standing_against
from opsagent.carrying.working import Desk, Place

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.model import Plan
    from opsagent.releases.difference import Difference
    from opsagent.releases.keeper import Keeper
    from opsagent.store.rows import ReleaseRow
    from opsagent_tools.services.spec import ServiceSpec
    from opsagent_tools.units import Unit


class CannotCompare(Exception):
    """The files of a release cannot be compared: one of them is not what it should be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What differs from a release that was good, and the plan that puts it back."""

    found: Difference
    row: ReleaseRow
    plan: Plan | None
    """None: there is nothing to put back, or it is refused (`found.refused`)."""


class Rollback:
    """Looks, for one unit; changes nothing."""

    def __init__(self, home: Home, unit: Unit, spec: ServiceSpec | None) -> None:
        self._home = home
        self._unit = unit
        self._spec = spec

    async def look(self, to: str | None = None) -> Looked:
        """Return the difference to the release `to` (default: the last good one), and the plan.

        Raises LookupError where there is no such release, CannotCompare, SupervisorError, StoreError.
        """
        from opsagent.config import Config
        from opsagent.releases.opening import keeper_of

        config = await asyncio.to_thread(Config.load, self._home)
        well = await self._is_well()
        async with keeper_of(self._home, config, self._unit.id.supervisor) as keeper:
            row = await asyncio.to_thread(keeper.find, self._unit.id, to)
            found = await self._difference(keeper, row)
            if not found.restores:
                return Looked(found=found, row=row, plan=None)
            release, replaces = await asyncio.to_thread(keeper.keep_states, found)
        canary_s = config.policy.canary_s
        plan = self._made(release, replaces, row.label, canary_s=canary_s, well=well)
        return Looked(found=found, row=row, plan=plan)

    async def taking_back(self) -> Plan:
        """Return the plan that takes the last rollback back. LookupError: none is known."""
        from opsagent.config import Config
        from opsagent.releases.opening import keeper_of

        config = await asyncio.to_thread(Config.load, self._home)
        well = await self._is_well()
        async with keeper_of(self._home, config, self._unit.id.supervisor) as keeper:
            last = await asyncio.to_thread(keeper.journal.last_rollback, self._unit.id)
        if last is None:
            raise LookupError(f"no rollback of {self._unit.name} is known that could be taken back")
        release, replaces = str(last.args["replaces"]), str(last.args["release"])
        label, canary_s = "what it had before the rollback", config.policy.canary_s
        return self._made(release, replaces, label, canary_s=canary_s, well=well)

    async def _difference(self, keeper: Keeper, row: ReleaseRow) -> Difference:
        from opsagent_tools.files import UnsafeFile

        try:
            return await keeper.difference(self._unit, row)
        except (UnsafeFile, OSError) as error:
            raise CannotCompare(f"{self._unit.name} cannot be rolled back: {error}") from error

    def _made(self, release: str, replaces: str, label: str, *, canary_s: float, well: bool) -> Plan:
        from opsagent.releases.plans import rollback_plan

        return rollback_plan(
            self._unit, self._spec, release=release, replaces=replaces, label=label, well=well, canary_s=canary_s
        )

    async def _is_well(self) -> bool:
        """Tell whether there is something to lose: it serves now, as far as anybody can ask."""
        from opsagent_tools.probes.health import ask
        from opsagent_tools.units import UnitState

        if self._unit.state is not UnitState.RUNNING or len(self._unit.processes) < self._unit.instances:
            return False
        health = self._spec.health if self._spec is not None else None
        return health is None or (await ask(health)).ok


async def roll_back(desk: Desk, place: Place) -> Event:
    """Do as `opsagent rollback UNIT` does. Raises UnknownService, SupervisorError, StoreError, ApiError, LockTaken."""
    from opsagent.running import find

    unit = find(place.step.target or "", desk.running.units, silent=desk.running.silent)
    try:
        looked = await Rollback(desk.home, unit, desk.running.spec(unit.id)).look()
    except LookupError as error:
        return place.ends("failed", str(error), Ending.USAGE)
    except CannotCompare as error:
        return place.ends("refused", str(error), Ending.REFUSED)
    desk.tell(place.shown(*_lines(looked, unit.name)))
    if looked.plan is None:
        if looked.found.refused:
            return place.ends("refused", looked.found.refused, Ending.REFUSED)
        return place.ends("done", desk.say("nothing to put back"))
    against = (await standing_against(desk.home))("rollback", unit.id)
    if against:
        desk.tell(place.shown(desk.say("taught", rule=against)))
    yes = await desk.confirmed(desk.say("roll back"), anew=True)
    if yes is False:
        return place.declined(desk)
    plan, by = looked.plan, desk.person.name
    async with desk.open_agent(lambda: False) as agent:
        ended = await follow(desk, place, agent.submit(plan, confirmed=yes is True, by=by), plan=plan.id)
    return ended_as(place, ended, plan=plan.id)


def _lines(looked: Looked, name: str) -> list[str]:
    from opsagent.views.release import as_lines
    from opsagent.views.terminal import Screen

    return as_lines(looked.found, looked.row, name, Screen())
