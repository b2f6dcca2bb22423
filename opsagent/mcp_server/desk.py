"""What the tools share: the home, who calls, and how one tool is described. Nothing of the MCP library here."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opsagent.answering.answers import Answers

if TYPE_CHECKING:
    from opsagent.home import Home


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One server at work."""

    home: Home
    answers: Answers
    alone: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Held for what is counted first, or takes the home's lock where no daemon runs: callers do not get in each other's way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of a tool."""

    arguments: Mapping[str, Any]
    caller: str
    """How it is named to people (`opsagent.mcp_server.giving.caller_name`)."""

    @property
    def language(self) -> Any:
        """Return the language of the answer."""
        return "ko" if self.arguments.get("language") == "ko" else "en"


@dataclass(frozen=True, slots=True, kw_only=True)
class McpTool:
    """One tool as callers see it."""

    name: str
    title: str
    description: str
    properties: Mapping[str, Any] = field(default_factory=dict)
    """JSON schema of each argument."""
    required: tuple[str, ...] = ()
    run: Callable[[Desk, Call], Awaitable[dict[str, Any]]]
    reads: bool = True
    """False: people are asked something because of it. No tool changes a service."""

    @property
    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of its arguments."""
        return {
            "type": "object",
            "properties": dict(self.properties),
            "required": list(self.required),
            "additionalProperties": False,
        }


LANGUAGE = {"type": "string", "enum": ["en", "ko"], "description": "language of the answer"}
UNIT = {"type": "string", "minLength": 1, "maxLength": 200, "description": "name of a service; none: all of them"}
