"""See all services of a running engine, at once and without an event loop: one read of the daemon's `look.sock`."""

from __future__ import annotations

import json
import os
import socket
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsagent_tools.peers import peer_uid
from opsagent_tools.supervisors.circus.paths import EnginePaths
from opsagent_tools.supervisors.port import SupervisorUnreachable
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

KIND = "circus"
LOOK_S = 3.0
_ANSWER_MAX = 32 * 1024 * 1024
_CHUNK = 256 * 1024


def look(paths: EnginePaths, timeout_s: float = LOOK_S) -> tuple[Unit, ...]:
    """Return all units of the engine. Raises SupervisorUnreachable, after at most `timeout_s`."""
    raw = _read(paths.look, time.monotonic() + timeout_s)
    try:
        answer = json.loads(raw)
        if answer.get("status") == "error":
            raise SupervisorUnreachable(" ".join(str(answer.get("reason")).split()))
        return tuple(unit_of(one) for one in answer["units"])
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise _unreachable(paths.look, "hung up" if not raw else "sends what cannot be read") from error


def unit_of(raw: Mapping[str, Any]) -> Unit:
    """Return the unit that the daemon describes so (`Units` in commands.py)."""
    processes = (Process(key=ProcessKey(one["pid"], one["started"]), wanted=one["wanted"]) for one in raw["processes"])
    return Unit(
        id=UnitId.local(KIND, raw["name"]),
        state=UnitState(raw["state"]),
        reason=raw["reason"],
        processes=tuple(processes),
        instances=raw["instances"],
        restarts=raw["restarts"],
        last_exit=raw["last_exit"],
        ports=_ports(raw),
        shares_socket=raw["shares_socket"],
        surges=bool(raw.get("surges")),
        numbered=bool(raw.get("numbered")),
        autorestart=raw["autorestart"],
        logs=tuple(Path(path) for path in raw["logs"]),
        uid=os.getuid() if raw.get("uid") is None else int(raw["uid"]),
    )


def _ports(raw: Mapping[str, Any]) -> tuple[int, ...]:
    if "ports" in raw:
        return tuple(raw["ports"])
    return () if raw["port"] is None else (raw["port"],)  # a daemon of an older version


def _read(path: Path, deadline: float) -> bytes:
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
            talk.settimeout(_left(deadline))
            talk.connect(str(path))
            uid = peer_uid(talk)
            if uid != os.geteuid():
                raise _unreachable(path, f"belongs to user {uid}, not to you")
            found = b""
            while len(found) <= _ANSWER_MAX:
                talk.settimeout(_left(deadline))
                part = talk.recv(_CHUNK)
                if not part:
                    return found
                found += part
    except TimeoutError as error:
        raise _unreachable(path, "does not answer") from error
    except FileNotFoundError as error:
        raise _unreachable(path, "does not have this socket (an older version?): end it and start it again") from error
    except OSError as error:
        raise _unreachable(path, f"does not answer ({error.strerror or error})") from error
    raise _unreachable(path, "does not stop talking")


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _unreachable(path: Path, what: str) -> SupervisorUnreachable:
    return SupervisorUnreachable(f"{path}: the engine's daemon {what}")
