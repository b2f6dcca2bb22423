"""A procedure on a screen: its plan, handed to the agent; steps that need a person are asked about when they come."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from opsagent.carrying.changes import submit
from opsagent.carrying.events import Ending, Event
from opsagent.carrying.working import Desk, Place

if TYPE_CHECKING:
    from opsagent.model import Plan
    from opsagent.ports import AgentPort, Progress
    from opsagent.screens.kept import Kept


async def play(desk: Desk, place: Place) -> Event:
    """Run the procedure that a step names. Raises SupervisorError, StoreError, ApiError, LockTaken, MemoryFailure."""
    from opsagent.screens.errors import NotAccepted, ProcedureError
    from opsagent.screens.planning import shown

    try:
        plan, kept, values = await _planned(desk, place)
    except NotAccepted as error:
        return place.ends("refused", str(error), Ending.REFUSED, rule="not accepted")
    except ProcedureError as error:
        return place.ends("failed", str(error), Ending.USAGE)
    lines = [desk.say("plays", what=shown(kept, values))]
    looked = str(plan.steps[0].action.args.get("looked", ""))
    cut_short = [desk.say("cut short", run=run) for run in looked.split()]
    desk.tell(place.shown(*lines, *cut_short))
    if cut_short and desk.person.agreed:  # their yes was none to that
        if desk.person.confirm is None:
            told = "; ".join((*cut_short, desk.say("run where asked")))
            return place.ends("asked", told, Ending.NEEDS_APPROVAL, rule="cut short")
        desk = replace(desk, person=replace(desk.person, agreed=False))
    run = str(plan.steps[0].action.args["run"])
    try:
        async with desk.open_agent(lambda: False) as agent:
            ended = await submit(desk, place, _Answering(desk, agent), plan)
    except asyncio.CancelledError:
        await asyncio.shield(asyncio.to_thread(_stop, desk, run))
        raise
    detail = _came_of_it(ended)
    report = await asyncio.to_thread(_report, desk, run)
    return replace(ended, text=detail, data={**ended.data, "detail": detail, "run": report})


def _came_of_it(ended: Event) -> str:
    """Return what is told of a run: what its one step came to, where it was done."""
    said = [item["text"] for item in ended.data.get("progress", ()) if item["kind"] == "step_done"]
    return said[-1] if ended.kind == "done" and said else ended.text


async def _planned(desk: Desk, place: Place) -> tuple[Plan, Kept, Mapping[str, str]]:
    """Return the plan of a run, on the version that is accepted now. Raises ProcedureError."""
    from opsagent.screens.calling import planned

    nobody = desk.person.confirm is None  # who cannot be asked is not waited for: their yes counts for the next run
    plan, kept, told = await planned(desk.home, place.step.args, why=desk.said.text, answer_s=0.0 if nobody else None)
    wanted = desk.plan_id(place.number)
    return (replace(plan, id=wanted) if wanted is not None else plan), kept, told


class _Answering:
    """The agent, with a person beside who answers the questions of a run that goes on (`opsagent.carrying.changes.Submits`)."""

    def __init__(self, desk: Desk, agent: AgentPort) -> None:
        self._desk = desk
        self._agent = agent

    def submit(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        return self._answering(self._agent.submit(plan, confirmed=confirmed, by=by), by)

    def approved(self, approval: str, *, by: str) -> AsyncIterator[Progress]:
        return self._answering(self._agent.approved(approval, by=by), by)

    async def _answering(self, progress: AsyncIterator[Progress], by: str) -> AsyncIterator[Progress]:
        async for item in progress:
            yield item
            if item.kind == "note" and item.approval and self._desk.person.confirm is not None:
                await self._answer(item, by)

    async def _answer(self, item: Progress, by: str) -> None:
        """Ask about a step; `--yes` was no answer to that. What was answered elsewhere meanwhile is left as it is."""
        from opsagent.store.errors import NotDecided

        yes = False
        try:
            yes = bool(await self._desk.confirmed(self._desk.say("step needs you"), anew=True))
        finally:  # who leaves at the question has said no to it
            with suppress(NotDecided):
                await self._desk.write(lambda journal: journal.decide_approval(item.approval, yes, by))


def _stop(desk: Desk, run: str) -> None:
    """Have a run end between two gestures, whoever plays it. Blocks for a moment."""
    from opsagent.screens import files
    from opsagent.screens.watching import STOP

    folder = files.run_folder(desk.home.path, run)
    if folder.exists():
        files.write(folder / STOP, b"whoever ordered it went away")


def _report(desk: Desk, run: str) -> Mapping[str, object] | None:
    from opsagent.screens import files
    from opsagent.screens.report import DATA, PAGE

    folder = files.run_folder(desk.home.path, run)
    found = files.read_json(folder / DATA)
    return {**found, "report": str(folder / PAGE)} if found is not None else None
