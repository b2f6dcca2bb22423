"""`opsagent incidents`: what happened, with evidence, timeline and times."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli import incidents_told
from opsagent.cli.common import HomeDir, JsonFlag, complete_units
from opsagent.cli.incidents_told import IncidentId
from opsagent.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from datetime import datetime

    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.store.rows import IncidentRow

app = typer.Typer(cls=QuickGroup, help="What happened: incidents, newest first.", add_completion=False)
app.command("postmortem", cls=QuickCommand)(incidents_told.postmortem)
app.command("issue", cls=QuickCommand)(incidents_told.issue)

_STATUSES = ("open", "repairing", "resolved", "escalated", "closed")
_WATCHED = ("acked", "snoozed")
_MOST = 5000


@app.callback(invoke_without_command=True)
def _bare(ctx: typer.Context, json: JsonFlag = False, home: HomeDir = None) -> int:
    """What happened: incidents, newest first. Without a subcommand: list."""
    return list_(json=json, home=home) if ctx.invoked_subcommand is None else 0


@app.command("list", cls=QuickCommand)
def list_(
    *,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="STATUS", help=f"Only {', '.join((*_STATUSES, *_WATCHED))}.", show_default=False
        ),
    ] = None,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            metavar="UNIT",
            help="Only of this service.",
            autocompletion=complete_units,
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="Only those of the last 90s, 30m, 12h, 7d.", show_default=False),
    ] = None,
    still_open: Annotated[bool, typer.Option("--open", help="Only those that are not over.")] = False,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", help="How many at most.")] = 20,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """List incidents, newest first."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if status is not None and status not in {*_STATUSES, *_WATCHED}:
        raise Unclear(f"--status {status!r}: must be one of {', '.join((*_STATUSES, *_WATCHED))}")
    if lines < 1:
        raise Unclear(f"--lines {lines}: must be at least 1")
    after = since_of(since)
    found = _filtered(open_home(home), status=status, name=unit, after=after, still_open=still_open, limit=lines)
    out = Out(as_json=json)
    if json:
        out.document({"incidents": found})
    elif not found:
        out.line("no incidents" + (" like that" if status or unit or since or still_open else ""))
    else:
        show_list(found, out)
    return 0


def since_of(text: str | None) -> datetime | None:
    """Return the moment that `--since 12h` means; None where nothing was given. Raises Unclear."""
    from datetime import UTC, datetime, timedelta

    from opsagent.cli.errors import Unclear
    from opsagent.views.numbers import seconds_of

    if text is None:
        return None
    try:
        return datetime.now(UTC) - timedelta(seconds=seconds_of(text))
    except (ValueError, OverflowError) as error:
        raise Unclear(f"--since {text}: write 90s, 30m, 12h or 7d") from error


def _filtered(
    home: Home, *, status: str | None, name: str | None, after: datetime | None, still_open: bool, limit: int
) -> list[dict[str, Any]]:
    from opsagent.cli.store import reading
    from opsagent.store.rows import UNFINISHED
    from opsagent.telling.account import brief

    narrowed = name is not None or after is not None or still_open or status in _WATCHED
    with reading(home) as journal:
        rows = journal.incidents(None if status in _WATCHED else status, _MOST if narrowed else limit)
        watches = journal.standing_watches()
    found = [
        row
        for row in rows
        if (after is None or row.incident.opened_at >= after)
        and (not still_open or row.status in UNFINISHED)
        and (name is None or _answers_to(row, name))
    ]
    told = [brief(row, watches) for row in found]
    return [one for one in told if status not in _WATCHED or one[str(status)] is not None][:limit]


def _answers_to(row: IncidentRow, name: str) -> bool:
    from opsagent.naming import full_name, short_name

    unit = row.unit
    return name in {unit.name, short_name(unit.name), full_name(unit), str(unit)}


@app.command("show", cls=QuickCommand)
def show(
    incident: IncidentId,
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show one incident: causes with evidence, what changed, what was done and when, what it cost."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.incidents import page

    place = open_home(home)
    found = incidents_told.account(place, incident)
    found["documents"] = _documents(place, found["timeline"])
    out = Out(as_json=json)
    if json:
        out.document(found)
    else:
        out.lines(page(found, out.screen, incidents_told.words_for(place, "en")))
    return 0


def _documents(home: Home, timeline: Sequence[Mapping[str, Any]]) -> list[str]:
    """Return what documents say of an incident; the memory is opened only where one does."""
    from opsagent.quoting import KIND, quoted

    if all(event["kind"] != KIND for event in timeline):
        return []
    from opsagent_memory import MemoryReader

    with MemoryReader(home.database) as reader:
        return quoted(reader, timeline)


def show_list(found: Sequence[Mapping[str, Any]], out: Out) -> None:
    """Draw incidents as a table."""
    from opsagent.views.incidents import LIST_COLUMNS, list_row
    from opsagent.views.table import table

    out.lines(table(LIST_COLUMNS, [list_row(one) for one in found], out.screen))
