"""Who of those that a unit works with was given another configuration of late: a caller that asks too much, or who serves it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from opsagent import last_good
from opsagent.config_finding import MACHINE_FILES
from opsagent.last_good import Change
from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.units import UnitId

_RECENT_S = 900.0


async def callers(room: Room, unit_id: UnitId) -> Found:
    """Name the one unit that depends on this one (`unit`), and the one that it depends on (`above`), whose configuration
    was changed of late; several are told, and not named.
    """
    if room.last_good_dir is None:
        said = "no configuration is kept"
        return Found(kind=EvidenceKind.KERNEL, facts={"failed": said, "said": said})
    below = await _changed(room, room.world.all_downstream(unit_id), room.last_good_dir)
    above = await _changed(room, room.world.all_upstream(unit_id), room.last_good_dir)
    facts: dict[str, Scalar] = {"count": len(below), "count_above": len(above)}
    told: list[str] = []
    for name, found in (("unit", below), ("above", above)):
        facts[name] = str(next(iter(found))) if len(found) == 1 else ""
        told += [_said(other, change) for other, change in found.items()]
    newest = max((change.changed_at for change in (*below.values(), *above.values())), default=0.0)
    facts |= {"changed_at": max((one.changed_at for one in below.values()), default=newest)}
    facts["above_changed_at"] = max((one.changed_at for one in above.values()), default=0.0)
    facts["said"] = "; ".join(told) or f"nobody whom {unit_id.name} works with was given another configuration of late"
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


async def _changed(room: Room, units: Iterable[UnitId], folder: Path) -> dict[UnitId, Change]:
    found: dict[UnitId, Change] = {}
    for other in units:
        unit = room.world.units.get(other)
        if unit is None:
            continue
        changes = await asyncio.to_thread(last_good.differing, unit, room.spec(other), folder)
        recent = [
            change
            for change in changes
            if change.declared
            and change.path not in MACHINE_FILES
            and room.now.timestamp() - change.changed_at <= _RECENT_S
        ]
        if recent:
            found[other] = max(recent, key=lambda change: change.changed_at)
    return found


def _said(unit: UnitId, change: Change) -> str:
    return f"{change.path.name} of {unit.name} changed at {datetime.fromtimestamp(change.changed_at, UTC):%H:%M:%S} UTC"
