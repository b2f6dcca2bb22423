"""What callers may read as resources: incidents, postmortems, and who talks to whom."""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from opsagent.mcp_server import incidents
from opsagent.mcp_server.errors import CallError
from opsagent.mcp_server.giving import UNTRUSTED, given, one_line

if TYPE_CHECKING:
    from opsagent.home import Home

JSON, MARKDOWN = "application/json", "text/markdown"
_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAME = 120


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One resource in the list."""

    uri: str
    name: str
    description: str
    mime: str


TEMPLATES = (
    Listed(
        uri="opsagent://incidents/{id}", name="incident", description="all that is known of one incident", mime=JSON
    ),
    Listed(uri="opsagent://postmortems/{id}", name="postmortem", description="an incident as a text", mime=MARKDOWN),
)
_STANDING = (
    Listed(uri="opsagent://incidents", name="incidents", description="what happened, newest first", mime=JSON),
    Listed(uri="opsagent://map", name="map", description="who talks to whom, from open connections", mime=JSON),
)


async def listed(home: Home) -> tuple[Listed, ...]:
    """Return what can be read now: the standing ones, and the latest incidents with their postmortems."""
    from opsagent.answering.incidents import recent

    rows = await asyncio.to_thread(recent, home, limit=incidents.LISTED)
    found = list(_STANDING)
    for row in rows:
        name = one_line(f"{row['fault']} of {row['name']}", _NAME)
        about = one_line(f"{row['opened_at']}, {row['status']}", _NAME)
        found.append(Listed(uri=f"opsagent://incidents/{row['id']}", name=name, description=about, mime=JSON))
        post = f"postmortem: {name}"
        found.append(Listed(uri=f"opsagent://postmortems/{row['id']}", name=post, description=about, mime=MARKDOWN))
    return tuple(found)


async def read(home: Home, uri: str) -> tuple[str, str]:
    """Return the text of a resource, and its type. Raises CallError or LookupError."""
    room, _, wanted = uri.removeprefix("opsagent://").partition("/")
    if wanted and not _ID.fullmatch(wanted):
        raise CallError("not_found", "there is no such resource")
    match (room, bool(wanted)):
        case ("incidents", False):
            return _json(await asyncio.to_thread(incidents.listed, home)), JSON
        case ("incidents", True):
            return _json(await asyncio.to_thread(incidents.shown, home, wanted)), JSON
        case ("postmortems", True):
            return (await asyncio.to_thread(incidents.postmortem, home, wanted))[0], MARKDOWN
        case ("map", False):
            return _json(await asyncio.to_thread(_map, home)), JSON
        case _:
            raise CallError("not_found", "there is no such resource")


def _map(home: Home) -> dict[str, Any]:
    from opsagent.answering.mapping import look_now
    from opsagent.api.ask import topology

    return given({**(topology(home) or look_now(home)), "note": UNTRUSTED})


def _json(value: dict[str, Any]) -> str:
    return json.dumps(value, ensure_ascii=False)
