"""`opsagent mcp --servers` and `--accept NAME`: what MCP servers of others offer to a chat model."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.mcp_client.tools import Offered


def show_servers(home: Home, out: Out, accept: str | None) -> int:
    """Start the servers, show their tools in their own words, and keep them as they are now where that is asked for."""
    from opsagent.cli.errors import Code, Unclear
    from opsagent.config import Config

    settings = Config.load(home).mcp
    names = [one.name for one in settings.servers]
    if accept is not None and accept not in names:
        raise Unclear(f"--accept {accept}: there is no [mcp.servers.{accept}]: there are {', '.join(names) or 'none'}")
    offered, problems, kept = asyncio.run(_look(home, accept))
    if out.as_json:
        rows = [
            {"server": one.server, "tool": one.name, "says": str(one.summary), "why_not": one.why_not}
            for one in offered
        ]
        out.document({"tools": rows, "problems": list(problems), "accepted": accept if kept else None})
    else:
        _show(offered, problems, out)
        if not names:
            out.note("no server of others is configured: [mcp.servers.NAME] in config.toml, see docs/mcp.md")
        if kept:
            out.note(f"kept: the tools of {accept} as they are shown here")
    return Code.FAILED if problems else Code.DONE


async def _look(home: Home, accept: str | None) -> tuple[Sequence[Offered], Sequence[str], bool]:
    from opsagent.config import Config
    from opsagent.mcp_client.tools import ForeignTools

    foreign = ForeignTools(home, (await asyncio.to_thread(Config.load, home)).mcp)
    try:
        await foreign.list()
        kept = accept is not None and await foreign.accept(accept)  # what is shown is what was kept, asked once
        return foreign.offered, foreign.problems, kept
    finally:
        await foreign.close()


def _show(offered: Sequence[Offered], problems: Sequence[str], out: Out) -> None:
    from opsagent.views.table import Cell, Column, table

    columns = (Column("SERVER"), Column("TOOL"), Column("USED"), Column("SAYS OF ITSELF", drop=1))
    rows = [
        (
            Cell(one.server),
            Cell(one.name, "strong"),
            Cell("no" if one.why_not else "yes", "warn" if one.why_not else "good"),
            Cell(str(one.summary)),
        )
        for one in offered
    ]
    if rows:
        out.lines(table(columns, rows, out.screen))
    for one in offered:
        if one.why_not:
            out.note(f"{one.server} {one.name}: not used: {one.why_not}")
    for problem in problems:
        out.note(problem)
