"""Orders to the agent, in plain words: pause, resume, hold, release, approve, deny. What is taught is in `teaching.py`."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from opsagent.carrying.events import Ending, Event
from opsagent.carrying.expanding import ALL
from opsagent.carrying.following import ended_as, follow
from opsagent.carrying.working import Desk, Place
from opsagent.commands.reading import BY_A_MODEL
from opsagent_tools.redact import redact

if TYPE_CHECKING:
    from opsagent.store.rows import ApprovalRow

_REASON = re.compile(
    r"\b(?:because|since|due to|for the|as (?:we|i|it|they))\b|때문|(?:니까|라서|이라|중이)(?:\W|$)", re.IGNORECASE
)
_SURE = 4
"""Letters of an id that nobody says by chance."""


async def give(desk: Desk, place: Place) -> Event:
    """Carry out one order. Raises StoreError, UnknownService."""
    match place.step.tool:
        case "pause":
            return await _pause(desk, place)
        case "resume" if place.step.target is None:
            return await _resume(desk, place)
        case "resume":
            return await _release(desk, place)
        case "hold":
            return await _hold(desk, place)
        case "approve" | "deny":
            return await _answer(desk, place)
        case _:
            from opsagent.carrying.teaching import teach

            return await teach(desk, place)


async def _pause(desk: Desk, place: Place) -> Event:
    by, why = desk.person.name, _why(desk, place)
    await desk.write(lambda journal: journal.pause(by, why))
    return place.ends("done", desk.say("paused"))


def _why(desk: Desk, place: Place) -> str:
    """Return why the person wants it: where their words give a reason, those words; who is kept waiting can read them."""
    if "why" in place.step.args:
        return str(place.step.args["why"])
    return redact(" ".join(desk.said.text.split())) if _REASON.search(desk.said.text) else ""


async def _resume(desk: Desk, place: Place) -> Event:
    was = await desk.write(lambda journal: journal.resume(desk.person.name))
    return place.ends("done", desk.say("resumed" if was else "not paused"), was_paused=was)


async def _hold(desk: Desk, place: Place) -> Event:
    from opsagent.commands.times import seconds
    from opsagent.running import find
    from opsagent.views.numbers import moment

    unit = find(place.step.target or "", desk.running.units, silent=desk.running.silent)
    until = None
    if "for" in place.step.args:
        until = datetime.now(UTC) + timedelta(seconds=seconds(str(place.step.args["for"])))
    why = _why(desk, place)
    hold = await desk.write(lambda journal: journal.hold(unit.id, until, why, desk.person.name))
    said = desk.say("held", unit=unit.name)
    if until is not None:
        said = desk.say("held until", unit=unit.name, until=moment(until))
    return place.ends("done", said, hold=hold, until=until.isoformat() if until is not None else None)


async def _release(desk: Desk, place: Place) -> Event:
    from opsagent.naming import index
    from opsagent.running import find

    name, by = place.step.target or "", desk.person.name
    holds = await desk.read(lambda journal: journal.holds())
    held = index(hold.unit for hold in holds).get(name, ())
    if name == ALL:
        units = tuple(dict.fromkeys(hold.unit for hold in holds))
    else:  # it may be on hold while its supervisor does not answer; else the name decides
        units = held if len(held) == 1 else (find(name, desk.running.units, silent=desk.running.silent).id,)
    ended = await desk.write(lambda journal: sum(journal.release_hold(unit, by) for unit in units))
    names = ", ".join(unit.name for unit in units) or name
    return place.ends("done", desk.say("released" if ended else "not held", unit=names), released=ended)


async def _answer(desk: Desk, place: Place) -> Event:
    """Answer a question of the agent: the very checks of `opsagent approve`."""
    from opsagent.store.errors import NotDecided

    rows = await desk.read(lambda journal: journal.approvals())
    given, approve = str(place.step.args.get("id", "")), place.step.tool == "approve"
    meant = [row for row in rows if row.id.startswith(given)]
    if len(meant) != 1:
        return place.ends("failed", _which(desk, rows, meant, given), Ending.USAGE)
    row = meant[0]
    shown = _shown(desk, row)
    desk.tell(place.shown(shown))
    # Which one is meant follows from what is open just now, or is a model's to say: the person has to have seen it.
    if len(given) < _SURE or place.step.why == BY_A_MODEL:
        if desk.person.confirm is None:  # a `--yes` is none to a question that was not seen
            return place.ends("asked", desk.say("say which", question=shown, id=row.id), Ending.NEEDS_APPROVAL)
        if not await desk.confirmed(desk.say(place.step.tool), anew=True):
            return place.declined(desk)
    by = desk.person.name
    try:
        plan = await desk.read(lambda journal: journal.plan_of_approval(row.id)) if approve else None
        answered = await desk.write(lambda journal: journal.decide_approval(row.id, approve, by))
    except (LookupError, NotDecided) as error:
        return place.ends("refused", str(error), Ending.REFUSED, rule="approval")
    if plan is not None and plan.origin == "person" and answered.status == "approved":
        async with desk.open_agent(lambda: False) as agent:
            return ended_as(place, await follow(desk, place, agent.approved(row.id, by=by)))
    return place.ends("done", _decided(desk, answered, approve=approve), approval=row.id)


def _which(desk: Desk, rows: tuple[ApprovalRow, ...], meant: list[ApprovalRow], given: str) -> str:
    if meant:
        return desk.say("many questions", ids=", ".join(f"{row.id} ({row.step.action})" for row in meant))
    return desk.say("no such question", id=given) if rows else desk.say("no question")


def _shown(desk: Desk, row: ApprovalRow) -> str:
    from opsagent.views.questions import marked

    return desk.say("question", action=marked(str(row.step.action)), by=row.proposer, why=row.step.why or "-")


def _decided(desk: Desk, row: ApprovalRow, *, approve: bool) -> str:
    from opsagent.views.numbers import moment
    from opsagent.views.questions import marked

    action, until = marked(str(row.step.action)), moment(row.expires_at)
    if not approve:
        return desk.say("denied", action=action)
    if row.status == "pending":
        return desk.say("half approved", until=until)
    if "screen_step" in row.step.action.args:
        return desk.say("approved, step", until=until)
    if desk.daemon is None:
        return desk.say("approved, no daemon", until=until)
    return desk.say("approved, agent", action=action)
