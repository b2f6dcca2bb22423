"""Is a daemon there, and what does it say? Never starts one, never waits long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home

_PATIENCE_S = 2.0


def status(home: Home) -> Mapping[str, Any] | None:
    """Return what the daemon of this home says of itself; None where none answers."""
    return _ask(home, "status")


def listing(home: Home) -> dict[str, Any] | None:
    """Return what the daemon knows of all units, as `opsagent ps --json` shows it; None where none answers."""
    return _ask(home, "units")


def _ask(home: Home, method: str) -> dict[str, Any] | None:
    if not home.api_socket.exists():  # the usual case for `ps`, without loading the client
        return None
    from opsagent.api.call import call_sync
    from opsagent.api.errors import DaemonNotRunning, RemoteError

    try:
        return dict(call_sync(home.api_socket, method, patience_s=_PATIENCE_S))
    except RemoteError as error:
        if error.code != "no_method":  # a daemon from before there was one
            raise
        return None
    except (DaemonNotRunning, TimeoutError):
        return None
