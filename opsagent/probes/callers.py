"""Who of those that depend on a unit was given another configuration of late: a caller that asks too much."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from opsagent import last_good
from opsagent.config_finding import MACHINE_FILES
from opsagent.last_good import Change
from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.units import UnitId

_RECENT_S = 900.0


async def callers(room: Room, unit_id: UnitId) -> Found:
    """Name the one unit that depends on this one and whose configuration was changed; several are told, and not named."""
    below = room.world.all_downstream(unit_id)
    folder = room.last_good_dir
    if folder is None or not below:
        return _found({"unit": "", "count": 0, "said": f"nothing is known to depend on {unit_id.name}"})
    found: dict[UnitId, Change] = {}
    for other in below:
        unit = room.world.units.get(other)
        changes = (
            await asyncio.to_thread(last_good.differing, unit, room.spec(other), folder) if unit is not None else ()
        )
        recent = [
            change
            for change in changes
            if change.declared
            and change.path not in MACHINE_FILES
            and room.now.timestamp() - change.changed_at <= _RECENT_S
        ]
        if recent:
            found[other] = max(recent, key=lambda change: change.changed_at)
    if not found:
        return _found({"unit": "", "count": 0, "said": f"nobody who depends on {unit_id.name} was changed of late"})
    newest = max(found, key=lambda other: found[other].changed_at)
    change = found[newest]
    when = datetime.fromtimestamp(change.changed_at, UTC)
    said = f"{change.path.name} of {newest.name}, which depends on {unit_id.name}, changed at {when:%H:%M:%S} UTC"
    facts: dict[str, Scalar] = {
        "unit": str(newest) if len(found) == 1 else "",
        "count": len(found),
        "changed_at": change.changed_at,
        "said": said if len(found) == 1 else f"{said}; so did that of {len(found) - 1} others",
    }
    return _found(facts)


def _found(facts: dict[str, Scalar]) -> Found:
    return Found(kind=EvidenceKind.KERNEL, facts=facts)
