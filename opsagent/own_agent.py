"""This very process as the agent: for a command while no daemon runs. Nothing is watched; the command is carried out."""

from __future__ import annotations

import heapq
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from opsagent.agent import Agent
from opsagent.config import Config
from opsagent.home import Home
from opsagent.learn import Reconstructed, remember
from opsagent.measured import measured
from opsagent.model import Plan
from opsagent.ports import Progress
from opsagent.status import listing, topology


class OwnAgent:
    """The `AgentPort` of an agent in this process; also what the daemon serves to others."""

    def __init__(self, agent: Agent) -> None:
        self._agent = agent

    def submit(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        return self._agent.people.submit(plan, confirmed=confirmed, by=by)

    def approved(self, approval: str, *, by: str) -> AsyncIterator[Progress]:
        return self._agent.people.approved(approval, by=by)

    async def propose(self, plan: Plan, *, by: str, why: str) -> Progress:
        return await self._agent.proposals.propose(plan, by=by, why=why)

    async def take_proposal(self, plan: Plan, proposer: str, why: str, by: str) -> Progress:
        """Take a proposal over the socket. `by` is whose connection it is, as the kernel says; the proposer is a program."""
        own = f"{why} (over the connection of {by})" if why else f"over the connection of {by}"
        return await self.propose(plan, by=proposer, why=own)

    async def remember(self, episodes: list[Reconstructed]) -> Mapping[str, int]:
        return await remember(self._agent.desk, episodes)

    async def status(self) -> Mapping[str, Any]:
        return self._agent.status()

    async def units(self) -> Mapping[str, Any]:
        return listing(self._agent)

    async def topology(self) -> Mapping[str, Any]:
        return topology(self._agent)

    async def metrics(self) -> Mapping[str, Any]:
        return measured(self._agent.world, full_in=self._agent.detector.metrics.forecast)

    async def notices(self, limit: int = 50) -> Sequence[Mapping[str, Any]]:
        return self._agent.notices.latest(limit)

    async def signatures(self, unit: str | None = None, limit: int | None = None) -> Sequence[Mapping[str, Any]]:
        senses = self._agent.senses
        found = senses.signatures(unit) if senses is not None else []
        return found if limit is None else heapq.nlargest(limit, found, key=lambda one: float(one["last"]))

    def events(self) -> AsyncIterator[Mapping[str, Any]]:
        return self._agent.timeline.listen()


@asynccontextmanager
async def owning(
    home: Home, config: Config, *, wait_s: float, give_up: Callable[[], bool] = lambda: False
) -> AsyncIterator[Agent]:
    """Be the process that owns acting on this home. Raises LockTaken (which names the owner)."""
    with home.owner_lock(wait_s, give_up):
        agent = Agent(home, config)
        try:
            yield agent
        finally:
            await agent.close()


@asynccontextmanager
async def own_agent(
    home: Home, config: Config, *, wait_s: float, give_up: Callable[[], bool] = lambda: False
) -> AsyncIterator[OwnAgent]:
    """Own acting while the context lasts. Raises LockTaken."""
    async with owning(home, config, wait_s=wait_s, give_up=give_up) as agent:
        await agent.look_around()
        yield OwnAgent(agent)
