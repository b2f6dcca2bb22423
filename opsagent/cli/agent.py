"""The agent, for commands that act: the daemon if it runs, else this process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsagent.config import Config
    from opsagent.home import Home
    from opsagent.ports import AgentPort


def config_of(home: Home) -> Config:
    """Read the configuration of a home. Raises ConfigError."""
    from opsagent.config import Config

    return Config.load(home)


@asynccontextmanager
async def agent_of(home: Home, give_up: Callable[[], bool] = lambda: False) -> AsyncIterator[AgentPort]:
    """Open the agent of a home. Raises LockTaken, which names the owner; at once where `give_up` is true meanwhile."""
    from opsagent.local_api import open_agent

    async with open_agent(home, config_of(home), give_up) as agent:
        yield agent
