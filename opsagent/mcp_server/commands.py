"""Plain words, for callers: how the agent would read them. Nothing runs."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from opsagent.mcp_server.desk import Call, Desk, McpTool
from opsagent.mcp_server.giving import given

if TYPE_CHECKING:
    from opsagent.commands.reading import Reading

TEXT = {
    "type": "string",
    "minLength": 1,
    "maxLength": 1000,
    "description": "a command in plain words, English or Korean",
}


def tools() -> tuple[McpTool, ...]:
    """Return the one tool."""
    return (
        McpTool(
            name="read_command",
            title="read a command",
            description=(
                "Say how the agent reads a command in plain words: steps, or a question back with offers. A dry run: "
                "nothing is done and nobody is asked."
            ),
            properties={"text": TEXT},
            required=("text",),
            run=_read,
        ),
    )


async def _read(desk: Desk, call: Call) -> dict[str, Any]:
    return given((await reading_of(desk, str(call.arguments["text"]))).to_json())


async def reading_of(desk: Desk, text: str) -> Reading:
    """Return how a text is read, on what runs now."""

    def read_now() -> Reading:
        from opsagent.api.ask import status
        from opsagent.carrying.context import context_of
        from opsagent.commands.reader import read
        from opsagent.running import look

        running = look(desk.home, daemon=status(desk.home))
        context = context_of(desk.home, running, "", phrases=False)  # what a person meant before is theirs
        return read(text, running.with_daemons, context)

    return await asyncio.to_thread(read_now)
