"""What happened, for callers: incidents in brief and whole, and their postmortems."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.mcp_server.desk import LANGUAGE, Call, Desk, McpTool
from opsagent.mcp_server.errors import CallError
from opsagent.mcp_server.giving import UNTRUSTED, given

if TYPE_CHECKING:
    from opsagent.home import Home

LISTED = 20
_POSTMORTEM_MAX = 60_000


def tools() -> tuple[McpTool, ...]:
    """Return the one tool."""
    return (
        McpTool(
            name="incidents",
            title="incidents",
            description=(
                "List incidents, newest first; or with an id one of them whole (causes with evidence, what was done, "
                "timeline); or with form=postmortem its postmortem as Markdown. Reads only."
            ),
            properties={
                "id": {"type": "string", "minLength": 1, "maxLength": 64, "description": "of an incident"},
                "form": {"type": "string", "enum": ["list", "show", "postmortem"], "description": "what of it"},
                "limit": {"type": "integer", "minimum": 1, "maximum": 100, "description": "how many at most"},
                "language": LANGUAGE,
            },
            run=_incidents,
        ),
    )


async def _incidents(desk: Desk, call: Call) -> dict[str, Any]:
    incident = call.arguments.get("id")
    form = call.arguments.get("form") or ("show" if incident else "list")
    if form == "list":
        return await asyncio.to_thread(listed, desk.home, int(call.arguments.get("limit", LISTED)))
    if not incident:
        raise CallError("bad_argument", f"form={form} needs the id of an incident")
    if form == "postmortem":
        text, left_off = await asyncio.to_thread(postmortem, desk.home, str(incident), call.language)
        return {"id": incident, "markdown": text, "left_off": left_off, "note": UNTRUSTED}
    return await asyncio.to_thread(shown, desk.home, str(incident))


def listed(home: Home, limit: int = LISTED) -> dict[str, Any]:
    """Return incidents in brief, newest first. Blocks."""
    from opsagent.answering.incidents import recent

    return given({"incidents": recent(home, limit=limit), "note": UNTRUSTED})


def shown(home: Home, incident: str) -> dict[str, Any]:
    """Return all that is known of an incident. LookupError: there is none. Blocks."""
    from opsagent.store.journal import Journal
    from opsagent.telling.gather import account_of

    with Journal.read(home) as journal:
        return given({**account_of(journal, incident), "note": UNTRUSTED})


def postmortem(home: Home, incident: str, language: str = "en") -> tuple[str, int]:
    """Return a postmortem as Markdown, and how many characters of it were left off. LookupError. Blocks."""
    from opsagent.notify_settings import Notify
    from opsagent.running import read_config
    from opsagent.store.journal import Journal
    from opsagent.telling.as_markdown import as_markdown
    from opsagent.telling.gather import account_of, same_as
    from opsagent.telling.postmortem import postmortem as text
    from opsagent.telling.words import Words

    with Journal.read(home) as journal:
        account, same = account_of(journal, incident), same_as(journal, incident)
    config = read_config(home)
    zone = (Notify() if isinstance(config, str) else config.notify).local_zone
    whole = as_markdown(text(account, Words(language, zone), at=datetime.now(UTC), same=same))
    return whole[:_POSTMORTEM_MAX], max(0, len(whole) - _POSTMORTEM_MAX)
