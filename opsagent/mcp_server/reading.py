"""The reading tools of the registry, for callers."""

from __future__ import annotations

from functools import partial
from typing import Any

from opsagent.commands.reading import CommandStep
from opsagent.mcp_server.desk import LANGUAGE, UNIT, Call, Desk, McpTool
from opsagent.mcp_server.giving import given, quoted
from opsagent_tools.registry import READING, Tool

_LINES_MAX = 1000
_SCHEMAS: dict[str, dict[str, Any]] = {
    "lines": {"type": "integer", "minimum": 1, "maximum": _LINES_MAX},
    "query": {"type": "string", "minLength": 1, "maxLength": 500},
    "since": {"type": "string", "pattern": r"^\d{1,6}[smhd]$"},
}
"""Of arguments, by their names in the registry; the description comes from there."""
_OF_A_UNIT = frozenset({"describe_process", "tail_logs", "search_logs", "recall_incidents"})
_NEEDED = {"describe_process": ("unit",), "search_logs": ("query",)}
_IN_QUOTES = frozenset({"lines", "last_lines"})
"""Of the data of an answer: stands among the quoted lines already."""


def tools() -> tuple[McpTool, ...]:
    """Return one tool for each of `opsagent_tools.registry.READING`."""
    return tuple(_tool(tool) for tool in READING.values())


def _tool(tool: Tool) -> McpTool:
    properties: dict[str, Any] = {"unit": UNIT} if tool.name in _OF_A_UNIT else {}
    properties |= {name: {**_SCHEMAS[name], "description": what} for name, what in tool.args.items()}
    return McpTool(
        name=tool.name,
        title=tool.name.replace("_", " "),
        description=f"{tool.summary} Reads only.",
        properties={**properties, "language": LANGUAGE},
        required=_NEEDED.get(tool.name, ()),
        run=partial(_answer, tool),
    )


async def _answer(tool: Tool, desk: Desk, call: Call) -> dict[str, Any]:
    args = {name: call.arguments[name] for name in tool.args if name in call.arguments}
    step = CommandStep(tool=tool.name, target=call.arguments.get("unit"), args=args)
    answer = await desk.answers.answer(step, call.language)
    data = {key: value for key, value in answer.data.items() if key not in _IN_QUOTES}
    found = given(data)
    return {**found, "untrusted": quoted(answer.quoted)} if answer.quoted else found
