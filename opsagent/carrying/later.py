"""What is to be done later: shown with its moment and zone, confirmed, and written down for the daemon to run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from opsagent.carrying.events import Ending, Event
from opsagent.carrying.expanding import means_all
from opsagent.carrying.stored import to_stored
from opsagent.carrying.working import Desk, Place
from opsagent.commands.times import comes_again, next_at
from opsagent_tools.services.schedule import machine_zone

if TYPE_CHECKING:
    from opsagent.commands.reading import CommandStep
    from opsagent.store.schedules import ScheduleRow

LATER = frozenset({"start", "stop", "restart", "reload", "scale", "pause", "resume", "hold"})
"""What can be done later. A rollback shows its difference first, an answer is for a question of now: those cannot."""

_SOON_S = 120.0
"""A moment that is nearer is told to the second."""


async def schedule(desk: Desk, places: Sequence[Place]) -> list[Event]:
    """Have steps that share a time done then, and return how each ended; one yes is for all of them. Where it comes to
    nothing, the first of them says why.

    Raises UnknownService, StoreError.
    """
    refused = _refused(desk, places)
    if refused is not None:
        return [refused]
    first, at = places[0], str(places[0].step.args["at"])
    zone = machine_zone()
    try:
        when = _When(at, zone, next_at(at, datetime.now(ZoneInfo(zone))))
    except ValueError as error:
        return [first.ends("failed", desk.say("bad time", at=at, why=error), Ending.USAGE)]
    lines = _lines(desk, places, when)
    desk.tell(first.shown(*lines))
    yes = await desk.confirmed(desk.say("schedule that"), anew=True)
    if yes is None:
        return [first.ends("asked", desk.say("schedule yes"), Ending.NEEDS_APPROVAL)]
    if not yes:
        return [first.declined(desk)]
    return await _keep(desk, places, when)


@dataclass(frozen=True, slots=True)
class _When:
    at: str
    zone: str
    moment: datetime

    def __str__(self) -> str:
        soon = (self.moment - datetime.now(UTC)).total_seconds() < _SOON_S
        return f"{self.moment:%Y-%m-%d %H:%M:%S}" if soon else f"{self.moment:%Y-%m-%d %H:%M}"


def _refused(desk: Desk, places: Sequence[Place]) -> Event | None:
    for place in places:
        if place.step.tool not in LATER:
            return place.ends("refused", desk.say("not later", tool=place.step.tool), Ending.USAGE, rule="not later")
    if desk.daemon is None:
        return places[0].ends("refused", desk.say("no daemon"), Ending.FAILED, rule="no daemon")
    return None


def _lines(desk: Desk, places: Sequence[Place], when: _When) -> tuple[str, ...]:
    from opsagent.views.numbers import duration

    left = desk.say("in", left=duration((when.moment - datetime.now(UTC)).total_seconds()))
    what = desk.command(*(bare(place.step) for place in places))
    lines = [desk.say("at", what=what, when=when, zone=when.zone, left=left)]
    if comes_again(when.at):
        lines.append(desk.say("again", at=when.at))
    lines += [desk.say("only if", condition=one) for one in conditions(place.step for place in places)]
    return tuple(lines)


async def _keep(desk: Desk, places: Sequence[Place], when: _When) -> list[Event]:
    from opsagent.store.schedules import HoldsSecret

    steps = [replace(place.step, args=_but(place.step, "at")) for place in places]
    units = await _bound(desk, steps)
    try:
        row = await desk.write(
            lambda journal: journal.add_schedule(
                by=desk.person.name,
                text=desk.said.text,
                language=desk.language,
                steps=to_stored(steps),
                units=units,
                at_text=when.at,
                zone=when.zone,
                next_at=when.moment,
                condition="; ".join(conditions(steps)),
            )
        )
    except HoldsSecret:
        return [places[0].ends("failed", desk.say("a secret"), Ending.FAILED)]
    what = ", ".join(map(str, map(bare, steps)))
    line = f"{row.id}: {what}: {when} ({when.zone})"
    await desk.write(lambda journal: journal.record_change("schedule", line, desk.person.name))
    said = desk.say("scheduled", id=row.id, when=when, zone=when.zone)
    return [place.ends("done", said, schedule=form(row)) for place in places]


async def _bound(desk: Desk, steps: Sequence[CommandStep]) -> list[dict[str, Any]]:
    """Return the unit of each step as it is now: later it is this one that is meant, and no other of its name."""
    from opsagent.running import find
    from opsagent.situation import release_of

    found: list[dict[str, Any]] = []
    for step in steps:
        if step.target is None or means_all(step):
            found.append({"unit": None, "release": ""})
            continue
        unit = find(step.target, desk.running.with_daemons, silent=desk.running.silent).id
        release = await desk.read(lambda journal, one=unit: release_of(journal, one))  # type: ignore[misc]
        found.append({"unit": asdict(unit), "release": release})
    return found


def bare(step: CommandStep) -> CommandStep:
    """Return a step without its time and condition."""
    return replace(step, args=_but(step, "at", "if"))


def conditions(steps: Iterable[CommandStep]) -> tuple[str, ...]:
    """Return the conditions of steps, each once."""
    return tuple(dict.fromkeys(str(step.args["if"]) for step in steps if "if" in step.args))


def _but(step: CommandStep, *names: str) -> Mapping[str, Any]:
    return {name: value for name, value in step.args.items() if name not in names}


def form(row: ScheduleRow) -> dict[str, Any]:
    """Return a schedule in its documented JSON form."""
    return {
        "id": row.id,
        "by": row.by,
        "text": row.text,
        "steps": list(row.steps),
        "at": row.at_text,
        "zone": row.zone,
        "next_at": row.next_at.isoformat() if row.next_at is not None else None,
        "condition": row.condition or None,
        "state": row.state,
        "created_at": row.created_at.isoformat(),
        "last_at": row.last_at.isoformat() if row.last_at is not None else None,
        "last_result": row.last_result,
        "ended_at": row.ended_at.isoformat() if row.ended_at is not None else None,
        "ended_by": row.ended_by,
    }
