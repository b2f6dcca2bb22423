"""`python -m opsagent.mcp_client.worker`: talks to one MCP server of somebody else, in a process of its own.

JSON lines: the order first, then calls, one at a time; each is answered by one line. At the end of the input it ends, and
what it started with it. For a URL a wall is armed first: only that host is reached, and no program is started.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

_TOOLS_MAX = 200
_TEXT_MAX = 256 * 1024
"""Characters of one result that are taken in; what is given to a model is cut much shorter."""


def main() -> None:
    """Serve one parent."""
    order = json.loads(sys.stdin.readline())
    if order.get("url"):
        _wall(str(order["url"]))
    try:
        asyncio.run(_serve(order))
    except BaseException as error:  # noqa: BLE001  # the parent is told in one line, whatever it was
        _say({"error": _why(error)})


def _wall(url: str) -> None:
    from urllib.parse import urlsplit

    import mcp.client.streamable_http  # noqa: F401  # what it loads is loaded before the wall stands

    from opsagent.wall import Wall

    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    Wall([f"[{parts.hostname}]:{port}" if ":" in (parts.hostname or "") else f"{parts.hostname}:{port}"]).arm()


async def _serve(order: dict[str, Any]) -> None:
    from mcp import ClientSession

    limit = timedelta(seconds=float(order["timeout_s"]))
    async with (
        _streams(order) as (reader, writer),
        ClientSession(reader, writer) as session,
    ):  # how long a start may take, who started this knows
        await session.initialize()
        _say({"tools": [_described(tool) for tool in (await session.list_tools()).tools[:_TOOLS_MAX]]})
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            try:
                result = await session.call_tool(asked["tool"], asked["arguments"], limit)
                _say({"text": _text(result.content), "failed": bool(result.isError)})
            except Exception as error:  # noqa: BLE001  # one call that fails ends nothing
                _say({"text": _why(error), "failed": True})


@asynccontextmanager
async def _streams(order: dict[str, Any]) -> AsyncIterator[tuple[Any, Any]]:
    if order.get("url"):
        import httpx
        from mcp.client.streamable_http import streamable_http_client

        headers = {"Authorization": f"Bearer {order['token']}"} if order.get("token") else {}
        async with (
            httpx.AsyncClient(
                headers=headers, timeout=float(order["timeout_s"]), follow_redirects=False, trust_env=False
            ) as client,
            streamable_http_client(str(order["url"]), http_client=client) as (reader, writer, _),
        ):
            yield reader, writer
        return
    from mcp.client.stdio import StdioServerParameters, stdio_client

    program, *arguments = order["command"]
    with os.fdopen(os.open(os.devnull, os.O_WRONLY), "w") as nowhere:
        server = StdioServerParameters(command=program, args=arguments, env=order["env"], cwd="/")
        async with stdio_client(server, errlog=nowhere) as (reader, writer):
            yield reader, writer


def _described(tool: Any) -> dict[str, Any]:
    hints = tool.annotations
    return {
        "name": tool.name,
        "description": tool.description or "",
        "schema": tool.inputSchema,
        "reads": bool(hints is not None and hints.readOnlyHint and not hints.destructiveHint),
    }


def _text(content: Any) -> str:
    parts = [block.text if block.type == "text" else f"[{block.type} left off]" for block in content]
    return "\n".join(parts)[:_TEXT_MAX]


def _why(error: BaseException) -> str:
    while isinstance(error, BaseExceptionGroup):  # of the task groups inside the library
        error = error.exceptions[0]
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]


def _say(value: dict[str, Any]) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
