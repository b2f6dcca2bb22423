"""The process that talks to one MCP server of somebody else, as its parent sees it: started, asked, ended in time.

ServerGone   it cannot be reached, ended, or does not answer in time
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opsagent.secret_file import NoSecret, one_secret
from opsagent.wall import bare_environment
from opsagent.walled import Walled

if TYPE_CHECKING:
    from pathlib import Path

    from opsagent.mcp_settings import ForeignServer

_MODULE = "opsagent.mcp_client.worker"
_STARTS_S = 30.0
_LINE_MAX = 4 * 1024 * 1024
_OURS_ALONE = frozenset({"PYTHONPATH", "DBUS_SESSION_BUS_ADDRESS"})


class ServerGone(Exception):
    """It cannot be reached, ended, or does not answer in time. One line."""


class ServerProcess:
    """One server. Its program gets nothing of the environment but what the configuration names."""

    def __init__(self, server: ForeignServer, folder: Path) -> None:
        """`folder`: where files with tokens are."""
        self._server = server
        self._folder = folder
        self._process = Walled(_MODULE, called="it", broken=ServerGone, line_max=_LINE_MAX)
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> list[Mapping[str, Any]]:
        """Start it and return its tools as it describes them. Raises ServerGone."""
        await self._process.start()
        told = await self._exchange(self._order(), _STARTS_S)
        if not isinstance(told.get("tools"), list):
            raise ServerGone(str(told.get("error") or "it does not say which tools it has"))
        return [one for one in told["tools"] if isinstance(one, dict)]

    async def call(self, tool: str, arguments: Mapping[str, Any]) -> tuple[str, bool]:
        """Return what a tool says, and whether that is a failure. Raises ServerGone."""
        async with self._one_at_a_time:
            told = await self._exchange({"tool": tool, "arguments": dict(arguments)}, self._server.timeout_s)
        return str(told.get("text") or told.get("error") or ""), bool(told.get("failed", True))

    async def close(self) -> None:
        """End it and whatever it started."""
        below = _below(self._process.pid) if self._process.pid else []
        await self._process.end()
        for one in below:
            with suppress(Exception):  # it is gone already, or somebody else's by now
                one.kill()

    def _order(self) -> dict[str, Any]:
        server = self._server
        environment = {name: value for name, value in bare_environment().items() if name not in _OURS_ALONE}
        environment |= {name: os.environ[name] for name in server.env if name in os.environ}
        order: dict[str, Any] = {"timeout_s": server.timeout_s, "env": environment}
        if not server.url:
            return {**order, "command": list(server.command)}
        token = ""
        if server.token_file:
            try:
                token = one_secret(file=server.token_file, env="", folder=self._folder, what="token")
            except NoSecret as error:
                raise ServerGone(str(error)) from error
        return {**order, "url": server.url, "token": token}

    async def _exchange(self, message: Mapping[str, Any], limit_s: float) -> dict[str, Any]:
        try:
            async with asyncio.timeout(limit_s):
                await self._process.say(message)
                return await self._process.hear()
        except TimeoutError:
            await self.close()
            raise ServerGone(f"no answer within {limit_s:.0f} s") from None
        except (ServerGone, asyncio.CancelledError):  # an answer would come that nobody waits for
            await self.close()
            raise


def _below(pid: int) -> list[Any]:
    """Return the processes that this one started, while they can still be found."""
    import psutil

    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []
