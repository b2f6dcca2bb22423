"""Carries steps out, one after the other until one does not succeed: for `do`, for conversations, for schedules."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent.carrying.events import Ending, Event, Person, Said
from opsagent.carrying.expanding import Forbids, expand, means_all
from opsagent.carrying.heeding import forbidding
from opsagent.carrying.working import Desk, Place, given
from opsagent.model import Risk
from opsagent_tools.registry import ORDERS, PROCEDURES, READING

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from opsagent.commands.reading import CommandStep
    from opsagent.home import Home
    from opsagent.ports import AgentPort
    from opsagent.running import Running
    from opsagent_tools.units import UnitId

_GRAVE = frozenset({Risk.DISRUPTIVE, Risk.DESTRUCTIVE})
_SHOWN_FIRST = frozenset({"reload", "restart", "scale", "rollback"})
"""What is asked about when it is known what it will cost."""


class Carrier:
    """Carries out what one person said in one home."""

    def __init__(
        self,
        home: Home,
        person: Person,
        *,
        running: Running | None = None,
        daemon: Mapping[str, Any] | None = None,
        agent: AgentPort | None = None,
        plan_id: Callable[[int], str | None] = lambda _: None,
        forbids: Forbids | None = None,
    ) -> None:
        """`running`, `daemon`: what runs and what the daemon says, where that is known already. `agent`: one that is
        open already (the daemon's own). `plan_id`: the id that the plan of a step has to bear, by the step's place.
        `forbids`: which units of `all` are left alone, and why; without it: what people taught.
        """
        self._home = home
        self._person = person
        self._running = running
        self._daemon = daemon
        self._agent = agent
        self._plan_id = plan_id
        self._forbids = forbids
        self._left: tuple[CommandStep, ...] = ()
        self._agreed: frozenset[int] = frozenset()
        """Places of steps that they have said yes to."""
        self._whole: frozenset[int] = frozenset()
        """Places of steps that come of `all`."""

    @property
    def left(self) -> tuple[CommandStep, ...]:
        """Return the steps that were not begun."""
        return self._left

    async def carry(self, said: Said) -> AsyncGenerator[Event, None]:
        """Carry the steps out and yield what happens; a step that does not succeed ends it.

        To close the iterator, or to cancel whoever waits for it, ends what is under way and leaves no step half done.
        Raises what opening the agent raises (LockTaken, SupervisorError, StoreError, ApiError).
        """
        self._left = said.steps
        told: asyncio.Queue[Event | None] = asyncio.Queue()

        async def work() -> None:
            try:
                await self._all(await self._desk(said, told))
            finally:
                told.put_nowait(None)

        task = asyncio.create_task(work())
        try:
            while (event := await told.get()) is not None:
                yield event
                told.task_done()
            await task
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _all(self, desk: Desk) -> None:
        places = await self._expanded(desk)
        self._left = tuple(place.step for place in places)
        if not places:
            desk.tell(Place(desk.said.steps[0], 0).ends("done", desk.say("nothing left")))
            return
        declined = await self._agree(desk, places)
        if declined is not None:
            desk.tell(declined)
            return
        for at, group in itertools.groupby(places, key=lambda place: place.step.args.get("at")):
            for part in [list(group)] if at is not None else [[place] for place in group]:
                self._left = self._left[len(part) :]
                ends = await self._part(desk, part)
                for event in ends:
                    desk.tell(event)
                if any(event.code != Ending.DONE for event in ends):
                    return

    async def _part(self, desk: Desk, places: list[Place]) -> list[Event]:
        """Carry out one step, or what is to be done later as one. A name that means no service (any more) ends it."""
        from opsagent.running import UnknownService

        own = desk.agreeing() if places[0].number in self._agreed else desk
        try:
            if "at" in places[0].step.args:
                from opsagent.carrying.later import schedule

                return await schedule(desk, places)
            return [await self._one(own, places[0])]
        except UnknownService as error:
            return [places[0].ends("failed", str(error), Ending.USAGE)]

    async def _desk(self, said: Said, told: asyncio.Queue[Event | None]) -> Desk:
        if self._running is None:
            from opsagent.api.ask import status
            from opsagent.running import look

            self._daemon = await asyncio.to_thread(status, self._home)
            self._running = await asyncio.to_thread(look, self._home, daemon=self._daemon)
        return Desk(
            home=self._home,
            person=self._person,
            said=said,
            running=self._running,
            daemon=self._daemon,
            open_agent=self._open,
            plan_id=self._plan_id,
            tell=told.put_nowait,
            all_told=told.join,
        )

    def _open(self, give_up: Callable[[], bool]) -> AbstractAsyncContextManager[AgentPort]:
        if self._agent is not None:
            return given(self._agent)
        from opsagent.config import Config
        from opsagent.local_api import open_agent

        return open_agent(self._home, Config.load(self._home), give_up)

    async def _expanded(self, desk: Desk) -> list[Place]:
        """Return a place for every step, `all` said in units, and tell what that means."""
        steps: list[CommandStep] = []
        whole: set[int] = set()
        for step in desk.said.steps:
            if not means_all(step) or "at" in step.args:  # what `all` is at its time will be seen then
                steps.append(step)
                continue
            held = {hold.unit: hold.why for hold in await desk.read(lambda journal: journal.holds())}
            forbids = self._forbids or await _taught(desk)
            found = expand(step, desk.running.units, desk.running.spec, held, desk.language, forbids=forbids)
            names = ", ".join(one.target or "" for one in found.steps)
            lines = [desk.say("everything", what=names)] if names else []
            lines += [desk.say("left alone", what=f"{name} ({why})") for name, why in found.left]
            desk.tell(Place(step, len(steps)).shown(*lines))
            whole |= set(range(len(steps), len(steps) + len(found.steps)))
            steps += found.steps
        self._whole = frozenset(whole)
        return [Place(step, number) for number, step in enumerate(steps)]

    async def _agree(self, desk: Desk, places: Sequence[Place]) -> Event | None:
        """Have what interrupts something confirmed, all of it at once. Where nobody can be asked the guard asks."""
        grave = [place for place in places if self._asks_first(place)]
        if not grave or desk.person.agreed or desk.person.confirm is None:
            return None
        what = desk.command(*(place.step for place in grave))
        if not await desk.confirmed(desk.say("go on"), (desk.say("interrupts", what=what),)):
            self._left = tuple(place.step for place in places[1:])
            return places[0].declined(desk)
        self._agreed = frozenset(place.number for place in grave)
        return None

    def _asks_first(self, place: Place) -> bool:
        step = place.step
        if "at" in step.args or step.tool in {*READING, *ORDERS, *PROCEDURES} or step.risk not in _GRAVE:
            return False
        return place.number in self._whole or step.tool not in _SHOWN_FIRST

    async def _one(self, desk: Desk, place: Place) -> Event:
        unmet = await _unmet(desk, place)
        if unmet is not None:
            return unmet
        if place.step.tool in READING:
            return await _answer(desk, place)
        if place.step.tool in PROCEDURES:
            from opsagent.carrying.procedures import play

            return await play(desk, place)
        return await _work(place.step.tool)(desk, place)


async def _taught(desk: Desk) -> Forbids:
    rule_of = await forbidding(desk.home)

    def forbids(tool: str, unit: UnitId) -> str:
        rule = rule_of(tool, unit)
        return desk.say("taught", rule=rule) if rule else ""

    return forbids


def _work(tool: str) -> Callable[[Desk, Place], Awaitable[Event]]:
    if tool in ORDERS:
        from opsagent.carrying.orders import give

        return give
    if tool == "rollback":
        from opsagent.carrying.rollback import roll_back

        return roll_back
    from opsagent.carrying.changes import change

    return change


async def _unmet(desk: Desk, place: Place) -> Event | None:
    """Return how the step ends where its condition does not hold, or nobody can tell."""
    condition = place.step.args.get("if")
    if condition is None:
        return None
    from opsagent.carrying.conditions import look
    from opsagent.running import look as look_around

    running = await asyncio.to_thread(look_around, desk.home, daemon=desk.daemon)
    found = await look(str(condition), running, desk.language)
    if found.holds:
        return None
    code = Ending.DONE if found.holds is False else Ending.FAILED
    return place.ends("not_done", found.said, code, condition=str(condition))


async def _answer(desk: Desk, place: Place) -> Event:
    from dataclasses import replace

    from opsagent.answering.answers import Answers

    answer = await Answers(desk.home, desk.running, desk.daemon).answer(place.step, desk.language)
    end = place.ends("answer", answer.headline, answer=answer.data)
    data = {name: value for name, value in end.data.items() if name != "detail"}
    return replace(end, answer=answer, data=data)
