"""`opsagent pause`: hands off everything."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    *,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="Why; shown to whoever looks.", show_default=False)
    ] = "",
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Keep the agent from acting at all, until `opsagent resume`.

    It goes on watching. The order is looked at before every step, so it works even on a daemon that hangs.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import person, writing

    with writing(open_home(home)) as journal:
        journal.pause(person(), why)
    out = Out(as_json=json)
    if json:
        out.document({"paused": True, "by": person(), "why": why})
    else:
        out.line("paused: the agent watches, and does nothing until `opsagent resume`")
    return 0
