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


def topology(home: Home) -> dict[str, Any] | None:
    """Return who was seen to talk to whom, as `opsagent map --json` shows it; None where no daemon answers."""
    return _ask(home, "topology")


def metrics(home: Home) -> dict[str, Any]:
    """Return what the daemon measured lately, of each unit and of the machine; empty where none answers."""
    return _ask(home, "metrics") or {}


def signatures(home: Home, unit: str | None = None, limit: int | None = None) -> list[dict[str, Any]]:
    """Return what services log, folded into signatures; empty where no daemon answers. `limit`: the latest of them."""
    return _rows(home, "signatures", {"unit": unit} if limit is None else {"unit": unit, "limit": limit})


def notices(home: Home, limit: int) -> list[dict[str, Any]]:
    """Return what the daemon noticed last, newest first; empty where none answers."""
    return _rows(home, "notices", {"limit": limit})


def remembered(home: Home, query: str, unit: str, limit: int) -> list[dict[str, Any]]:
    """Return what comes to the daemon's mind of a unit, best first; empty where none answers soon, or its memory fails."""
    from opsagent.api.errors import ApiError

    try:
        return _rows(home, "memory_search", {"query": query, "unit": unit, "limit": limit})
    except ApiError:
        return []


def _ask(home: Home, method: str) -> dict[str, Any] | None:
    found = _call(home, method)
    return None if found is None else dict(found)


def _rows(home: Home, method: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in _call(home, method, params) or ()]


def _call(home: Home, method: str, params: Mapping[str, Any] | None = None) -> Any:
    if not home.api_socket.exists():  # the usual case for `ps`, without loading the client
        return None
    from opsagent.api.call import call_sync
    from opsagent.api.errors import DaemonNotRunning, RemoteError

    try:
        return call_sync(home.api_socket, method, params, patience_s=_PATIENCE_S)
    except RemoteError as error:
        if error.code != "no_method":  # a daemon from before there was one
            raise
        return None
    except (DaemonNotRunning, TimeoutError):
        return None
