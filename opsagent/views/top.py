"""`opsagent top` as text: the line of the machine, rows of units, lists of incidents and of what was logged. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opsagent.naming import name_in
from opsagent.views.logs import style_of_level
from opsagent.views.numbers import duration, percent, size
from opsagent.views.sparkline import sparkline
from opsagent.views.table import Cell, Column
from opsagent.views.terminal import Style
from opsagent.views.units import row as unit_row

_SPARK = 12
COLUMNS = (
    Column("NAME"),
    Column("STATE"),
    Column("CPU", right=True),
    Column("", drop=3),
    Column("MEM", drop=1, right=True),
    Column("", drop=4),
    Column("FDS", drop=7, right=True),
    Column("THR", drop=9, right=True),
    Column("LAG", drop=8, right=True),
    Column("UPTIME", drop=5, right=True),
    Column("RESTARTS", drop=6, right=True),
    Column("HEALTH", drop=2),
    Column("NOTE", drop=10),
)
SORTS: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
    "trouble": lambda unit: (-_trouble(unit), -(unit["cpu"] or 0.0), unit["name"]),
    "cpu": lambda unit: (-(unit["cpu"] or 0.0), unit["name"]),
    "memory": lambda unit: (-(unit["rss"] or 0.0), unit["name"]),
    "name": lambda unit: (unit["name"], unit["supervisor"]),
}
"""How rows are put in order, by name; the first is the default."""


def rows(picture: Mapping[str, Any], *, sort: str, only: str = "") -> list[Mapping[str, Any]]:
    """Return the units to be shown, in order. `only`: those whose name has this in it."""
    wanted = only.casefold()
    found = [unit for unit in picture["units"] if wanted in f"{unit['supervisor']}:{unit['name']}".casefold()]
    return sorted(found, key=SORTS[sort])


def row(unit: Mapping[str, Any], *, shared: bool = False) -> tuple[Cell, ...]:
    """Return one unit as a row under COLUMNS."""
    usual = unit_row(unit, shared=shared)
    name, state, uptime, restarts, health, note = usual[0], usual[1], usual[6], usual[7], usual[9], usual[11]
    history, lag = unit["history"], unit.get("lag_ms")
    return (
        name,
        state,
        Cell(percent(unit["cpu"]), _load(unit["cpu"])),
        Cell(sparkline(history["cpu"], _SPARK, top=max([1.0, *filter(None, history["cpu"])])), "accent"),
        Cell(size(unit["rss"])),
        Cell(_memory_line(history["rss"], _SPARK), "accent"),
        Cell("" if unit.get("fds") is None else str(unit["fds"])),
        Cell("" if unit.get("threads") is None else str(unit["threads"])),
        Cell("" if lag is None else f"{lag:.0f}ms"),
        uptime,
        restarts,
        health,
        note,
    )


def headline(picture: Mapping[str, Any]) -> str:
    """Return the one line of what is watched."""
    units, daemon = picture["units"], picture["daemon"]
    running = sum(unit["state"] == "running" for unit in units)
    parts = [f"{running} of {len(units)} services run", _count(len(picture["incidents"]), "open incident")]
    if daemon is None:
        parts.append("nobody watches: `opsagent watch`")
    elif daemon.get("paused"):
        parts.append("paused")
    return " · ".join(parts)


def host_line(host: Mapping[str, Any] | None) -> str:
    """Return the one line of the machine; empty where nothing is known of it."""
    if not host:
        return ""
    parts = []
    if host.get("cpu") is not None:
        line = sparkline((host.get("history") or {}).get("cpu") or [], _SPARK, top=1.0).strip()
        parts.append(f"cpu {percent(host['cpu'])} of {host['cores']} cores {line}".rstrip())
    if host.get("load1") is not None:
        parts.append(f"load {host['load1']:.2f}")
    if host.get("memory_total") and host.get("memory_available") is not None:
        used = host["memory_total"] - host["memory_available"]
        parts.append(f"memory {size(used)} of {size(host['memory_total'])}")
    parts += [_mount(mount) for mount in host.get("mounts") or ()]
    return " · ".join(parts)


def incident_lines(picture: Mapping[str, Any], now: datetime | None = None) -> list[Cell]:
    """Return the open incidents, newest first."""
    now = now or datetime.now(UTC)
    return [
        Cell(f"{_ago(one['opened_at'], now)}  {one['summary']} ({one['status']}, {one['id']})", "bad")
        for one in picture["incidents"]
    ] or [Cell("none", "dim")]


def notice_lines(picture: Mapping[str, Any], now: datetime | None = None) -> list[Cell]:
    """Return what was noticed last, newest first."""
    now = now or datetime.now(UTC)
    return [Cell(f"{_ago(one['at'], now)}  {one['text']}", "warn") for one in picture["notices"]]


def signature_lines(picture: Mapping[str, Any]) -> list[Cell]:
    """Return what was logged last, folded: how often, by whom, what."""
    found: Sequence[Mapping[str, Any]] = sorted(picture["signatures"], key=lambda one: -float(one["last"]))
    return [
        Cell(f"×{one['count']:,}  {name_in(one['unit'])}  {one['template']}", style_of_level(one["level"]))
        for one in found
    ]


def _memory_line(values: Sequence[float | None], width: int) -> str:
    """Return how memory went, above what is always there: growth of a tenth is to be seen."""
    least = min((value for value in values if value is not None), default=0.0)
    most = max((value for value in values if value is not None), default=0.0)
    return sparkline(values, width, bottom=0.9 * least, top=max(most, 1.1 * least))


def _mount(mount: Mapping[str, Any]) -> str:
    if mount.get("hangs"):
        return f"{mount['path']} does not answer"
    ends = [(mount.get("full_in_s"), "full"), (mount.get("inodes_full_in_s"), "no inodes")]
    told = [f"{what} in {duration(seconds)}" for seconds, what in ends if seconds is not None]
    return f"{mount['path']} {percent(mount['used_share'])}" + (f" ({', '.join(told)})" if told else "")


def _count(number: int, what: str) -> str:
    return f"no {what}s" if not number else f"{number} {what}{'' if number == 1 else 's'}"


def _ago(at: str, now: datetime) -> str:
    return f"{duration(max(0.0, (now - datetime.fromisoformat(at)).total_seconds()))} ago"


def _load(cpu: float | None) -> Style:
    return "bad" if cpu is not None and cpu >= 0.95 else "warn" if cpu is not None and cpu >= 0.5 else ""


def _trouble(unit: Mapping[str, Any]) -> int:
    """Return how much a unit deserves to be looked at."""
    if unit["incident"]:
        return 3
    if unit["state"] in {"exited", "down"} or unit["health"] == "unhealthy":
        return 2
    return 1 if unit["state"] in {"starting", "stopping"} else 0


def page(unit: Mapping[str, Any], picture: Mapping[str, Any]) -> list[Cell]:
    """Return one unit as lines: its figures, its incidents, what it logs."""
    pids = ", ".join(str(process["pid"]) for process in unit["processes"])
    lines = [
        Cell(f"{unit['state']}, {len(unit['processes'])} of {unit['instances']} processes ({pids or 'none'})"),
        Cell(f"cpu {percent(unit['cpu'])}  {sparkline(unit['history']['cpu'], 40)}", "accent"),
        Cell(f"mem {size(unit['rss'])}  {_memory_line(unit['history']['rss'], 40)}", "accent"),
    ]
    more = [
        f"{unit['fds']} descriptors" if unit.get("fds") is not None else "",
        f"{unit['threads']} threads" if unit.get("threads") is not None else "",
        f"reads {size(unit['read_s'])}/s, writes {size(unit['write_s'])}/s" if unit.get("read_s") is not None else "",
        f"event loop {unit['lag_ms']:.0f} ms behind" if unit.get("lag_ms") is not None else "",
    ]
    lines += [Cell(", ".join(filter(None, more)))] if any(more) else []
    lines += [Cell(f"{name}: {value}") for name, value in sorted((unit.get("custom") or {}).items())]
    theirs = [one for one in picture["incidents"] if unit["id"] in {one["unit"], *one["affected"]}]
    lines += [Cell(f"incident {one['id']}: {one['summary']}", "bad") for one in theirs]
    lines += [Cell(one["text"], "warn") for one in picture["notices"] if one["unit"] == unit["id"]]
    logged = [one for one in picture["signatures"] if one["unit"] == unit["id"]]
    return [*lines, Cell("logged:", "dim"), *signature_lines({"signatures": logged})]
