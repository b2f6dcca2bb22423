"""`opsagent approvals`: what the agent asks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

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


def as_json(row: ApprovalRow) -> dict[str, Any]:
    """Return a question in its documented JSON form."""
    return {
        "id": row.id,
        "action": row.step.action.name.value,
        "unit": str(row.unit),
        "args": dict(row.step.action.args),
        "why": row.step.why,
        "plan": row.plan_id,
        "incident": row.incident_id,
        "proposer": row.proposer,
        "status": row.status,
        "asked_at": row.asked_at.isoformat(),
        "expires_at": row.expires_at.isoformat(),
        "decided_by": row.decided_by,
        "needed": row.persons,
        "second_by": row.second_by,
        "state": state(row),
    }


def state(row: ApprovalRow) -> str:
    """Say how a question stands: `pending`, or where two people are needed `1 of 2: alice`."""
    if row.persons < 2:
        return row.status
    yes = [name for name in (row.decided_by, row.second_by) if name]
    if row.status == "denied":
        return f"denied by {yes[-1]}"
    said = f"{len(yes)} of {row.persons}" + (f": {', '.join(yes)}" if yes else "")
    return said if row.status in {"pending", "approved"} else f"{row.status} ({said})"


def marked(text: str) -> str:
    """Return the text with every letter that is not plain ASCII marked, so that look-alikes are seen for what they are."""
    return "".join(char if char.isascii() else f"{char}<U+{ord(char):04X}>" for char in text)
