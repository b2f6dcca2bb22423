"""The process that talks to one MCP server of somebody else, as its parent sees it: started, asked, ended in time.

ServerGone   it cannot be reached, ended, or does not answer in time
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from opsagent.secret_file import NoSecret, one_secret
from opsagent.wall import bare_environment

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
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def start(self) -> list[Mapping[str, Any]]:
        """Start it and return its tools as it describes them. Raises ServerGone."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-s", "-P", "-m", _MODULE),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**bare_environment(), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            start_new_session=True,
            limit=_LINE_MAX,
        )
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
        process, self._process = self._process, None
        if process is None:
            return
        below = _below(process.pid)
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
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
        process = self._process
        if process is None or process.stdin is None or process.stdout is None:
            raise ServerGone("it does not run any more")
        try:
            async with asyncio.timeout(limit_s):
                process.stdin.write(json.dumps(message).encode() + b"\n")
                await process.stdin.drain()
                told = json.loads(await process.stdout.readline())
        except TimeoutError:
            await self.close()
            raise ServerGone(f"no answer within {limit_s:.0f} s") from None
        except (ValueError, ConnectionError):
            await self.close()
            raise ServerGone("it broke off") from None
        except asyncio.CancelledError:  # an answer would come that nobody waits for
            await self.close()
            raise
        return told if isinstance(told, dict) else {}


def _below(pid: int) -> list[Any]:
    """Return the processes that this one started, while they can still be found."""
    import psutil

    try:
        return list(psutil.Process(pid).children(recursive=True))
    except psutil.Error:
        return []
