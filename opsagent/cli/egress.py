"""`opsagent egress`: what left this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    *,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="TIME", help="How far back: 12h, 7d [default: all].", show_default=False),
    ] = None,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", help="How many at most.")] = 50,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """List what the agent sent: when, where to, what, how many bytes, and by which line of the configuration.

    Nothing leaves until `[notify]` in config.toml says so. What was refused is listed too.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.incidents import since_of
    from opsagent.cli.output import Out, plain
    from opsagent.cli.services import open_home
    from opsagent.cli.store import reading

    if lines < 1:
        raise Unclear(f"--lines {lines}: must be at least 1")
    with reading(open_home(home)) as journal:
        rows = journal.egress(since_of(since), lines)
    out = Out(as_json=json)
    if json:
        out.document({"egress": [plain(row) for row in rows]})
        return 0
    if not rows:
        out.line("nothing left this machine" + (f" in the last {since}" if since else ""))
        return 0
    from opsagent.views.numbers import moment, size
    from opsagent.views.table import Cell, Column, table

    columns = (
        Column("AT", drop=3),
        Column("WHERE"),
        Column("WHAT", drop=2),
        Column("BYTES", right=True),
        Column("SENT"),
        Column("BY", drop=1),
    )
    drawn = [
        (
            Cell(moment(row.at)),
            Cell(row.where, "strong"),
            Cell(row.what),
            Cell(size(row.bytes)),
            Cell("yes" if row.ok else "no", "good" if row.ok else "bad"),
            Cell(row.why),
        )
        for row in rows
    ]
    out.lines(table(columns, drawn, out.screen))
    return 0
