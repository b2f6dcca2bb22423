"""`opsagent rollback UNIT --list`: the releases of a service that were good."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.store.rows import ReleaseRow


def list_releases(home: Home, name: str, out: Out) -> int:
    """List them, the one that was last good first; return the exit code."""
    from opsagent.cli.daemon import status
    from opsagent.cli.services import find, look
    from opsagent.cli.store import reading
    from opsagent.views.numbers import moment
    from opsagent.views.table import Cell, Column, table

    unit = find(name, look(home, daemon=status(home)).units)
    with reading(home) as journal:
        rows = journal.releases(unit.id)
    if out.as_json:
        out.document({"unit": str(unit.id), "releases": [as_json(row) for row in rows]})
        return 0
    if not rows:
        out.line(f"no good release of {unit.name} is known yet: one is noted once it has been well for a while")
        return 0
    columns = (Column("RELEASE"), Column("LABEL"), Column("KIND", drop=2), Column("NOTED", drop=1), Column("GOOD"))
    cells = [
        (
            Cell(row.id, "strong"),
            Cell(row.label),
            Cell(row.kind),
            Cell(moment(row.noted_at)),
            Cell(moment(row.good_at)),
        )
        for row in rows
    ]
    out.lines(table(columns, cells, out.screen))
    return 0


def as_json(row: ReleaseRow) -> dict[str, Any]:
    """Return a release in its documented JSON form."""
    from opsagent.cli.output import plain

    names = ("id", "label", "kind", "branch", "commit", "noted_at", "good_at")
    return {name: plain(getattr(row, name)) for name in names}
