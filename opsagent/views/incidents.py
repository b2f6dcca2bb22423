"""Incidents as a table, and one incident as a page. Pure; takes the forms of `incidents --json`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opsagent.views.numbers import duration, moment
from opsagent.views.table import Cell, Column
from opsagent.views.terminal import Screen, Style, one_line
from opsagent.views.timeline import event_line

LIST_COLUMNS = (
    Column("ID"),
    Column("OPENED", drop=4),
    Column("UNIT"),
    Column("FAULT", drop=1),
    Column("STATUS"),
    Column("MTTD", drop=6, right=True),
    Column("MTTR", drop=3, right=True),
    Column("REMEDY", drop=2),
    Column("FROM", drop=7),
    Column("SUMMARY", drop=5),
)
_STATUS: dict[str, Style] = {
    "open": "bad",
    "repairing": "warn",
    "escalated": "bad",
    "resolved": "good",
    "closed": "dim",
}


def list_row(incident: Mapping[str, Any]) -> tuple[Cell, ...]:
    """Return one incident as a row under LIST_COLUMNS."""
    return (
        Cell(incident["id"], "strong"),
        Cell(moment(datetime.fromisoformat(incident["opened_at"]))),
        Cell(incident["name"]),
        Cell(incident["fault"]),
        Cell(incident["status"], _STATUS.get(incident["status"], "")),
        Cell(duration(incident["mttd_s"])),
        Cell(duration(incident["mttr_s"])),
        Cell(incident["remedy"] or ""),
        Cell(incident["remedy_source"] or ""),
        Cell(incident["summary"]),
    )


def page(incident: Mapping[str, Any], screen: Screen) -> list[str]:
    """Return one incident as lines."""
    status = screen.paint(incident["status"], _STATUS.get(incident["status"], ""))
    lines = [
        screen.paint(f"incident {one_line(incident['id'])}", "strong")
        + f": {incident['fault']} of {one_line(incident['name'])}, {status}",
        one_line(incident["summary"]),
        "",
        f"began     {moment(datetime.fromisoformat(incident['began_at']))}",
        f"detected  after {duration(incident['mttd_s'])}",
        f"repaired  after {duration(incident['mttr_s'])}",
    ]
    if incident["affected"]:
        lines.append(f"affected  {one_line(', '.join(incident['affected']))}")
    if incident.get("why_root"):
        lines.append(f"why here  {one_line(incident['why_root'])}")
    if incident["outcome"]:
        lines.append(f"outcome   {one_line(incident['outcome'])}")
    for title, body in (
        ("evidence", _evidence(incident)),
        ("hypotheses", _hypotheses(incident)),
        ("remembered", _recollections(incident)),
        ("what documents say", [one_line(line) for line in incident.get("documents", ())]),
        ("what was done", _plans(incident, screen)),
        ("timeline", [event_line({**event, "unit": None}, screen) for event in incident["timeline"]]),
    ):
        if body:
            lines += ["", screen.paint(title, "strong"), *(f"  {line}" for line in body)]
    return lines


def _evidence(incident: Mapping[str, Any]) -> list[str]:
    lines = []
    for found in incident["evidence"]:
        facts = ", ".join(f"{key}={value}" for key, value in found["facts"].items())
        said = f"  “{one_line(found['text'])}”" if found["text"] else ""
        lines.append(
            f"{one_line(found['probe'])} ({found['kind']}, {one_line(found['unit']['name'])}): {one_line(facts)}{said}"
        )
    return lines


def _hypotheses(incident: Mapping[str, Any]) -> list[str]:
    lines = []
    for one in sorted(incident["hypotheses"], key=lambda one: -float(one["weight"])):
        lines.append(f"{float(one['weight']):.2f}  {one_line(one['cause'])} ({one_line(one['unit']['name'])})")
        lines += [f"      + {one_line(reason)}" for reason in one["speaks_for"]]
        lines += [f"      - {one_line(reason)}" for reason in one["speaks_against"]]
    return lines


def _recollections(incident: Mapping[str, Any]) -> list[str]:
    lines = []
    for found in incident.get("recollections", ()):
        expects = f"{float(found['score']):.2f}" if "score" in found else "    "
        lines.append(f"{expects}  {one_line(found['why'])}")
        if "without_learning" in found:
            experts = ", ".join(f"{one_line(name)} {score:.2f}" for name, score in found["by_expert"].items())
            by = f"; {experts}" if experts else ""
            lines.append(f"      without learning {float(found['without_learning']):.2f}{by}")
    return lines


_MARKS: dict[str, tuple[str, Style]] = {"done": ("+", "good"), "failed": ("x", "bad"), "undone": ("<", "warn")}


def _plans(incident: Mapping[str, Any], screen: Screen) -> list[str]:
    lines = []
    for plan in incident["plans"]:
        detail = f": {one_line(plan['detail'])}" if plan["detail"] else ""
        lines.append(
            f"attempt {plan['attempt']}: {one_line(plan['remedy'])} from {plan['source']}, {plan['status']}{detail}"
        )
        for step in plan["steps"]:
            mark, style = _MARKS.get(step["status"], ("·", "dim"))
            note = f" ({one_line(step['detail'])})" if step["detail"] else ""
            lines.append(f"  {screen.paint(mark, style)} {one_line(step['action'])} {step['status']}{note}")
    return lines
