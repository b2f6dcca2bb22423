"""`opsagent approvals`: what the agent asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.cli.output import Out
    from opsagent.store.rows import ApprovalRow


def command(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also those that were answered or have expired.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """List pending questions; answer them with `opsagent approve ID` or `opsagent deny ID`.

    What cannot be undone needs two people: `1 of 2: alice` waits for the second. One no ends it.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home_as_its_owner
    from opsagent.cli.store import reading
    from opsagent.views.questions import as_json

    with reading(open_home_as_its_owner(home)) as journal:
        rows = journal.approvals(pending=not everything)
    out = Out(as_json=json)
    if json:
        out.document({"approvals": [as_json(row) for row in rows]})
        return 0
    if not rows:
        out.line("nothing is waiting for approval")
        return 0
    _show(rows, out)
    return 0


def _show(rows: Sequence[ApprovalRow], out: Out) -> None:
    from opsagent.views.numbers import moment
    from opsagent.views.questions import marked, state
    from opsagent.views.table import Cell, Column, table

    columns = (
        Column("ID"),
        Column("ACTION"),
        Column("ARGS", drop=2),
        Column("WHY", drop=3),
        Column("BY", drop=4),
        Column("STATUS", drop=5),
        Column("EXPIRES", drop=1),
        Column("INCIDENT", drop=6),
    )
    drawn = [
        (
            Cell(row.id, "strong"),
            Cell(marked(str(row.step.action))),
            Cell(marked(", ".join(f"{key}={value}" for key, value in row.step.action.args.items()))),
            Cell(row.step.why),
            Cell(row.proposer),
            Cell(state(row)),
            Cell(moment(row.expires_at)),
            Cell(row.incident_id or ""),
        )
        for row in rows
    ]
    out.lines(table(columns, drawn, out.screen))
