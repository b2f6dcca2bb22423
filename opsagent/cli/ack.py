"""`opsagent ack ID`: I look after this incident."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.incidents_told import IncidentId


def command(
    incident: IncidentId,
    *,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="What you do about it; shown to others.", show_default=False)
    ] = "",
    end: Annotated[bool, typer.Option("--end", help="You do not look after it any more.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Say that you look after an incident: reminders and news of it end, until it is over.

    The agent goes on repairing it. To hear nothing of it for a while: `opsagent snooze`.
    """
    from opsagent.cli.watches import say

    return say("ack", incident, until=None, why=why, end=end, json=json, home=home)
