"""Runs what people want done later, in the daemon: at its time, as their plan, through the guard, exactly once.

A run is claimed in the journal before anything of it begins, and each plan of it bears the claim's name. After a crash
those plans tell what was begun: what ended is not done again, what was begun and reached nothing is begun once more
where the very processes of before are still there, and whatever cannot be told is a person's.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Protocol

from opsagent.carrying.carrier import Carrier
from opsagent.carrying.due import Facts, due, following, is_late, why_not
from opsagent.carrying.events import LAST, Ending, Person, Said
from opsagent.carrying.expanding import means_all
from opsagent.carrying.later import bare
from opsagent.carrying.stored import from_stored, unit_from_stored
from opsagent.commands.reading import CommandStep
from opsagent.commands.times import comes_again
from opsagent.naming import is_daemon
from opsagent.situation import release_of
from opsagent.store.errors import StoreError
from opsagent.store.rows import PlanRow
from opsagent.store.schedules import SCHEDULE_FAILED, ScheduleRow
from opsagent_tools.actions import ActionName
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent.check import Checker
    from opsagent.home import Home
    from opsagent.ports import AgentPort
    from opsagent.situation import Situations
    from opsagent.store.journal import Journal
    from opsagent.timeline import Timeline
    from opsagent.world import World

_LOG = logging.getLogger(__name__)
_LOOK_S = 1.0
_STORE_AGAIN_S = 2.0
_ACTIONS = frozenset(action.value for action in ActionName)
_TRIES = 2
"""How often a step is begun, where the agent died before it did anything."""


class Rooms(Protocol):
    """What the runner needs of the agent (`opsagent.agent.Agent`)."""

    home: Home
    journal: Journal
    timeline: Timeline
    world: World
    checker: Checker
    situations: Situations


class ScheduleRunner:
    """Looks once a second whether something is due."""

    def __init__(
        self,
        rooms: Rooms,
        agent: AgentPort,
        *,
        status: Callable[[], dict[str, Any]],
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`status`: what the daemon says of itself; `clock` gives aware times."""
        self._rooms = rooms
        self._agent = agent
        self._status = status
        self._clock = clock
        self._running: dict[str, asyncio.Task[None]] = {}

    async def run(self) -> None:
        """Go on with what was under way, then run whatever comes due, until cancelled; what is under way ends with it."""
        try:
            await self._shielded(self._go_on)
            while True:
                await self._shielded(self.look)
                await asyncio.sleep(_LOOK_S)
        finally:
            for task in list(self._running.values()):
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def look(self) -> None:
        """Begin what is due now."""
        now = self._clock()
        for row in await asyncio.to_thread(self._rooms.journal.schedules):
            state = due(row, now)
            if state == "not yet" or row.next_at is None:
                continue
            claim = await asyncio.to_thread(self._rooms.journal.claim_run, row.id, row.next_at)
            if claim is None:
                continue
            if state == "missed":
                await self._end(row, _missed(row))
            else:
                self._begin(replace(row, state="running", run=claim))

    async def idle(self) -> None:
        """Wait until nothing is under way."""
        await asyncio.gather(*list(self._running.values()), return_exceptions=True)

    async def _go_on(self) -> None:
        for row in await asyncio.to_thread(self._rooms.journal.schedules, ended=True):
            if row.run is not None:
                self._begin(row, resumed=True)

    def _begin(self, row: ScheduleRow, *, resumed: bool = False) -> None:
        task = asyncio.create_task(self._handle(row, resumed=resumed), name=f"schedule {row.id}")
        self._running[row.id] = task
        task.add_done_callback(lambda _: self._running.pop(row.id, None))

    async def _handle(self, row: ScheduleRow, *, resumed: bool) -> None:
        try:
            result = await self._carry(row, resumed=resumed)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001  # its person must learn of it, whatever it was
            _LOG.exception("schedule %s broke off", row.id)
            result = _Outcome(f"it broke off: {type(error).__name__}: {error}", Ending.FAILED)
        while True:
            try:
                return await self._end(row, result)
            except StoreError as error:  # a full disk, say: until it is written down nobody knows that it is over
                _LOG.warning("schedule %s: %s", row.id, error)
                await asyncio.sleep(_STORE_AGAIN_S)

    async def _shielded(self, work: Callable[[], Any]) -> None:
        """Do something that may meet a journal that cannot be written; it is tried again at the next look."""
        try:
            await work()
        except StoreError as error:
            _LOG.warning("schedules wait: %s", error)

    async def _end(self, row: ScheduleRow, result: _Outcome) -> None:
        next_at = following(row, self._clock())
        await asyncio.to_thread(self._rooms.journal.end_run, row.id, result.text, next_at)
        text = f"{row.id} ({row.text}): {result.text}"
        kind = "scheduled" if result.code == Ending.DONE else SCHEDULE_FAILED
        await asyncio.to_thread(self._rooms.journal.record_change, kind, text, row.by)
        await self._rooms.timeline.tell(kind, text)

    async def _carry(self, row: ScheduleRow, *, resumed: bool) -> _Outcome:
        """Carry out a run that is claimed, step by step; return what came of it, one line.

        `resumed`: an earlier life of the agent began it. What that did not begin is done only while it is not late.
        """
        assert row.run is not None
        said: list[str] = []
        code: int = Ending.DONE
        for number, step in enumerate(from_stored(row.steps)):
            outcome = await self._step(row, number, step, resumed=resumed)
            said.append(f"{bare(step)}: {outcome.text}")
            code = outcome.code
            if code != Ending.DONE:
                break
        return _Outcome("; ".join(said), code)

    async def _step(self, row: ScheduleRow, number: int, step: CommandStep, *, resumed: bool) -> _Outcome:
        bound = row.units[number] if number < len(row.units) else {}
        unit = _unit(bound)
        begun = await self._begun(row, number)
        if begun:
            settled = _IN_THE_MIDDLE if unit is None else await self._settled(begun[-1], len(begun))
            if settled is not None:
                return settled
        if resumed and is_late(row, self._clock()):
            return _missed(row)
        why = why_not(step, await self._facts(step, unit, bound), again=comes_again(row.at_text))
        if why:
            return _Outcome(f"not done: {why}", Ending.FAILED)
        if unit is None and means_all(step):
            return await self._say(row, step, f"{row.run}-{number}-{len(begun)}", await self._against(step))
        target = str(unit) if unit is not None else step.target
        name = f"{row.run}-{number}-{len(begun)}"
        return await self._say(row, replace(step, target=target), name)

    async def _against(self, step: CommandStep) -> dict[UnitId, str]:
        """Return what people ordered that keeps a step of everything from each unit."""
        found = {unit: why_not(step, await self._facts(step, unit, {}), again=True) for unit in self._rooms.world.units}
        return {unit: why for unit, why in found.items() if why}

    async def _say(
        self, row: ScheduleRow, step: CommandStep, plan: str, left: Mapping[UnitId, str] = MappingProxyType({})
    ) -> _Outcome:
        """Have one step carried out as its person's, who said yes to it when it was scheduled.

        `left`: units of `all` that are left alone, and why.
        """

        def plan_id(place: int) -> str:
            return f"{plan}-{place}" if place else plan

        person = Person(name=row.by, agreed=True)
        status = await asyncio.to_thread(self._status)
        forbids = (lambda _tool, unit: left.get(unit, "")) if means_all(step) else None
        carrier = Carrier(self._rooms.home, person, daemon=status, agent=self._agent, plan_id=plan_id, forbids=forbids)
        said = Said(steps=(step,), text=row.text, language=row.language)
        last = [event async for event in carrier.carry(said) if event.kind in LAST]
        failed = next((event for event in last if event.code != Ending.DONE), None)
        end = failed or last[-1]
        alone = "".join(f"; {unit.name} was left alone: {why}" for unit, why in sorted(left.items()))
        return _Outcome(f"{end.kind.replace('_', ' ')}{f': {end.text}' if end.text else ''}{alone}", end.code)

    async def _begun(self, row: ScheduleRow, number: int) -> tuple[PlanRow, ...]:
        """Return the plans of a step that an earlier life of the agent wrote down, in their order."""
        found: list[PlanRow] = []
        while True:
            name = f"{row.run}-{number}-{len(found)}"
            if not await asyncio.to_thread(self._rooms.journal.knows_plan, name):
                return tuple(found)
            found.append(await asyncio.to_thread(self._rooms.journal.plan, name))

    async def _settled(self, plan: PlanRow, tries: int) -> _Outcome | None:
        """Return what became of a plan that was begun before; None: of nothing, and it may be begun once more."""
        if plan.status in {"done", "failed", "skipped"}:
            return _Outcome(f"{plan.status}: {plan.detail}".rstrip(": "), Ending.DONE if plan.status == "done" else 1)
        if not plan.steps:  # written down, and nothing begun
            return None if tries < _TRIES else _Outcome("it was not begun", Ending.FAILED)
        if len(plan.steps) >= len(plan.plan.steps) and all(step.status == "done" for step in plan.steps):
            return _Outcome("done; the agent ended before it was watched", Ending.DONE)
        last = plan.steps[-1]
        reached = await self._rooms.checker.wait(last.step.goal, last.step.timeout_s)
        if reached and len(plan.steps) >= len(plan.plan.steps):
            return _Outcome("done; seen after a restart of the agent", Ending.DONE)
        if reached is False and len(plan.steps) == 1 and tries < _TRIES and await self._untouched(plan):
            return None
        return _IN_THE_MIDDLE

    async def _untouched(self, plan: PlanRow) -> bool:
        """Tell whether all processes that the unit had when the step was intended are still there, and no others."""
        before = plan.steps[-1].state_before.get("pids")
        if before is None:
            return False
        try:
            unit = await self._rooms.checker.unit(plan.plan.unit)
        except SupervisorError:
            return False
        return sorted(str(process.pid) for process in unit.processes) == sorted(filter(None, str(before).split(",")))

    async def _facts(self, step: CommandStep, unit: UnitId | None, bound: dict[str, Any]) -> Facts:
        journal, now = self._rooms.journal, self._clock()
        paused = str(await asyncio.to_thread(journal.paused) or "")
        if unit is None:
            return Facts(there=True, paused=paused)
        listed = unit in self._rooms.world.units
        there = listed or is_daemon(unit)  # which no supervisor lists
        try:
            state = (await self._rooms.checker.unit(unit)).state if listed else None
        except SupervisorError:
            there, state = False, None
        hold, deploy = await asyncio.to_thread(self._rooms.situations.people, unit)
        release = await asyncio.to_thread(release_of, journal, unit)
        return Facts(
            there=there,
            paused=paused,
            hold=hold,
            maintenance=self._rooms.world.in_maintenance(unit, now),
            deploy=deploy,
            taught=await asyncio.to_thread(self._taught, step, unit),
            state=state,
            redeployed=release.partition("/")[0] != str(bound.get("release", "")).partition("/")[0],
        )

    def _taught(self, step: CommandStep, unit: UnitId) -> str:
        """Return the rule by which a person forbade this at this moment; what cannot be read forbids it. Blocks."""
        if step.tool not in _ACTIONS:
            return ""
        try:
            rules = self._rooms.situations.taught()
        except StoreError as error:
            return f"what people taught cannot be read: {error}"
        return next((rule.says() for rule in rules if rule.binds(ActionName(step.tool), unit)), "")


class _Outcome:
    """How one step of a run ended."""

    __slots__ = ("code", "text")

    def __init__(self, text: str, code: int) -> None:
        self.text = text
        self.code = code


_IN_THE_MIDDLE = _Outcome("the agent ended in the middle of it: look at it, and say it again", Ending.FAILED)


def _missed(row: ScheduleRow) -> _Outcome:
    due_at = f" at {row.next_at:%Y-%m-%d %H:%M} UTC" if row.next_at is not None else ""
    return _Outcome(f"missed: it was due{due_at}, and nobody was there", Ending.FAILED)


def _unit(bound: dict[str, Any]) -> UnitId | None:
    kept = unit_from_stored(bound.get("unit"))
    return UnitId.parse(kept) if kept is not None else None
