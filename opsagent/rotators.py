"""Who rotates a log already: its supervisor, PM2's module, logrotate. Looks only; what is rotated is never rotated twice."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from opsagent_tools.logs.logrotate import rule_for
from opsagent_tools.logs.rotate_holders import writers
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import Unit, UnitSetup

_MODULE = "pm2-logrotate"


def family_of(kind: str) -> str:
    """Return what sort of supervisor a kind is of (`systemd-user` → `systemd`)."""
    return kind.partition("-")[0]


async def rotated_by(supervisor: Supervisor, unit: Unit, path: Path, setup: UnitSetup | None = None) -> str:
    """Return what rotates a log of this unit, in words; empty: nothing that is known."""
    rule = await asyncio.to_thread(rule_for, (str(path),))
    if rule:
        return f"logrotate (by {rule})"
    with suppress(SupervisorError, OSError):
        match family_of(unit.id.supervisor):
            case "pm2":
                return await _module(supervisor)
            case "circus":
                return "the engine" if await _daemon_writes(supervisor, path) else ""
            case "supervisord" if await _daemon_writes(supervisor, path):
                known = setup if setup is not None else await supervisor.setup(unit.id)
                return "" if str(known.more.get("stdout_logfile_maxbytes", "50MB")) in {"0", "0B"} else "supervisord"
            case _:
                return ""
    return ""


async def _module(supervisor: Supervisor) -> str:
    modules: Callable[[], Awaitable[Sequence[Any]]] | None = getattr(supervisor, "modules", None)
    found = await modules() if modules is not None else ()
    return _MODULE if any(one.name == _MODULE and one.state == "online" for one in found) else ""


async def _daemon_writes(supervisor: Supervisor, path: Path) -> bool:
    """Tell whether the supervisor's own daemon writes the file, and not the service itself."""
    pid = (await supervisor.daemon()).pid
    found = await asyncio.to_thread(lambda: writers(path.stat()))
    return any(one.pid == pid for one in found)
