"""Who is at work on a unit: what people ordered, and files of it that somebody edits at this moment."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import UnitId, UnitState

_RECENT_S = 120.0
"""What was edited longer ago than this says nothing about now."""
_MOST_FILES = 64


async def who_is_at_work(room: Room, unit_id: UnitId) -> Found:
    """Tell of holds and deploys, of a stop by a person, and which file of the unit's was edited last, and when."""
    hold, deploy = await asyncio.to_thread(room.people, unit_id) if room.people is not None else ("", "")
    unit, spec = room.world.units.get(unit_id), room.spec(unit_id)
    edited = await asyncio.to_thread(_last_edited, spec) if spec is not None else None
    facts: dict[str, Scalar] = {
        "hold": hold,
        "deploy": deploy,
        "stopped": unit is not None and unit.state is UnitState.STOPPED,
    }
    said = f"{unit_id.name} is on hold: {hold}" if hold else ""
    said = said or (f"{unit_id.name} is being deployed {deploy}" if deploy else "")
    if edited is not None and 0 <= room.now.timestamp() - edited[1] <= _RECENT_S:
        path, at = edited
        when = datetime.fromtimestamp(at, UTC)
        facts |= {"edited_at": at, "edited": str(path), "ago_s": round(room.now.timestamp() - at, 1)}
        said = said or f"somebody edited {path.name} of {unit_id.name} at {when:%H:%M:%S} UTC"
    return Found(kind=EvidenceKind.KERNEL, facts={**facts, "said": said or "nobody is seen to be at work on it"})


def _last_edited(spec: ServiceSpec) -> tuple[Path, float] | None:
    found = [(path, _mtime(path)) for path in _files(spec)]
    known = [(path, at) for path, at in found if at is not None]
    return max(known, key=lambda one: one[1], default=None)


def _files(spec: ServiceSpec) -> Iterator[Path]:
    """Yield the files that a person would edit: the configuration, what its command names, an editor's mark beside them."""
    named = [path if path.is_absolute() else spec.cwd / path for path in spec.config_files]
    named += [spec.cwd / word for word in spec.command if "/" in word or "." in word]
    for path in named[:_MOST_FILES]:
        yield path
        yield path.with_name(f".{path.name}.swp")


def _mtime(path: Path) -> float | None:
    try:
        return path.stat().st_mtime if path.is_file() else None
    except OSError:
        return None
