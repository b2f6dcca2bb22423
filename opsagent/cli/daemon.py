"""Is a daemon there, and what does it say? Never starts one, never waits long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home

_PATIENCE_S = 2.0


def status(home: Home) -> Mapping[str, Any] | None:
    """Return what the daemon of this home says of itself; None where none answers."""
    if not home.api_socket.exists():  # the usual case for `ps`, without loading the client
        return None
    from opsagent.api.call import call_sync
    from opsagent.api.errors import DaemonNotRunning

    try:
        return dict(call_sync(home.api_socket, "status", patience_s=_PATIENCE_S))
    except (DaemonNotRunning, TimeoutError):
        return None
