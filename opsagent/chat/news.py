"""What the daemon tells while people talk: incidents that open and end, and the questions that it asks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home

_AGAIN_S = 3.0
TOLD = frozenset(
    {
        "opened",
        "resolved",
        "closed",
        "escalated",
        "returned",
        "undone",
        "does_not_last",
        "deploy_failed",
        "scheduled",
        "schedule_failed",
    }
)
"""Kinds of events that are shown."""
ENDS = frozenset({"command_done", "command_failed"})
"""Kinds that are shown of a change that a conversation let go of."""
ASKING = frozenset({"asked", "proposed"})
"""Kinds of events after which there is a question of the agent."""


async def listen(home: Home) -> AsyncIterator[Mapping[str, Any]]:
    """Yield what the daemon tells, for ever; while none runs it is looked for again and again. Needs no lock."""
    from opsagent.api.client import ApiClient
    from opsagent.api.errors import ApiError

    while True:
        if home.api_socket.exists():
            try:
                client = await ApiClient.connect(home.api_socket)
                async for item in client.stream("events"):
                    yield item
            except (ApiError, OSError):  # it ended, or it is of another version: the bottom line tells
                pass
        await asyncio.sleep(_AGAIN_S)
