"""MCP over streamable HTTP: one path, behind the door."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import uvicorn
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

from opsagent.mcp_server.server import build

if TYPE_CHECKING:
    from opsagent.mcp_server.desk import Desk
    from opsagent.mcp_server.door import Address, Door

PATH = "/mcp"
_SESSIONS = 32
_IDLE_S = 1800.0
_BODY_MAX = 1024 * 1024


class App:
    """The ASGI application. What does not come in by the door never reaches MCP."""

    def __init__(self, desk: Desk, door: Door) -> None:
        self._door = door
        self._sessions = StreamableHTTPSessionManager(
            build(desk), max_sessions=_SESSIONS, session_idle_timeout=_IDLE_S, max_request_body_size=_BODY_MAX
        )

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve one connection's request, or the start and end of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        if scope["type"] != "http":
            return
        refusal = self._door.refusal(scope["headers"])
        if refusal is not None:
            await _answer(send, refusal.status, refusal.text)
        elif scope["path"].rstrip("/") != PATH:
            await _answer(send, 404, f"MCP is at {PATH}")
        else:
            await self._sessions.handle_request(scope, receive, send)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        async with self._sessions.run():
            await send({"type": "lifespan.startup.complete"})
            await receive()
        await send({"type": "lifespan.shutdown.complete"})


async def _answer(send: Any, status: int, text: str) -> None:
    body = json.dumps({"error": text}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    if status == 401:
        headers.append((b"www-authenticate", b"Bearer"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def serve_http(
    desk: Desk, address: Address, door: Callable[[Address], Door], ready: Callable[[str], None]
) -> None:
    """Serve until it is interrupted. `ready` hears the URL once it is listened there. Raises OSError."""
    import socket

    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    with socket.create_server((address.host, address.port), family=family) as listening:
        bound = type(address)(address.host, int(listening.getsockname()[1]))
        config = uvicorn.Config(
            App(desk, door(bound)), log_config=None, access_log=False, server_header=False, ws="none", lifespan="on"
        )
        logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
        ready(f"http://{bound}{PATH}")
        await uvicorn.Server(config).serve(sockets=[listening])
