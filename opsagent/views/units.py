"""Services as rows of a table. Pure."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from opsagent.views.numbers import duration, percent, size
from opsagent.views.table import Cell, Column
from opsagent.views.terminal import Style

COLUMNS = (
    Column("NAME"),
    Column("STATE"),
    Column("INSTANCES", drop=4, right=True),
    Column("PIDS", drop=9),
    Column("CPU", drop=5, right=True),
    Column("MEM", drop=3, right=True),
    Column("UPTIME", drop=2, right=True),
    Column("RESTARTS", drop=6, right=True),
    Column("PORT", drop=7),
    Column("HEALTH", drop=1),
    Column("MODE", drop=8),
    Column("NOTE", drop=10),
)
_SUPERVISOR = Column("SUPERVISOR", drop=5)
NOBODYS = (
    Column("PORT"),
    Column("PROCESS"),
    Column("PID", drop=1, right=True),
    Column("USER", drop=2),
    Column("UPTIME", drop=3, right=True),
    Column("NOTE", drop=4),
)
_STATES: dict[str, Style] = {
    "running": "good",
    "exited": "bad",
    "down": "bad",
    "starting": "warn",
    "stopping": "warn",
    "stopped": "dim",
}
_ALONE = "its supervisor is gone"
"""Told of a unit that runs, too."""
_HEALTH: dict[str, Style] = {"healthy": "good", "unhealthy": "bad", "unknown": "dim"}


def columns(*, several: bool) -> tuple[Column, ...]:
    """Return the columns of the table of units; `several`: with their supervisor, which is not always the engine."""
    return (COLUMNS[0], _SUPERVISOR, *COLUMNS[1:]) if several else COLUMNS


def row(unit: Mapping[str, Any], *, several: bool = False, shared: bool = False) -> tuple[Cell, ...]:
    """Return one service of `opsagent ps --json` as a row under `columns`. `shared`: another one is called so, too."""
    processes = unit["processes"]
    frozen = any(process["kernel_state"] == "T" for process in processes)
    ports = unit["ports"] or unit["found_ports"]
    return (
        Cell(f"{unit['supervisor']}:{unit['name']}" if shared else unit["name"], "strong"),
        *([Cell(unit["supervisor"])] if several else []),
        Cell(unit["state"], _STATES.get(unit["state"], "")),
        Cell(f"{len(processes)}/{unit['instances']}", "" if len(processes) >= unit["instances"] else "warn"),
        Cell(",".join(str(process["pid"]) for process in processes)),
        Cell(percent(unit["cpu"])),
        Cell(size(unit["rss"])),
        Cell(duration(unit["uptime_s"])),
        Cell(str(unit["restarts"]), "warn" if unit["restarts"] else ""),
        Cell(",".join(str(port) for port in ports)),
        Cell(unit["health"], _HEALTH.get(unit["health"], "")),
        Cell(_mode(unit["mode"])),
        Cell(_note(unit, frozen=frozen), "warn"),
    )


def nobodys_row(one: Mapping[str, Any], *, now: float | None = None) -> tuple[Cell, ...]:
    """Return what listens and is not supervised as a row under NOBODYS."""
    age = max(0.0, (time.time() if now is None else now) - one["started"]) if one["started"] is not None else None
    return (
        Cell(",".join(str(port) for port in one["ports"])),
        Cell(one["name"] or "?", "strong"),
        Cell("" if one["pid"] is None else str(one["pid"])),
        Cell(one["user"]),
        Cell(duration(age)),
        Cell(one["says"], "warn" if one["sort"] == "leftover" else "dim"),
    )


def _mode(mode: str | Mapping[str, str] | None) -> str:
    if mode is None or isinstance(mode, str):
        return mode or ""
    return "per risk"


def _note(unit: Mapping[str, Any], *, frozen: bool) -> str:
    notes = []
    if unit["incident"]:
        notes.append(f"incident {unit['incident']}")
    if unit["hold"]:
        notes.append(f"on hold: {unit['hold']}")
    if unit.get("maintenance"):
        notes.append(f"maintenance: {unit['maintenance']}")
    if frozen:
        notes.append("stopped by a signal")
    if unit["reason"] and (unit["state"] != "running" or unit["reason"].startswith(_ALONE)):
        notes.append(unit["reason"])
    elif unit["state"] == "exited" and unit["last_exit"] is not None:
        notes.append(exit_text(unit["last_exit"]))
    return "; ".join(notes)


def exit_text(code: int) -> str:
    """Return how a process ended: `exit code 3`, `killed by SIGKILL`."""
    if code >= 0:
        return f"exit code {code}"
    import signal

    try:
        return f"killed by {signal.Signals(-code).name}"
    except ValueError:
        return f"killed by signal {-code}"
