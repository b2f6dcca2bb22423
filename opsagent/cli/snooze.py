"""`opsagent snooze ID --for 2h`: no notifications of this incident for a while."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.incidents_told import IncidentId


def command(
    incident: IncidentId,
    *,
    duration: Annotated[str, typer.Option("--for", metavar="TIME", help="90s, 30m, 2h, 1d.")] = "2h",
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="Why; shown to whoever looks.", show_default=False)
    ] = "",
    end: Annotated[bool, typer.Option("--end", help="End the snooze now.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Send no notifications of an incident, and of the same trouble coming back, for a while.

    Repairs go on. The snooze ends by itself when it gets worse, or when the service has another trouble.
    """
    from datetime import UTC, datetime, timedelta

    from opsagent.cli.errors import Unclear
    from opsagent.cli.watches import say
    from opsagent.views.numbers import seconds_of

    try:
        seconds = seconds_of(duration)
        until = datetime.now(UTC) + timedelta(seconds=seconds)
    except (ValueError, OverflowError) as error:
        raise Unclear(f"--for {duration}: write 90s, 30m, 2h or 1d") from error
    if seconds <= 0:
        raise Unclear(f"--for {duration}: must be longer than nothing")
    return say("snooze", incident, until=until, why=why, end=end, json=json, home=home)
