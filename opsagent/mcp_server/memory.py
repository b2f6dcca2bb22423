"""The memory, for callers: what comes to mind. Nothing is kept, taught or forgotten from here."""

from __future__ import annotations

from typing import Any

from opsagent.mcp_server.desk import Call, Desk, McpTool
from opsagent.mcp_server.giving import UNTRUSTED, given


def tools() -> tuple[McpTool, ...]:
    """Return the one tool."""
    return (
        McpTool(
            name="memory_search",
            title="search the memory",
            description=(
                "Search what the agent remembers (incidents, what helped, facts, documents), by meaning and by words, in "
                "English or Korean; each record says why it came. Reads only."
            ),
            properties={
                "query": {"type": "string", "minLength": 1, "maxLength": 1000, "description": "what to look for"},
                "unit": {"type": "string", "minLength": 1, "maxLength": 200, "description": "only of this service"},
                "kind": {
                    "type": "string",
                    "enum": ["episode", "fact", "procedure"],
                    "description": "only of this kind",
                },
                "limit": {"type": "integer", "minimum": 1, "maximum": 20, "description": "how many at most"},
            },
            required=("query",),
            run=_search,
        ),
    )


async def _search(desk: Desk, call: Call) -> dict[str, Any]:
    from opsagent.memory_port import open_memory

    given_by = call.arguments
    async with desk.alone, open_memory(desk.home) as memory:
        rows = await memory.memory_search(
            str(given_by["query"]),
            unit=given_by.get("unit"),
            kind=given_by.get("kind"),
            limit=int(given_by.get("limit", 5)),
        )
    return given({"results": [dict(row) for row in rows], "note": UNTRUSTED})
