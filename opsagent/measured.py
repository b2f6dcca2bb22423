"""What was measured of each unit and of the machine lately, for those who ask over the local API. Reads the world only."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from opsagent.model import Scalar, Signal
from opsagent.world import World
from opsagent_tools.units import Unit

POINTS = 60
STEP_S = 5.0
"""A history has so many points, this far apart: the last five minutes."""
_ADDED = ("cpu", "rss", "threads", "fds", "read_s", "write_s", "sockets", "uss")
"""Of a unit with several processes these are added up; of others the highest is told."""
_HIGHEST = ("fds_share", "wait")
_HOST_KEYS = (
    "cpu io_wait cores load1 memory_total memory_available swap_total swap_used psi_cpu psi_memory psi_io disk_read "
    "disk_write files files_max"
).split()

FullIn = Callable[[str], Mapping[str, Scalar] | None]
"""Says of a resource (`disk:/var`, `memory`, `fds:UNIT`) when it is used up, if that can be told."""


def measured(world: World, *, full_in: FullIn = lambda resource: None, now: datetime | None = None) -> dict[str, Any]:
    """Return `{"units": {id: figures}, "host": figures}`; what was never measured is None.

    Of a unit: cpu (cores), rss and uss (bytes), threads, fds, fds_share, sockets, read_s and write_s (bytes per
    second), wait (share of the time waiting for a processor), lag_ms, custom ({name: value}), history
    ({"cpu": [...], "rss": [...]}, oldest first, None where nothing was known), forecasts.
    """
    now = now or datetime.now(UTC)
    return {
        "units": {str(unit.id): _unit(unit, world, full_in, now) for unit in world.units.values()},
        "host": _host(world, full_in),
    }


def _unit(unit: Unit, world: World, full_in: FullIn, now: datetime) -> dict[str, Any]:
    past = world.history.get(unit.id)
    taken = past.samples if past is not None else {}
    series = [taken[process.key] for process in unit.processes if taken.get(process.key)]
    last = [one[-1] for one in series]
    figures: dict[str, Any] = {name: _sum(name, last) for name in _ADDED}
    figures["processes"] = sum(int(one.data.get("processes", 1)) for one in last)
    figures |= {name: max(_known(name, last), default=None) for name in _HIGHEST}
    figures["lag_ms"] = max(_known("lag_ms", last), default=None)
    figures["custom"] = {
        name.removeprefix("metric."): value for one in last for name, value in one.data.items() if name[:7] == "metric."
    }
    figures["history"] = {name: _history(name, series, now) for name in ("cpu", "rss")}
    found = full_in(f"fds:{unit.id}")
    figures["forecasts"] = [dict(found)] if found is not None else []
    return figures


def _sum(name: str, last: list[Signal]) -> float | None:
    known = _known(name, last)
    return sum(known) if known else None


def _known(name: str, samples: Iterable[Signal]) -> list[float]:
    values = (sample.data.get(name) for sample in samples)
    return [value for value in values if isinstance(value, int | float)]


def _history(name: str, series: Sequence[Iterable[Signal]], now: datetime) -> list[float | None]:
    """Return the sums of all processes at even steps; between two samples the earlier one holds."""
    points: list[float | None] = [None] * POINTS
    end = now.timestamp()
    for samples in series:
        for number, value in enumerate(_steps(name, samples, end)):
            if value is not None:
                points[number] = (points[number] or 0.0) + value
    first = next((number for number, value in enumerate(points) if value is not None), POINTS)
    return points[first:]


def _steps(name: str, samples: Iterable[Signal], end: float) -> list[float | None]:
    found: list[float | None] = []
    known = [
        (sample.at.timestamp(), float(value)) for sample in samples if (value := sample.data.get(name)) is not None
    ]
    at, value = 0, None
    for number in range(POINTS):
        until = end - (POINTS - 1 - number) * STEP_S
        while at < len(known) and known[at][0] <= until:
            value = known[at][1]
            at += 1
        found.append(value)
    return found


def _host(world: World, full_in: FullIn) -> dict[str, Any]:
    last = world.host.samples[-1].data if world.host.samples else {}
    figures: dict[str, Any] = {name: last.get(name) for name in _HOST_KEYS}
    figures["history"] = {
        "cpu": [sample.data.get("cpu") for sample in world.host.samples][-POINTS:],
        "memory_available": [sample.data.get("memory_available") for sample in world.host.samples][-POINTS:],
    }
    figures["mounts"] = [_mount(path, samples[-1].data, full_in) for path, samples in sorted(world.host.mounts.items())]
    memory = full_in("memory")
    figures["forecasts"] = [dict(memory)] if memory is not None else []
    return figures


def _mount(path: str, data: Mapping[str, Scalar], full_in: FullIn) -> dict[str, Any]:
    size, inodes = float(data.get("size", 0)), float(data.get("inodes", 0))
    found = {name: full_in(f"{name}:{path}") for name in ("disk", "inodes")}
    return {
        "path": path,
        "filesystem": data.get("filesystem"),
        "size": data.get("size"),
        "free": data.get("free"),
        "used_share": float(data.get("used", 0)) / size if size else None,
        "inodes_share": float(data.get("inodes_used", 0)) / inodes if inodes else None,
        "hangs": bool(data.get("hangs", False)),
        "full_in_s": found["disk"]["full_in_s"] if found["disk"] is not None else None,
        "inodes_full_in_s": found["inodes"]["full_in_s"] if found["inodes"] is not None else None,
        "forecasts": [dict(one) for one in found.values() if one is not None],
    }
