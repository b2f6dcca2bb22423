"""What `ps` shows, without the command line's machinery: `ps` is asked often, and typer takes 60 ms to load."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent_tools.units import Process, Unit


def list_services(*, as_json: bool, home: str | None) -> int:
    """Carry out `opsagent ps`; return the exit code."""
    from opsagent.cli.daemon import status
    from opsagent.cli.output import Out
    from opsagent.cli.services import look, open_home

    place = open_home(home)
    report = report_of(look(place), status(place), home=str(place.path))
    out = Out(as_json=as_json)
    if as_json:
        out.document(report)
    else:
        show(report, out)
    return 0


def report_of(running: Running, daemon: Mapping[str, Any] | None, *, home: str) -> dict[str, Any]:
    """Return the documented JSON form (docs/cli.md)."""
    live = {unit["id"]: unit for unit in (daemon or {}).get("units", ())}
    return {
        "home": home,
        "engine": {"running": running.engine_running, "pid": running.engine_pid},
        "daemon": {key: daemon.get(key) for key in ("pid", "version", "started_at", "paused")} if daemon else None,
        "units": [unit_of(unit, running, live.get(str(unit.id), {})) for unit in running.units],
    }


def unit_of(unit: Unit, running: Running, live: Mapping[str, Any]) -> dict[str, Any]:
    """Return one service as JSON."""
    spec = running.spec(unit.name)
    processes = [_process(process) for process in unit.processes]
    known = [process for process in processes if process["rss"] is not None]
    starts = [process.key.started for process in unit.processes]
    return {
        "id": str(unit.id),
        "name": unit.name,
        "state": unit.state.value if running.engine_running else "down",
        "reason": unit.reason,
        "instances": unit.instances,
        "processes": processes,
        "cpu": sum(process["cpu"] for process in known) if known else None,
        "rss": sum(process["rss"] for process in known) if known else None,
        "uptime_s": max(0.0, time.time() - min(starts)) if starts else None,
        "restarts": unit.restarts,
        "last_exit": unit.last_exit,
        "ports": list(unit.ports),
        "health": _health(live.get("health")),
        "health_probe": spec is not None and spec.health is not None,
        "mode": live.get("mode") or (spec.mode if spec is not None and isinstance(spec.mode, str) else None),
        "incident": live.get("incident"),
        "hold": live.get("hold"),
    }


def _health(ok: bool | None) -> str:
    return "unknown" if ok is None else "healthy" if ok else "unhealthy"


def _process(process: Process) -> dict[str, Any]:
    from opsagent_tools.processes.proc import HAS_PROC, read_stat

    stat = read_stat(process.pid) if HAS_PROC else None
    age = max(time.time() - process.key.started, 0.01)
    return {
        "pid": process.pid,
        "started": process.key.started,
        "cpu": stat.cpu_s / age if stat is not None else None,
        "rss": stat.rss if stat is not None else None,
        "kernel_state": stat.state if stat is not None else None,
    }


def show(report: Mapping[str, Any], out: Out) -> None:
    """Draw the table, and a line for what is not there."""
    from opsagent.views.table import table
    from opsagent.views.units import COLUMNS, row

    units: Sequence[Mapping[str, Any]] = report["units"]
    if units:
        out.lines(table(COLUMNS, [row(unit) for unit in units], out.screen))
    if not report["engine"]["running"]:
        out.note("the engine is not running: start it with `opsagent up FILE`" if not units else
                 "the engine is not running; shown is what the last `opsagent up` described")  # fmt: skip
    elif not units:
        out.note("no services: describe some in a file and run `opsagent up FILE`")
    if report["daemon"] is not None and report["daemon"].get("paused"):
        out.note("the agent is paused: `opsagent resume` lets it act again")
