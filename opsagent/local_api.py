"""The agent behind its local socket, and the same agent seen from a client: two ends of one contract (`AgentPort`)."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import msgspec

from opsagent.api.client import ApiClient, DaemonNotRunning
from opsagent.config import Config
from opsagent.home import Home
from opsagent.model import Plan
from opsagent.ports import AgentPort, Progress
from opsagent.store.codec import from_plain, to_plain

if TYPE_CHECKING:
    from opsagent.learn import Reconstructed

LOCK_WAIT_S = 5.0


class RemoteAgent:
    """The daemon, over its socket."""

    def __init__(self, client: ApiClient) -> None:
        self._client = client

    async def submit(self, plan: Plan, *, confirmed: bool, by: str) -> AsyncIterator[Progress]:
        params = {"plan": to_plain(plan), "confirmed": confirmed, "by": by}
        async for item in self._client.stream("submit", params):
            yield from_plain(item, Progress)

    async def approved(self, approval: str, *, by: str) -> AsyncIterator[Progress]:
        async for item in self._client.stream("approved", {"approval": approval, "by": by}):
            yield from_plain(item, Progress)

    async def propose(self, plan: Plan, *, by: str, why: str) -> Progress:
        params = {"plan": to_plain(plan), "proposer": by, "why": why, "by": ""}
        return from_plain(await self._client.call("propose", params), Progress)

    async def remember(self, episodes: list[Reconstructed]) -> Mapping[str, int]:
        kept = await self._client.call("remember", {"episodes": to_plain(episodes)})
        return msgspec.convert(kept, dict[str, int])

    async def status(self) -> Mapping[str, Any]:
        return msgspec.convert(await self._client.call("status", {}), dict[str, Any])

    def events(self) -> AsyncIterator[Mapping[str, Any]]:
        return self._client.stream("events", {})


@asynccontextmanager
async def open_agent(
    home: Home, config: Config, give_up: Callable[[], bool] = lambda: False
) -> AsyncIterator[AgentPort]:
    """The daemon if one answers; else this process owns acting while the context lasts.

    Raises LockTaken, naming the owner, after `LOCK_WAIT_S` or as soon as `give_up` is true of somebody else's work.
    """
    try:
        client = await ApiClient.connect(home.api_socket)
    except DaemonNotRunning:
        from opsagent.own_agent import own_agent

        async with own_agent(home, config, wait_s=LOCK_WAIT_S, give_up=give_up) as agent:
            yield agent
        return
    try:
        yield RemoteAgent(client)
    finally:
        await client.close()
