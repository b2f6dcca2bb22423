"""See all apps of a PM2 at once and without an event loop, for commands that look briefly. Starts nothing, ever."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from opsagent_tools.supervisors.pm2 import codec
from opsagent_tools.supervisors.pm2.home import LOG, RPC, Home
from opsagent_tools.supervisors.pm2.units import App, Claims, Ends, by_unit, read_apps, unit_of
from opsagent_tools.supervisors.port import SupervisorUnreachable
from opsagent_tools.units import Unit

LOOK_S = 3.0
_CHUNK = 256 * 1024


def look(home: Path, uid: int | None = None, *, kind: str = "pm2", timeout_s: float = LOOK_S) -> tuple[Unit, ...]:
    """Return all apps of the daemon of `home`. Raises SupervisorUnreachable, NotPermitted; after `timeout_s` at most."""
    place = Home(home, uid)
    apps = read_apps(ask(place, "getMonitorData", {}, timeout_s=timeout_s))
    claims, ends = Claims(place.uid), _ends_of(place, apps)
    return tuple(unit_of(kind, found, claims, ends(found), extra=frozenset()) for found in by_unit(apps).values())


def _ends_of(home: Home, apps: Sequence[App]) -> Callable[[Sequence[App]], Ends]:
    """Return what tells how processes ended; where none has, nothing is read up, nor imported for it."""
    if all(app.exit_code is None for app in apps):
        return lambda _: Ends()
    from opsagent_tools.supervisors.pm2.history import History

    history = History(home.path / LOG, home.uid)
    history.look()
    return history.of


def ask(home: Home, method: str, *args: object, timeout_s: float = LOOK_S) -> Any:
    """Call one method on a connection of its own. Raises SupervisorUnreachable, NotPermitted."""
    deadline = time.monotonic() + timeout_s
    talk, _ = home.connect(RPC, timeout_s)
    decoder = codec.Decoder()
    with talk:
        try:
            talk.sendall(codec.request("look", method, args))
            while True:
                talk.settimeout(max(0.001, deadline - time.monotonic()))
                data = talk.recv(_CHUNK)
                if not data:
                    raise SupervisorUnreachable(f"{home.path}: the daemon of PM2 hung up")
                for frame in decoder.feed(data):
                    return _result(home, codec.json_of(frame[0]))
        except TimeoutError as error:
            raise SupervisorUnreachable(
                f"{home.path}: the daemon of PM2 has not answered in {timeout_s:g} s"
            ) from error
        except (codec.FrameError, OSError) as error:
            raise SupervisorUnreachable(f"{home.path}: what answers is no PM2 ({error})") from error


def _result(home: Home, answer: object) -> Any:
    found = answer.get("args") if isinstance(answer, dict) else None
    if not isinstance(found, list) or not found:
        raise SupervisorUnreachable(f"{home.path}: what answers is no PM2")
    return found[0]
