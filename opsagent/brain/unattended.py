"""Puts an incident that ended with a person to the chat model, beside everything else, where the configuration says so.

What it proposes becomes a plan that a person has to approve (the guard's rule `model`), never an act of its own. No
repair, no decision and no message waits for it: an outage, a slow answer or nonsense leaves the escalation as it was.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from opsagent import casenote, planning
from opsagent.brain.forms import clean
from opsagent.brain.port import Thinker, Thought, Trouble
from opsagent.casefile import CaseFile
from opsagent.commands.reading import CommandStep
from opsagent.model import Cause, Plan
from opsagent.naming import index
from opsagent.runbooks import learnt
from opsagent.runbooks.case import Target
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.world import World

_LOG = logging.getLogger(__name__)
PER_DAY = 12
"""Incidents that are put to a model in 24 hours: whoever can make a service fail could else spend somebody's money."""
_SIDE_BY_SIDE = 1
_TOLD = 5
_LONGEST = 600


class UnattendedAdviser:
    """The chat model, for the unattended agent."""

    def __init__(
        self,
        thinker: Thinker,
        *,
        world: World,
        journal: Journal,
        timeline: Timeline,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._thinker = thinker
        self._world = world
        self._journal = journal
        self._timeline = timeline
        self._clock = clock
        self._thinking: set[asyncio.Task[None]] = set()
        self._turn = asyncio.Semaphore(_SIDE_BY_SIDE)

    def look_soon(self, file: CaseFile) -> None:
        """Think about the incident, once."""
        if file.adviser or not self._thinker.name:
            return
        file.adviser = f"model:{self._thinker.name}"[:64]
        task = asyncio.create_task(self._think(file), name=f"model for {file.incident.id}")
        self._thinking.add(task)  # the event loop itself would let go of it
        task.add_done_callback(self._thinking.discard)

    async def close(self) -> None:
        """Think no further, and end the model's process."""
        for task in list(self._thinking):
            task.cancel()
        await asyncio.gather(*self._thinking, return_exceptions=True)
        await self._thinker.close()

    async def _think(self, file: CaseFile) -> None:
        try:
            async with self._turn:
                if await self._spent(file):
                    return
                units = list(self._world.units.values())
                try:
                    thought = await self._thinker.advise(trouble_of(file), units)
                finally:
                    await self._thinker.close()  # what is rarely asked takes no memory meanwhile
                await self._take(file, thought)
        except StoreError as error:
            _LOG.warning("what a model proposes is not written down: %s", error)
        except Exception:  # noqa: BLE001  # it thinks beside a repair, and must never end it
            _LOG.exception("thinking about %s broke off", file.incident.id)

    async def _spent(self, file: CaseFile) -> bool:
        """Tell whether this incident was asked about before (by an earlier life), or the day's number is used up."""
        since = self._clock() - timedelta(days=1)
        calls = await asyncio.to_thread(self._journal.model_calls, since, 1000)
        asked = {call.incident_id for call in calls if call.purpose == "incident"}
        if file.incident.id in asked:
            return True
        if len(asked) >= PER_DAY:
            await self._timeline.tell(
                "model", f"no model is asked: {PER_DAY} incidents were put to it within a day", incident=file.incident
            )
            return True
        return False

    async def _take(self, file: CaseFile, thought: Thought) -> None:
        who = thought.model or self._thinker.name
        if thought.reading is None:
            said = thought.why_not or thought.said
            await self._timeline.tell(
                "model", f"{who} proposes nothing: {clean(said, _LONGEST)}", incident=file.incident
            )
            return
        ask = thought.reading.ask
        steps = ask.offers[0] if ask is not None and ask.offers else thought.reading.steps
        plan = plan_of(file, steps, self._world, why=f"{who} proposes it: {clean(thought.said, _LONGEST)}")
        if isinstance(plan, str):
            await self._timeline.tell("model", f"{who} proposes what is not taken up: {plan}", incident=file.incident)
            return
        file.adviser = f"model:{who}"[:64]
        looked = ", ".join(thought.looked)
        await self._timeline.tell(
            "model", plan.why, incident=file.incident, looked=looked, tokens=thought.tokens_in + thought.tokens_out
        )
        file.advised = plan  # whoever waits with the incident sees it, and puts it to a person


def trouble_of(file: CaseFile) -> Trouble:
    """Return an incident as a model may see it: typed, masked, nothing of it as somebody else wrote it."""
    incident, note = file.incident, file.note
    hypotheses = [
        {"cause": one.kind.value, "unit": one.unit.name, "weight": round(one.weight, 2), "for": list(one.speaks_for)}
        for one in file.hypotheses[:_TOLD]
    ]
    facts: Mapping[str, Any] = {
        "since": incident.began_at.isoformat(),
        "affected": sorted(unit.name for unit in incident.affected),
        "hypotheses": hypotheses,
        "tried": [{"remedy": one.remedy, "helped": one.better, "why": clean(one.why)} for one in file.attempts],
        "changed_before": [clean(one) for one in note.changed] if note is not None else [],
    }
    # What its log said last comes by its tools, as signatures; in the note it would be somebody else's own words.
    told = casenote.english(casenote.without_log(note)) if note is not None else incident.summary
    return Trouble(
        incident=incident.id, unit=incident.unit.name, fault=incident.fault.value, note=clean(told, 2000), facts=facts
    )


def plan_of(file: CaseFile, steps: tuple[CommandStep, ...], world: World, *, why: str) -> Plan | str:
    """Return what is proposed as one plan of the agent for its incident, or why it cannot be one. Pure."""
    if len(steps) != 1:
        return f"{len(steps)} steps; one action on one unit is what can be tried, verified and learnt"
    step = steps[0]
    named = index(world.units).get(step.target or "", ())
    if len(named) != 1:
        return f"{step.target} means {len(named)} units"
    unit = world.units[named[0]]
    action = "reload" if step.tool == "restart" and step.args.get("safely") else step.tool
    try:
        name = learnt.name_of(action, unit.id, file.incident.unit, int(step.args.get("replicas", 0)))
        known = learnt.parsed(name)
        assert known is not None  # name_of makes no other
        target = Target(unit=unit, spec=world.spec(unit.id))
        refused = learnt.unfit(known, unit, unit.state)
        if refused:
            return refused
        made = learnt.steps_of(known, target)
    except ValueError as error:
        return str(error)
    return planning.new_plan(
        unit=unit.id,
        steps=made,
        remedy=name,
        origin="agent",
        source="model",
        incident=file.incident.id,
        attempt=len(file.attempts) + 1,
        why=why,
        cause=Cause.UNKNOWN,
    )
