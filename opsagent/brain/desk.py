"""Who is asked where memory, runbooks and the reader know no way: the configured chat model, or nobody."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent.brain.port import Look, NoModel, OtherTool, Thinker

if TYPE_CHECKING:
    from opsagent.agent import Agent
    from opsagent.brain.unattended import UnattendedAdviser
    from opsagent.commands.reading import CommandStep
    from opsagent.home import Home
    from opsagent.mcp_client.tools import ForeignTools
    from opsagent.model_settings import ModelSettings

Search = Callable[..., Awaitable[Sequence[Mapping[str, Any]]]]
"""`opsagent.memory_port.MemoryPort.memory_search`."""
_RECALLED, _RECALL_S = 5, 20.0


def thinker_of(
    home: Home, settings: ModelSettings, look: Look | None = None, *, others: Sequence[OtherTool] = ()
) -> Thinker:
    """Return whoever may be asked. Nothing is started or loaded before it is asked; `close` it.

    `look` carries out one reading step and returns what it found, masked (else: `opsagent.answering.answers` does).
    `others`: more tools that read, for instance those of foreign MCP servers.
    """
    if settings.first is None:
        return NoModel()
    from opsagent.brain.thinker import ModelThinker

    tools = (memory_tool(_searching(home)), *others)
    return ModelThinker(home, settings, look or look_of(home), others=tools, foreign=_foreign(home))


def adviser_of(agent: Agent) -> UnattendedAdviser | None:
    """Return who thinks about incidents of this agent that nothing known helps against; None where nobody may."""
    settings = agent.config.model
    if settings.first is None or not settings.unattended:
        return None
    from opsagent.brain.thinker import ModelThinker
    from opsagent.brain.unattended import UnattendedAdviser
    from opsagent.memory_methods import MemoryMethods

    search = MemoryMethods(agent.desk, known=agent.names).memory_search
    thinker = ModelThinker(agent.home, settings, look_of(agent.home), others=(memory_tool(search),))
    return UnattendedAdviser(thinker, world=agent.world, journal=agent.journal, timeline=agent.timeline)


def _foreign(home: Home) -> ForeignTools | None:
    """Return the tools of MCP servers of others that the configuration names; None where it names none."""
    from opsagent.running import read_config

    config = read_config(home)
    if isinstance(config, str) or not config.mcp.servers:
        return None
    from opsagent.mcp_client.tools import ForeignTools

    return ForeignTools(home, config.mcp)


def look_of(home: Home) -> Look:
    """Return who carries out reading steps at a home."""

    async def look(step: CommandStep) -> Mapping[str, Any]:
        from opsagent.answering.answers import Answers

        return (await Answers(home).answer(step)).data

    return look


def memory_tool(search: Search) -> OtherTool:
    """Return the memory as a tool that recalls by meaning: incidents, what helped, what people taught, documents."""

    async def recall(args: Mapping[str, Any]) -> Any:
        unit = str(args["unit"]) if args.get("unit") else None
        async with asyncio.timeout(_RECALL_S):
            return [dict(row) for row in await search(str(args.get("query", "")), unit=unit, limit=_RECALLED)]

    words = {"type": "string"}
    return OtherTool(
        name="recall",
        summary="Search the memory by meaning: past incidents, what helped, facts that people taught, documents.",
        schema={"type": "object", "properties": {"query": words, "unit": words}, "required": ["query"]},
        call=recall,
        foreign=False,
    )


def _searching(home: Home) -> Search:
    """Return the memory's search, at the daemon's where one runs, else opened for the question."""

    async def search(query: str, *, unit: str | None = None, limit: int = _RECALLED) -> Sequence[Mapping[str, Any]]:
        from opsagent.memory_port import open_memory

        async with open_memory(home) as memory:
            return await memory.memory_search(query, unit=unit, limit=limit)

    return search
