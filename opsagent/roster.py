"""What `opsagent ps` shows, in its documented form (docs/cli.md): for the command line and for the daemon alike. Light."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent_tools.processes.proc import HAS_PROC, read_stat
from opsagent_tools.units import Unit, UnitId, UnitState

if TYPE_CHECKING:
    from opsagent_tools.processes.ownership import Unsupervised
    from opsagent_tools.services.spec import ServiceSpec
    from opsagent_tools.supervisors.found import Found
    from opsagent_tools.units import Process

ENGINE_KIND = "circus"
_SERIES = ("pm2", "circus", "supervisord", "circusd", "systemd")
"""In which order supervisors are listed."""


def rank(kind: str) -> tuple[int, str]:
    """Return the place of a supervisor among the others."""
    family = kind.partition("-")[0]
    return (_SERIES.index(family) if family in _SERIES else len(_SERIES)), kind


def in_order(units: Iterable[Unit]) -> list[Unit]:
    """Return units as they are listed: by supervisor, then by name."""
    return sorted(units, key=lambda unit: (rank(unit.id.supervisor), unit.name))


def down_unit(spec: ServiceSpec) -> Unit:
    """Return a service of the last `opsagent up` whose engine does not run."""
    return Unit(
        id=UnitId.local(ENGINE_KIND, spec.name),
        state=UnitState.EXITED,
        instances=spec.instances,
        ports=(spec.port,) if spec.port is not None else (),
        shares_socket=spec.share_socket,
        reason="the engine is not running",
    )


def unit_row(
    unit: Unit,
    *,
    down: bool = False,
    spec: ServiceSpec | None = None,
    found_ports: Sequence[int] = (),
    live: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return one unit. `down`: its supervisor does not run; `live`: what only the daemon knows of it."""
    live = live or {}
    processes = [_process(process) for process in unit.processes]
    known = [process for process in processes if process["rss"] is not None]
    starts = [process.key.started for process in unit.processes]
    return {
        "id": str(unit.id),
        "name": unit.name,
        "supervisor": unit.id.supervisor,
        "state": "down" if down else unit.state.value,
        "reason": unit.reason,
        "instances": unit.instances,
        "processes": processes,
        "cpu": sum(process["cpu"] for process in known) if known else None,
        "rss": sum(process["rss"] for process in known) if known else None,
        "uptime_s": max(0.0, time.time() - min(starts)) if starts else None,
        "restarts": unit.restarts,
        "last_exit": unit.last_exit,
        "ports": list(unit.ports),
        "found_ports": list(found_ports),
        "uid": unit.uid,
        "health": _health(live.get("health")),
        "health_probe": spec is not None and spec.health is not None,
        "mode": live.get("mode") or (spec.mode if spec is not None and isinstance(spec.mode, str) else None),
        "incident": live.get("incident"),
        "hold": live.get("hold"),
        "maintenance": live.get("maintenance"),
    }


def _health(ok: bool | None) -> str:
    return "unknown" if ok is None else "healthy" if ok else "unhealthy"


def _process(process: Process) -> dict[str, Any]:
    stat = read_stat(process.pid) if HAS_PROC else None
    age = max(time.time() - process.key.started, 0.01)
    return {
        "pid": process.pid,
        "started": process.key.started,
        "cpu": stat.cpu_s / age if stat is not None else None,
        "rss": stat.rss if stat is not None else None,
        "kernel_state": stat.state if stat is not None else None,
    }


def supervisor_row(found: Found, *, error: str = "") -> dict[str, Any]:
    """Return one supervisor beside the engine. `error`: why it has not answered."""
    return {
        "kind": found.kind or None,
        "family": found.family,
        "address": found.address,
        "uid": found.uid,
        "pid": found.pid,
        "state": "refused" if found.refused else "unreachable" if error else found.state,
        "why": found.why,
        "reason": found.refused or error,
    }


def unsupervised_row(one: Unsupervised) -> dict[str, Any]:
    """Return one process that listens and that nobody supervises."""
    from opsagent_tools.supervisors.found import user_of

    return {
        "sort": one.sort,
        "pid": one.pid,
        "uid": one.uid,
        "user": user_of(one.uid),
        "name": one.name,
        "ports": list(one.ports),
        "addresses": list(one.addresses),
        "started": one.started,
        "says": one.says,
    }
