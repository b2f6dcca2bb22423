"""Who takes the processor that a unit waits for: told by the kernel, of units and of what nobody supervises."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room, name_of
from opsagent.probes.sight import families
from opsagent_tools.processes import priority
from opsagent_tools.processes.proc import key_of
from opsagent_tools.processes.rarely import waited_s
from opsagent_tools.processes.sweep import sweep
from opsagent_tools.units import ProcessKey, UnitId

_WATCHED_S = 1.0
_HARDLY = 0.05
_TAKES, _STARVES = 0.3, 0.1
"""Who uses this share of all cores takes them; who waits for one this share of the time is short of it."""


@dataclass(frozen=True, slots=True)
class _Used:
    cpu_s: float
    waited_s: float


async def cpu_hogs(room: Room, unit_id: UnitId) -> Found:
    """Watch all processes for a second, and tell which unit uses most of the processor beside this one."""
    owners = await asyncio.to_thread(families, room)
    found = await asyncio.to_thread(_watch)
    cores = float(os.cpu_count() or 1)
    by_unit: dict[UnitId, float] = {}
    strangers: dict[int, float] = {}
    waits = 0.0
    for pid, used in found.items():
        unit = owners.get(pid)
        if unit is None:
            strangers[pid] = used.cpu_s
        else:
            by_unit[unit] = by_unit.get(unit, 0.0) + used.cpu_s
        if unit == unit_id:
            waits = max(waits, used.waited_s)
    own = by_unit.pop(unit_id, 0.0)
    hog = max(by_unit, key=lambda unit: by_unit[unit], default=None)
    facts: dict[str, Scalar] = {"cores": cores, "own_cpu": round(own, 3), "waits": round(waits, 3), "hog": ""}
    facts |= await asyncio.to_thread(busiest, strangers)
    most = max(own, by_unit[hog] if hog is not None else 0.0, _TAKES * cores)
    facts["stranger_takes"] = float(facts["stranger_cpu"]) >= most and waits >= _STARVES
    if hog is None or by_unit[hog] < _HARDLY:
        return Found(kind=EvidenceKind.KERNEL, facts={**facts, "said": f"no other unit uses much; {_told(facts)}"})
    facts |= {"hog": str(hog), "hog_name": hog.name, "hog_cpu": round(by_unit[hog], 3)}
    facts |= _relation(room, unit_id, hog)
    facts |= await asyncio.to_thread(_priorities, [pid for pid, unit in owners.items() if unit == hog])
    said = f"{hog.name} uses {by_unit[hog]:.1f} of {cores:.0f} cores; {_told(facts)}"
    return Found(kind=EvidenceKind.KERNEL, facts={**facts, "said": said})


def _told(facts: Mapping[str, Scalar]) -> str:
    said = f"it itself uses {facts['own_cpu']} and waits for one {float(facts['waits']):.0%} of the time"
    if not facts["stranger_takes"]:
        return said
    many = f"{facts['stranger_count']} processes " if int(facts["stranger_count"]) > 1 else "process "
    who = f"{many}{facts['stranger']} (pid {facts['stranger_pid']}), which no supervisor runs, use"
    return f"{who} {facts['stranger_cpu']} of {facts['cores']:.0f} cores; {said}"


def busiest(strangers: Mapping[int, float]) -> dict[str, Scalar]:
    """Return which program that nobody supervises uses most, all processes of its name together, the busiest first."""
    by_name: dict[str, list[int]] = {}
    for pid in strangers:
        if strangers[pid] > 0.0:
            by_name.setdefault(_name(pid), []).append(pid)
    used = {name: sum(strangers[pid] for pid in pids) for name, pids in by_name.items()}
    name = max(used, key=lambda one: used[one], default="")
    if not name or used[name] < _HARDLY:
        return {"stranger_cpu": 0.0}
    pids = sorted(by_name[name], key=lambda pid: (-strangers[pid], pid))
    return {
        "stranger_cpu": round(used[name], 3),
        "stranger": name,
        "stranger_pid": pids[0],
        "stranger_count": len(pids),
    }


def _watch() -> dict[int, _Used]:
    """Return cores used, and share of the time waited for one, of every process over a second."""
    seen = sweep()
    before, began = {pid: _now(pid) for pid, one in seen.processes.items() if not one.kernel}, time.monotonic()
    time.sleep(_WATCHED_S)
    passed = time.monotonic() - began
    found = {}
    for pid, then in before.items():
        now = _now(pid)
        if then is not None and now is not None and now.cpu_s >= then.cpu_s:
            waited = max(0.0, now.waited_s - then.waited_s) / passed
            found[pid] = _Used(cpu_s=(now.cpu_s - then.cpu_s) / passed, waited_s=min(1.0, waited))
    found.pop(os.getpid(), None)
    return found


def _now(pid: int) -> _Used | None:
    from opsagent_tools.processes.proc import read_stat

    stat = read_stat(pid)
    return None if stat is None or stat.dead else _Used(cpu_s=stat.cpu_s, waited_s=waited_s(pid) or 0.0)


def _relation(room: Room, victim: UnitId, hog: UnitId) -> dict[str, Scalar]:
    """Tell what the two have to do with each other, and whether anybody needs the other one."""
    world, unit, spec = room.world, room.world.units.get(hog), room.world.spec(hog)
    related = hog in world.upstream_set(victim) or victim in world.upstream_set(hog)
    serves = spec is not None and spec.health is not None
    has_port = bool(unit is not None and unit.ports) or bool(world.found_ports.get(hog))
    needed = bool(world.all_downstream(hog))
    return {"related": related, "job": not serves and not needed, "listens": has_port, "needed": needed}


def _priorities(pids: list[int]) -> dict[str, Scalar]:
    keys: list[ProcessKey] = [key for pid in pids if (key := key_of(pid)) is not None]
    were = priority.read(keys)
    if not were:
        return {"were": "", "nice": 0, "restorable": False}
    nice = min(one.nice for one in were)
    groups = [one.group_nice for one in were if one.group_nice is not None]
    lowest = min([nice, *groups])
    text = ",".join(map(str, were))
    return {"were": text, "nice": lowest, "restorable": priority.may_restore(lowest)}


def _name(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:  # noqa: PTH123
            return name_of(file.read().strip())
    except OSError:
        return "gone"
