"""`opsagent schedule`: what is to be done later."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.cli.output import Out
    from opsagent.store.schedules import ScheduleRow

app = typer.Typer(no_args_is_help=True)


@app.callback()
def group() -> None:
    """See and cancel what is to be done later; `opsagent do "reload api at 3am"` schedules it.

    The daemon does it at its time, if nothing that people ordered since is against it.
    """


@app.command("list")
def list_(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """List what is to be done later, the next one first."""
    from opsagent.carrying.later import form
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import reading

    with reading(open_home(home)) as journal:
        rows = journal.schedules(ended=everything)
    out = Out(as_json=json)
    if json:
        out.document({"schedules": [form(row) for row in rows]})
    elif not rows:
        out.line("nothing is scheduled")
    else:
        _show(rows, out)
    return 0


@app.command("cancel")
def cancel(
    schedule: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a schedule (`opsagent schedule list`).", show_default=False)
    ],
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Have it never run again. What is under way is carried through."""
    from opsagent.carrying.later import form
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import no_such, person, writing
    from opsagent.views.terminal import one_line

    try:
        with writing(open_home(home)) as journal:
            row = journal.cancel_schedule(journal.schedule(schedule).id, person())
            journal.record_change("schedule", f"{row.id} cancelled: {row.text}", person())
    except LookupError as error:
        raise no_such("schedule", schedule, f"{error}; `opsagent schedule list --all` lists them") from error
    out = Out(as_json=json)
    if json:
        out.document({"cancelled": form(row), "under_way": row.run is not None})
    else:
        going = " (what is under way is carried through)" if row.run is not None else ""
        out.line(one_line(f"cancelled: {row.text}{going}"))
    return 0


def _show(rows: Sequence[ScheduleRow], out: Out) -> None:
    from opsagent.views.table import Column, table

    columns = (
        Column("ID"),
        Column("NEXT"),
        Column("WHAT"),
        Column("AGAIN", drop=2),
        Column("ONLY IF", drop=4),
        Column("BY", drop=3),
        Column("LAST", drop=1),
    )
    out.lines(table(columns, [_row(row) for row in rows], out.screen))


def _row(row: ScheduleRow) -> tuple[Any, ...]:
    from zoneinfo import ZoneInfo

    from opsagent.carrying.later import bare
    from opsagent.carrying.stored import from_stored
    from opsagent.commands.times import comes_again
    from opsagent.views.table import Cell

    try:
        what = ", ".join(str(bare(step)) for step in from_stored(row.steps))
    except ValueError:
        what = row.text
    when = row.next_at.astimezone(ZoneInfo(row.zone)) if row.next_at is not None else None
    return (
        Cell(row.id, "strong"),
        Cell(f"{when:%Y-%m-%d %H:%M} {row.zone}" if when is not None else row.state),
        Cell(what),
        Cell(row.at_text if comes_again(row.at_text) else ""),
        Cell(row.condition),
        Cell(row.by),
        Cell(row.last_result or ""),
    )
