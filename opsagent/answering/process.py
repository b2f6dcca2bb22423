"""`describe_process`: is it up, does it serve, since when, what does it use, and what is known against it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsagent.answering.answer import Answer
from opsagent.store.rows import UNFINISHED
from opsagent.telling.account import brief
from opsagent.telling.phrases import fault_of, status
from opsagent.views.numbers import percent, size
from opsagent_tools.text import UntrustedText

if TYPE_CHECKING:
    from opsagent.answering.ground import Ground
    from opsagent.commands.reading import CommandStep
    from opsagent.store.rows import HoldRow, IncidentRow
    from opsagent_tools.units import Unit

_LAST_LINES = 3
_LATELY = timedelta(hours=24)
_LOOKED_THROUGH = 500
_POINT_S = 5.0
"""Of a history that the daemon keeps (`opsagent.measured.STEP_S`)."""
_MOVED = 0.1
"""Memory that changed by less than this share is steady."""


def describe_process(step: CommandStep, ground: Ground) -> Answer:
    """Answer about one unit; of all of them as `list_processes` does."""
    from opsagent.answering.log_lines import lines_of

    if step.target is None or step.target == "all":
        from opsagent.answering.processes import list_processes

        return list_processes(step, ground)
    (unit,) = ground.units(step.target)
    row = ground.row(unit)
    with ground.journal() as journal:
        rows = journal.incidents(None, _LOOKED_THROUGH)
        holds = [hold for hold in journal.holds(ground.now) if hold.unit == unit.id]
        watches = journal.standing_watches()
        paused = journal.paused()
    last_lines = [line.text for line in lines_of(unit, _LAST_LINES, ground.running)]
    incidents = [brief(one, watches) for one in rows if one.unit == unit.id or unit.id in one.incident.affected][:5]
    lines = [
        *_supervisors(row, ground),
        *_memory(row, ground),
        *_incidents(rows, incidents, unit, ground),
        *_holds(holds, ground),
        *_needs(unit, ground),
        *([ground.say("note.paused")] if paused is not None else ()),
        *([ground.say("note.no_daemon")] if ground.daemon is None else ()),
    ]
    headline = in_a_sentence(row, ground)
    data = {**ground.report, "units": [row], "incidents": incidents, "last_lines": last_lines}
    return Answer(data=data, headline=headline, lines=tuple(lines), quoted=tuple(map(UntrustedText, last_lines)))


def state_of(row: Mapping[str, Any]) -> str:
    """Return how a unit is in one word: up, unhealthy, partly, starting, stopping, stopped, down or unknown."""
    state = row["state"]
    if state == "running":
        if row["health"] == "unhealthy" or _is_frozen(row):
            return "unhealthy"
        return "partly" if _going(row) < row["instances"] else "up"
    return {"exited": "down", "down": "down"}.get(state, state if state in _OTHERS else "unknown")


def _going(row: Mapping[str, Any]) -> int:
    """Return how many processes there are that are not stopped by a signal."""
    return sum(one.get("kernel_state") != "T" for one in row["processes"])


def _is_frozen(row: Mapping[str, Any]) -> bool:
    """Tell whether nothing of it goes on, whatever its health check said last."""
    return bool(row["processes"]) and not _going(row)


_OTHERS = frozenset({"starting", "stopping", "stopped", "unknown"})


def in_a_sentence(row: Mapping[str, Any], ground: Ground) -> str:
    """Return how a unit is, with its figures."""
    say, parts = ground.say, []
    if row["uptime_s"] is not None:
        parts.append(say("fact.uptime", time=say.words.duration(row["uptime_s"])))
    measured = (ground.measured.get("units") or {}).get(row["id"]) or {}
    rss = measured.get("rss") or row["rss"]
    if rss is not None:
        parts.append(say("fact.memory", size=size(rss)))
    if measured.get("cpu") is not None:
        parts.append(say("fact.cpu_now", percent=percent(measured["cpu"])))
    elif row["cpu"] is not None:
        parts.append(say("fact.cpu", percent=percent(row["cpu"])))
    return f"{_verdict(row, ground)} ({say('join').join(parts)})" if parts else _verdict(row, ground)


def _verdict(row: Mapping[str, Any], ground: Ground) -> str:
    say, name = ground.say, row["name"]
    match state_of(row):
        case "up" if row["health"] == "healthy":
            return say("up.healthy", name=name)
        case "up":
            return say("up.unheard" if row["health_probe"] else "up.unasked", name=name)
        case "unhealthy" if _is_frozen(row):
            return say("up.frozen", name=name)
        case "unhealthy":
            return say("up.unhealthy", name=name, why=row.get("health_reason") or "-")
        case "partly":
            return say("up.partly", name=name, n=_going(row), of=row["instances"])
        case "starting" | "stopping" | "stopped" as state:
            return say(f"up.{state}", name=name)
        case "down":
            return _down(row, ground)
        case _:
            return say("up.unknown", name=name, why=row["reason"] or "-")


def _down(row: Mapping[str, Any], ground: Ground) -> str:
    say, name, code = ground.say, row["name"], row["last_exit"]
    if row["reason"]:
        return say("up.down", name=name, why=row["reason"])
    if code is None:
        return say("up.exited", name=name)
    return say("up.exited_signal", name=name, signal=-code) if code < 0 else say("up.exited_code", name=name, code=code)


def _supervisors(row: Mapping[str, Any], ground: Ground) -> Iterator[str]:
    if row["reason"] and state_of(row) != "down":
        yield ground.say("note.reason", why=row["reason"])
    if row["restarts"]:
        yield ground.say.count("note.restarts", row["restarts"])
    if row["maintenance"]:
        yield ground.say("note.maintenance", why=row["maintenance"])


def _memory(row: Mapping[str, Any], ground: Ground) -> Iterator[str]:
    """Say how its memory went, where a daemon measured it."""
    history = ((ground.measured.get("units") or {}).get(row["id"]) or {}).get("history") or {}
    points = [point for point in history.get("rss") or () if point is not None]
    if len(points) < 2 or not points[0]:
        return
    say, change = ground.say, points[-1] / points[0] - 1
    key = "note.grew" if change > _MOVED else "note.shrank" if change < -_MOVED else "note.steady"
    span = say.words.duration((len(points) - 1) * _POINT_S)
    yield say(key, was=size(points[0]), now=size(points[-1]), time=span)


def _incidents(rows: tuple[IncidentRow, ...], told: list[dict[str, Any]], unit: Unit, ground: Ground) -> Iterator[str]:
    say = ground.say
    unfinished = {row.id: row for row in rows if row.status in UNFINISHED}
    for one in told:
        if one["id"] not in unfinished:
            continue
        since = ground.short(one["began_at"])
        if one["unit"] == str(unit.id):
            more = {"status": status(one, say.words), "summary": one["summary"]}
            yield say("note.open", fault=fault_of(one, say.words), since=since, id=one["id"], **more)
        else:
            yield say("note.suffers", other=one["name"], fault=fault_of(one, say.words), since=since, id=one["id"])
    last = next((one for one in told if one["unit"] == str(unit.id)), None)
    if last is None or last["id"] in unfinished:
        return
    if ground.now - datetime.fromisoformat(last["opened_at"]) <= _LATELY:
        from opsagent.answering.past import how_it_ended

        at, how = ground.short(last["began_at"]), how_it_ended(last, say)
        yield say("note.lately", fault=fault_of(last, say.words), at=at, how=how, id=last["id"])


def _holds(holds: list[HoldRow], ground: Ground) -> Iterator[str]:
    for hold in holds:
        why = hold.why or "-"
        if hold.until is None:
            yield ground.say("note.held_open", by=hold.by, why=why)
        else:
            yield ground.say("note.held", by=hold.by, until=ground.short(hold.until), why=why)


def _needs(unit: Unit, ground: Ground) -> Iterator[str]:
    spec = ground.running.spec(unit.id)
    rows = {row["name"]: row for row in ground.report["units"]}
    needed = [rows[name] for name in (spec.depends_on if spec is not None else ()) if name in rows]
    bad = [row["name"] for row in needed if state_of(row) != "up"]
    if bad:
        yield ground.say("note.needs_down", others=", ".join(bad))
