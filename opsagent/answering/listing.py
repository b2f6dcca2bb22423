"""All units and their processes in the documented form of `opsagent ps --json` (docs/cli.md). Light: `ps` loads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.running import Running
    from opsagent_tools.processes.ownership import Ownership


def report_now(home: Home, running: Running, daemon: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return the report of what was just looked at, ports and what nobody supervises included."""
    return report_of(running, daemon, home=str(home.path), ports=True)


def report_of(running: Running, daemon: Mapping[str, Any] | None, *, home: str, ports: bool = False) -> dict[str, Any]:
    """Return the documented JSON form (docs/cli.md). `ports`: look who listens where, which costs some milliseconds."""
    from opsagent import roster

    live = {unit["id"]: unit for unit in (daemon or {}).get("units", ())}
    owned = ports_of(running) if ports else None
    rows = [
        roster.unit_row(
            unit,
            down=unit.id.supervisor == roster.ENGINE_KIND and not running.engine_running,
            spec=running.spec(unit.id),
            found_ports=owned.ports.get(unit.id, ()) if owned is not None else (),
            live=live.get(str(unit.id)),
        )
        for unit in running.units
    ]
    return {
        "home": home,
        "engine": {"running": running.engine_running, "pid": running.engine_pid},
        "daemon": {key: daemon.get(key) for key in ("pid", "version", "started_at", "paused")} if daemon else None,
        "supervisors": [roster.supervisor_row(one, error=running.silent.get(one.kind, "")) for one in running.others],
        "units": rows,
        "unsupervised": [roster.unsupervised_row(one) for one in owned.unsupervised] if owned is not None else [],
    }


def ports_of(running: Running) -> Ownership:
    """Tell who listens where."""
    from opsagent_tools.processes import ownership

    daemons = {one.pid: one.kind or one.family for one in running.others if one.pid is not None and one.pid != 1}
    if running.engine_pid is not None:
        daemons[running.engine_pid] = "circus"
    return ownership.look(running.units, daemons)
