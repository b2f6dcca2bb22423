"""One record as a page: what it says, from where, how long it holds, and what became of it. Pure; takes `--json`'s form."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from opsagent.memory_forms import EVERYWHERE, unit_of
from opsagent.taught.rule import FIELD, heeded
from opsagent.views.numbers import moment
from opsagent.views.table import cells
from opsagent.views.terminal import Screen, Style, one_line
from opsagent.views.wrapping import wrapped

_LABEL = 11
_SHOWN_ELSEWHERE = frozenset({"remedy", "outcome"})
_OUTCOMES: dict[str, Style] = {"worked": "good", "failed": "bad", "harmed": "bad"}
_EVENTS = {
    "add": "kept",
    "end": "no longer valid",
    "archive": "archived: shown and exported, no longer recalled",
    "learn": "learnt from",
    "forget": "forgotten",
}


def page(record: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return a record as lines."""
    whose = "" if record["scope"] == EVERYWHERE else f" of {unit_of(record['scope'])}"
    head = f"{record['kind']} {record['id']}{whose}"
    lines = [screen.paint(line, "strong") for line in wrapped(head, screen)]
    lines += [*wrapped(record["text"], screen, indent="  "), ""]
    for label, value, style in _facts(record):
        lines += _labelled(label, value, screen, style)
    shown = _SHOWN_ELSEWHERE | ({FIELD} if _rule(record) else frozenset())
    fields = {name: item for name, item in record["fields"].items() if name not in shown and item is not None}
    if fields:
        lines += ["", screen.paint("fields", "dim")]
        for name, item in fields.items():
            lines += wrapped(f"{name}: {_value(item)}", screen, indent="  ")
    if record.get("history"):
        lines += ["", screen.paint("history", "dim")]
        for event in record["history"]:
            lines += wrapped(f"{_moment(event['at'])}  {_event(event)}", screen, indent="  ")
    return lines


def _facts(record: Mapping[str, Any]) -> Iterator[tuple[str, str, Style]]:
    fields = record["fields"]
    if fields.get("remedy"):
        outcome = str(fields.get("outcome") or "not tried")
        yield "remedy", f"{fields['remedy']}: {outcome}", _OUTCOMES.get(outcome, "")
    rule = _rule(record)
    if rule:
        yield "rule", rule, "accent"
    yield "from", f"{record['source']}, trust {record['trust']:g}", ""
    yield "at", _moment(record["created_at"]), ""
    if record["valid_from"] or record["valid_to"]:
        yield "holds", _span(record["valid_from"], record["valid_to"]), ""
    if record["ended_at"]:
        yield "ended", f"{_moment(record['ended_at'])}: not valid from then on", "warn"
    if record["archived_at"]:
        yield "archived", f"{_moment(record['archived_at'])}: no longer recalled", "warn"
    if record["imported_at"]:
        yield "imported", f"{_moment(record['imported_at'])}: may be read, teaches nothing", "warn"
    if record["supersedes"]:
        yield "replaces", record["supersedes"], ""
    if record.get("superseded_by"):
        yield "replaced by", ", ".join(record["superseded_by"]), "warn"
    if record["family"]:
        yield "family", record["family"], ""
    if record["surprise"] is not None:
        yield "surprise", f"{record['surprise']:+.2f}{_surprising(record['surprise'])}", ""


def _rule(record: Mapping[str, Any]) -> str:
    """Return the rule that a person's fact holds, in words; empty where it holds none that is heeded."""
    said = record["fields"].get(FIELD)
    binds = record["source"] == "person" and not record["imported_at"] and isinstance(said, Mapping)
    return heeded(said).says() if binds else ""


def _surprising(value: float) -> str:
    if abs(value) < 0.2:
        return " (as expected)"
    return " (better than expected)" if value > 0 else " (worse than expected)"


def _span(since: str | None, until: str | None) -> str:
    parts = [f"from {_moment(since)}" if since else "", f"until {_moment(until)}" if until else ""]
    return " ".join(filter(None, parts))


def _labelled(label: str, value: str, screen: Screen, style: Style) -> list[str]:
    indent = " " * (_LABEL + 1)
    first, *rest = wrapped(value, screen, indent=indent) or [indent + "-"]
    shown = screen.paint(label + " " * (_LABEL + 1 - cells(label)), "dim") + screen.paint(first[len(indent) :], style)
    return [shown, *(indent + screen.paint(line[len(indent) :], style) for line in rest)]


def _event(event: Mapping[str, Any]) -> str:
    said = _EVENTS.get(event["event"], str(event["event"]))
    told = event.get("payload") or {}
    more = [f"{name} {_value(item)}" for name, item in told.items() if name not in {"ended_at", "archived_at"}]
    return f"{said} ({', '.join(more)})" if more else said


def _value(item: object) -> str:
    if isinstance(item, float):
        return f"{item:.4g}"
    if isinstance(item, Mapping):
        return ", ".join(f"{name} {_value(each)}" for name, each in item.items())
    if isinstance(item, list | tuple):
        return ", ".join(_value(each) for each in item)
    return one_line(item)


def _moment(at: str) -> str:
    return moment(datetime.fromisoformat(at))
