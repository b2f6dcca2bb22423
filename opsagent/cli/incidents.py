"""`opsagent incidents`: what happened, with evidence, timeline and times."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.store.rows import IncidentRow, PlanRow
    from opsagent_tools.units import UnitId

app = typer.Typer(cls=QuickGroup, help="What happened: incidents, newest first.", add_completion=False)

_STATUSES = ("open", "repairing", "resolved", "escalated", "closed")


@app.callback(invoke_without_command=True)
def _bare(ctx: typer.Context, json: JsonFlag = False, home: HomeDir = None) -> int:
    """What happened: incidents, newest first. Without a subcommand: list."""
    return list_(json=json, home=home) if ctx.invoked_subcommand is None else 0


@app.command("list", cls=QuickCommand)
def list_(
    *,
    status: Annotated[
        str | None, typer.Option("--status", metavar="STATUS", help=f"Only {', '.join(_STATUSES)}.", show_default=False)
    ] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", help="How many at most.")] = 20,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """List incidents, newest first."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if status is not None and status not in _STATUSES:
        raise Unclear(f"--status {status!r}: must be one of {', '.join(_STATUSES)}")
    if lines < 1:
        raise Unclear(f"--lines {lines}: must be at least 1")
    found = recent(open_home(home), status=status, limit=lines)
    out = Out(as_json=json)
    if json:
        out.document({"incidents": found})
    elif not found:
        out.line("no incidents")
    else:
        show_list(found, out)
    return 0


@app.command("show", cls=QuickCommand)
def show(
    incident: Annotated[
        str, typer.Argument(metavar="ID", help="Id of an incident, or how it begins.", show_default=False)
    ],
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show one incident: evidence, hypotheses, what was done and when, and how long it took."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import no_such, reading

    try:
        with reading(open_home(home)) as journal:
            row = journal.incident(incident)
    except LookupError as error:
        raise no_such("incident", incident, f"{error}; `opsagent incidents list` shows them") from error
    out = Out(as_json=json)
    found = whole(row)
    found["documents"] = _documents(open_home(home), found["timeline"])
    if json:
        out.document(found)
    else:
        out.lines(_page(found, out))
    return 0


def _documents(home: Home, timeline: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what documents say of an incident; the memory is opened only where one does."""
    from opsagent.quoting import KIND, quoted

    if all(event["kind"] != KIND for event in timeline):
        return []
    from opsagent_memory import MemoryReader

    with MemoryReader(home.database) as reader:
        return quoted(reader, timeline)


def recent(
    home: Home, *, unit: UnitId | None = None, status: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """Return the latest incidents (of one unit) as JSON-like data, newest first."""
    from opsagent.cli.store import reading

    with reading(home) as journal:
        rows: Iterable[IncidentRow] = journal.incidents(status, 1000 if unit is not None else limit)
    return [brief(row) for row in rows if unit is None or row.unit == unit][:limit]


def brief(row: IncidentRow) -> dict[str, Any]:
    """Return an incident in the form of `incidents list --json`."""
    incident = row.incident
    return {
        "id": row.id,
        "status": row.status,
        "fault": row.fault.value,
        "unit": str(row.unit),
        "name": row.unit.name,
        "affected": sorted(str(unit) for unit in incident.affected),
        "summary": incident.summary,
        "began_at": incident.began_at.isoformat(),
        "opened_at": incident.opened_at.isoformat(),
        "resolved_at": row.resolved_at.isoformat() if row.resolved_at is not None else None,
        "mttd_s": row.mttd_s,
        "mttr_s": row.mttr_s,
        "remedy": row.remedy,
        "remedy_source": row.remedy_source,
        "attempts": row.attempts,
        "probes": row.probes,
        "outcome": row.outcome,
    }


def whole(row: IncidentRow) -> dict[str, Any]:
    """Return an incident in the form of `incidents show --json`."""
    from opsagent.cli.output import plain
    from opsagent.recollected import recollections

    timeline = [
        {"at": event.at.isoformat(), "kind": event.kind, "text": event.text, "by": event.by, "data": plain(event.data)}
        for event in row.events
    ]
    return {
        **brief(row),
        "why_root": row.incident.why_root,
        "symptoms": plain(row.incident.symptoms),
        "evidence": plain(row.evidence),
        "hypotheses": plain(
            row.hypotheses or next((one.hypotheses for one in reversed(row.plans) if one.hypotheses), ())
        ),
        "plans": [_plan(one) for one in row.plans],
        "recollections": recollections(timeline),
        "timeline": timeline,
    }


def _plan(row: PlanRow) -> dict[str, Any]:
    return {
        "id": row.id,
        "remedy": row.plan.remedy,
        "source": row.plan.source,
        "attempt": row.plan.attempt,
        "why": row.plan.why,
        "status": row.status,
        "detail": row.detail,
        "steps": [
            {
                "action": str(step.step.action),
                "why": step.step.why,
                "status": step.status,
                "rule": step.rule,
                "intended_at": step.intended_at.isoformat(),
                "ended_at": step.ended_at.isoformat() if step.ended_at is not None else None,
                "detail": step.detail,
            }
            for step in row.steps
        ],
    }


def show_list(found: Sequence[Mapping[str, Any]], out: Out) -> None:
    """Draw incidents as a table."""
    from opsagent.views.incidents import LIST_COLUMNS, list_row
    from opsagent.views.table import table

    out.lines(table(LIST_COLUMNS, [list_row(one) for one in found], out.screen))


def _page(found: Mapping[str, Any], out: Out) -> list[str]:
    from opsagent.views.incidents import page

    return page(found, out.screen)
