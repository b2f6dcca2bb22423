"""`opsagent handover`: what the next person has to know."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.incidents_told import Language, Zone


def command(
    *,
    since: Annotated[str, typer.Option("--since", metavar="TIME", help="How far back: 90s, 30m, 12h, 7d.")] = "12h",
    markdown: Annotated[bool, typer.Option("--markdown", help="As Markdown.")] = False,
    language: Language = None,
    zone: Zone = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Tell what is open, on hold, snoozed and pending, what was repaired and changed, and what to watch."""
    from datetime import UTC, datetime

    from opsagent.cli.daemon import status
    from opsagent.cli.incidents import since_of
    from opsagent.cli.incidents_told import words_for
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import reading
    from opsagent.telling.gather import handover_of
    from opsagent.telling.handover import handover

    place, out, now = open_home(home), Out(as_json=json), datetime.now(UTC)
    words = words_for(place, language, zone)
    with reading(place) as journal:
        found = handover_of(journal, since_of(since) or now, now)
    found["daemon"] = status(place) is not None
    if json:
        out.document(found)
        return 0
    document = handover(found, words)
    if markdown:
        from opsagent.telling.as_markdown import as_markdown

        out.lines(as_markdown(document).rstrip("\n").split("\n"))
    else:
        from opsagent.telling.as_lines import as_lines

        out.lines(as_lines(document, out.screen))
    return 0
