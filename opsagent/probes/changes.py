"""What changed shortly before now around a unit, in the order of time: files, environment, release, deploys, restarts, packages.

For a person's note and for the story of an incident: what came just before trouble mostly has to do with it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from opsagent import environment_memory, last_good
from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.environment import environment_changed
from opsagent.probes.room import Found, Room
from opsagent_tools.units import UnitId

_BEFORE_S = 600.0
_MOST = 12
_DPKG = Path("/var/lib/dpkg/status")
_RPM = Path("/var/lib/rpm")


class _Change(NamedTuple):
    at: float
    what: str


async def changes(room: Room, unit_id: UnitId) -> Found:
    """List what changed of the unit, and of what it depends on, within ten minutes before the trouble, newest last."""
    since = room.now.timestamp() - _BEFORE_S
    found: list[_Change] = []
    for near in (unit_id, *room.world.all_upstream(unit_id)):
        found += await asyncio.to_thread(lambda near=near: [*_files(room, near), *_journalled(room, near, since)])  # type: ignore[misc]
        found += await _environment(room, near)
    found += await asyncio.to_thread(lambda: list(_packages()))
    listed = sorted({one for one in found if since <= one.at <= room.now.timestamp() + 1.0})[-_MOST:]
    facts: dict[str, Scalar] = {"changes": len(listed)}
    for number, one in enumerate(listed, 1):
        facts |= {f"{number}_at": one.at, f"{number}_what": one.what}
    told = "; ".join(f"{one.what} at {datetime.fromtimestamp(one.at, UTC):%H:%M:%S} UTC" for one in listed)
    facts["said"] = told or f"nothing is known to have changed in the last {_BEFORE_S / 60:.0f} minutes"
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _files(room: Room, near: UnitId) -> Iterator[_Change]:
    unit = room.world.units.get(near)
    if unit is None or room.last_good_dir is None:
        return
    for change in last_good.differing(unit, room.spec(near), room.last_good_dir):
        how = "came" if not change.good else "was removed" if not change.current and not change.why else "changed"
        kind = "certificate" if change.path.suffix.lower() in {".pem", ".crt", ".cert", ".cer"} else "configuration"
        yield _Change(change.changed_at, f"{kind} {change.path.name} of {near.name} {how}")


async def _environment(room: Room, near: UnitId) -> list[_Change]:
    if room.last_good_dir is None or near.supervisor not in room.supervisors or near not in room.world.units:
        return []
    known = await asyncio.to_thread(environment_memory.remembered, near, room.last_good_dir)
    if known is None:
        return []
    facts = (await environment_changed(room, near)).facts
    return [_Change(float(facts["started_at"]), str(facts["said"]))] if facts.get("changed") is True else []


def _journalled(room: Room, near: UnitId, since: float) -> Iterator[_Change]:
    """Yield deploys and what people and the agent did to it, as the journal has it."""
    if room.releases is None:
        return
    journal, began = room.releases.journal, datetime.fromtimestamp(since, UTC)
    for deploy in journal.unjudged_deploys():
        if deploy.unit == near:
            yield _Change(deploy.began_at.timestamp(), f"a deploy of {near.name} by {deploy.by} began")
            if deploy.ended_at is not None:
                yield _Change(deploy.ended_at.timestamp(), f"the deploy of {near.name} by {deploy.by} ended")
    for row in journal.changes_since(began - timedelta(seconds=1), ("reload", "restart", "scale")):
        if row.unit == near:
            yield _Change(row.at.timestamp(), f"{row.action} of {near.name}{'' if row.done else ' (failed)'}")


def _packages() -> Iterator[_Change]:
    for path in (_DPKG, _RPM):
        try:
            yield _Change(path.stat().st_mtime, "packages of the machine were installed or removed")
        except OSError:
            continue
