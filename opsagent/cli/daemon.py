"""Is a daemon there, and what does it say? Never starts one, never waits long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home

_PATIENCE_S = 2.0


async def status(home: Home) -> Mapping[str, Any] | None:
    """Return what the daemon of this home says of itself; None where none answers."""
    if not home.api_socket.exists():  # the usual case for `ps`, without loading the client
        return None
    import asyncio

    from opsagent.api.client import ApiClient, DaemonNotRunning

    try:
        async with asyncio.timeout(_PATIENCE_S):
            client = await ApiClient.connect(home.api_socket)
            try:
                return dict(await client.call("status", {}))
            finally:
                await client.close()
    except (DaemonNotRunning, TimeoutError):
        return None
