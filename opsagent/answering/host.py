"""`host_metrics`: how the machine itself is doing, and who takes what there is."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent.answering.answer import Answer
from opsagent.views.numbers import percent, size

if TYPE_CHECKING:
    from opsagent.answering.ground import Ground
    from opsagent.commands.reading import CommandStep

_LITTLE_MEMORY, _FULL, _BUSY = 0.1, 0.9, 1.5
"""Share of memory that is available; of a disk that is used; load per core: from where on it is worth saying."""
_WHO, _LOGS, _DISKS = 3, 3, 8


def host_metrics(_: CommandStep, ground: Ground) -> Answer:
    """Answer about the machine."""
    found = {**metrics(ground.home.path), "mounts": mounts()}
    measured = ground.measured.get("host") or {}
    return Answer(data=found, headline=_headline(found, ground), lines=tuple(_lines(found, measured, ground)))


def metrics(home: Path) -> dict[str, Any]:
    """Return load, memory and the disk that the home is on. Sizes in bytes; None where the platform does not tell."""
    disk = shutil.disk_usage(home)
    memory = _memory()
    return {
        "cpus": os.cpu_count(),
        "load": list(os.getloadavg()),
        "memory_total": memory.get("MemTotal"),
        "memory_available": memory.get("MemAvailable"),
        "swap_total": memory.get("SwapTotal"),
        "swap_free": memory.get("SwapFree"),
        "disk_path": str(home),
        "disk_total": disk.total,
        "disk_used": disk.used,
        "disk_free": disk.free,
    }


def mounts() -> list[dict[str, Any]]:
    """Return how full each file system is: path, size, free (bytes), used_share, inodes_share, hangs."""
    from opsagent_tools.host.mounts import MountWatch
    from opsagent_tools.host.mounts import mounts as listed

    return [
        {
            "path": use.mount.path,
            "size": use.size,
            "free": use.free,
            "used_share": use.used / use.size if use.size else None,
            "inodes_share": use.inodes_used / use.inodes if use.inodes else None,
            "hangs": use.hangs,
        }
        for use in MountWatch().take(listed())
    ]


def _memory() -> dict[str, int]:
    try:
        lines = Path("/proc/meminfo").read_text().splitlines()
    except OSError:
        return {}
    fields = (line.split() for line in lines)
    return {field[0].rstrip(":"): int(field[1]) * 1024 for field in fields if len(field) == 3}


def _headline(found: Mapping[str, Any], ground: Ground) -> str:
    say = ground.say
    cores = say.count("host.cores", found["cpus"] or 1)
    usable = found["disk_used"] + found["disk_free"]  # the total may be more than anybody here may use
    facts = say(
        "host.facts",
        load=f"{found['load'][0]:.2f}",
        cores=cores,
        free=size(found["memory_available"]),
        total=size(found["memory_total"]),
        path=found["disk_path"],
        percent=say.words.percent(found["disk_used"] / usable if usable else 0.0),
    )
    strained = list(_strained(found, cores, ground))
    first = say("host.strained", why=say("join").join(strained)) if strained else say("host.fine")
    return say("and").join([first, facts])


def _strained(found: Mapping[str, Any], cores: str, ground: Ground) -> Iterator[str]:
    say = ground.say
    total, free = found["memory_total"], found["memory_available"]
    if total and free is not None and free / total < _LITTLE_MEMORY:
        yield say("host.memory", free=size(free), total=size(total))
    if found["load"][0] > _BUSY * (found["cpus"] or 1):
        yield say("host.load", load=f"{found['load'][0]:.2f}", cores=cores)
    for one in found["mounts"]:
        if one["hangs"]:
            yield say("host.hangs", path=one["path"])
        elif (one["used_share"] or 0) >= _FULL:
            yield say(
                "host.disk", path=one["path"], percent=say.words.percent(one["used_share"]), free=size(one["free"])
            )
        elif (one["inodes_share"] or 0) >= _FULL:
            yield say("host.inodes", path=one["path"], percent=say.words.percent(one["inodes_share"]))


def _lines(found: Mapping[str, Any], measured: Mapping[str, Any], ground: Ground) -> Iterator[str]:
    say = ground.say
    for one in sorted(found["mounts"], key=lambda one: -(one["used_share"] or 0))[:_DISKS]:
        if one["used_share"] is not None:
            share = say.words.percent(one["used_share"])
            yield say("host.disk_line", path=one["path"], percent=share, free=size(one["free"]), size=size(one["size"]))
    for one in measured.get("mounts") or ():
        if one.get("full_in_s") is not None:
            yield say("host.full_in", path=one["path"], time=say.words.duration(one["full_in_s"]))
    rows = ground.report["units"]
    for key, name, told in (("rss", "host.top_memory", size), ("cpu", "host.top_cpu", percent)):
        most = sorted((row for row in rows if row[key]), key=lambda row: -row[key])[:_WHO]
        if most:
            yield say(name, text=", ".join(f"{row['name']} {told(row[key])}" for row in most))
    logs = _largest_logs(ground)
    if logs:
        yield say("host.logs", text=", ".join(f"{name} {size(count)} ({path})" for count, name, path in logs))


def _largest_logs(ground: Ground) -> list[tuple[int, str, str]]:
    found = []
    for unit in ground.running.units:
        for path in unit.logs:
            try:
                found.append((path.stat().st_size, unit.name, str(path)))
            except OSError:
                continue
    return [one for one in sorted(found, reverse=True)[:_LOGS] if one[0]]
