"""What the unit was given to run with and what became of it: its configuration files against the last known good."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from opsagent import last_good
from opsagent.config_finding import MACHINE_FILES
from opsagent.last_good import Change
from opsagent.model import EvidenceKind, Scalar
from opsagent.probes import syntax
from opsagent.probes.room import Found, Room
from opsagent.releases.manifest import content_of
from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.processes.proc import started_at
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

MOST_FILES = 8
"""More changed files than this are told as a number."""
_CERTIFICATES = frozenset({".pem", ".crt", ".cert", ".cer", ".key"})
_START_SLACK_S = 0.05
_NOATIME = getattr(os, "ST_NOATIME", 0)


async def config_changed(room: Room, unit_id: UnitId) -> Found:
    """Compare the unit's configuration files with the last known good."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    folder = room.last_good_dir
    declared = spec is not None and bool(spec.config_files)
    changes = await asyncio.to_thread(last_good.differing, unit, spec, folder) if folder is not None else ()
    if not declared and not changes:
        return Found(kind=EvidenceKind.KERNEL, facts={"changed": False, "said": "no configuration files are named"})
    known = (
        folder is not None
        and spec is not None
        and (not declared or await asyncio.to_thread(last_good.is_known, unit, spec, folder))
    )
    if not changes or folder is None:
        said = "its configuration is the last known good one" if known else "no last known good configuration"
        return Found(kind=EvidenceKind.KERNEL, facts={"changed": False, "known": known, "differs": 0, "said": said})
    others = await asyncio.to_thread(_contents_of_others, room, unit_id)
    told = await asyncio.to_thread(_told, unit, changes[:MOST_FILES], folder, others)
    untried = tuple(change for change in changes if not change.on_trial and change.declared)
    facts: dict[str, Scalar] = {"known": known, "changed": bool(untried), "differs": len(changes)}
    return Found(kind=EvidenceKind.KERNEL, facts={**facts, **_summary(unit, untried or changes, untried), **told})


def _summary(unit: Unit, shown: tuple[Change, ...], untried: tuple[Change, ...]) -> Mapping[str, Scalar]:
    """Return what is told of all changes together; of one that has been well with, if there is no other."""
    first = shown[0]
    names = ", ".join(change.path.name for change in shown)
    newest = max(change.changed_at for change in shown)
    why = first.why or ("several files changed: which of them is at fault is not known" if len(shown) > 1 else "")
    since = "since it was last well" if untried else "and it has been well with that at first"
    return {
        "files": names,
        "path": str(first.path),
        "good": first.good,
        "current": first.current,
        "changed_at": newest,
        "restorable": first.restorable and len(untried) == 1,
        "said": f"{names} of {unit.name} changed at {datetime.fromtimestamp(newest, UTC):%H:%M:%S} UTC, {since}"
        + (f"; {why}" if why else ""),
    }


def _told(unit: Unit, changes: Iterable[Change], folder: Path, others: Mapping[UnitId, bytes]) -> Mapping[str, Scalar]:
    """Return what is known of each changed file: `1_path`, `1_broken` …"""
    oldest_start = min((started_at(process.key) for process in unit.processes), default=0.0)
    facts: dict[str, Scalar] = {}
    for number, change in enumerate(changes, 1):
        one = _one(change, unit.uid, folder, others)
        one["older"] = bool(oldest_start) and oldest_start < change.changed_at - _START_SLACK_S
        facts |= {f"{number}_{name}": value for name, value in one.items()}
    return facts


def _one(change: Change, uid: int, folder: Path, others: Mapping[UnitId, bytes]) -> dict[str, Scalar]:
    path = change.path
    facts: dict[str, Scalar] = {
        "path": str(path),
        "name": path.name,
        "good": change.good,
        "current": change.current,
        "mode": change.mode,
        "changed_at": change.changed_at,
        "restorable": change.restorable,
        "why": change.why,
        "on_trial": change.on_trial,
        "trial_s": change.trial_s,
        "declared": change.declared,
        "machine": path in MACHINE_FILES,
        "certificate": path.suffix.lower() in _CERTIFICATES,
        "missing": not change.current and not change.why,
        "created": not change.good and bool(change.current),
        "read_since": read_since(path),
        "broken": "",
        "secret": False,
        "plain": False,
        "agrees_with": "",
    }
    if change.good and change.current:
        try:
            good, now = content_of(folder, change.good), read_owned(path, uid)
        except (OSError, UnsafeFile):
            return facts
        facts["broken"] = syntax.why_broken(path, good, now)
        facts["plain"] = syntax.is_plain(path, good, now)
        facts["secret"] = syntax.is_secret(path, good, now)
        facts["agrees_with"] = _who_agrees(path, good, now, others)
    return facts


def read_since(path: Path) -> str:
    """Tell whether anybody has read the file since it was changed, as its access time says: `yes`, `no` or `unknown`.

    A file system that is mounted as `relatime` (the usual) notes the first reading after a change. The agent's own
    readings leave no trace (`opsagent_tools.files`).
    """
    try:
        if os.statvfs(path).f_flag & _NOATIME:
            return "unknown"
        status = path.lstat()
    except OSError:
        return "unknown"
    return "yes" if status.st_atime_ns > status.st_mtime_ns else "no"


def _contents_of_others(room: Room, unit_id: UnitId) -> Mapping[UnitId, bytes]:
    """Return what stands in the configuration of all that the unit depends on."""
    found: dict[UnitId, bytes] = {}
    for other in room.world.all_upstream(unit_id):
        unit, spec = room.world.units.get(other), room.spec(other)
        if unit is not None and spec is not None:
            found[other] = b"\n".join(_read(path, unit.uid) for path in _given(spec))
    return found


def _given(spec: ServiceSpec) -> Iterable[Path]:
    return spec.config_files[:MOST_FILES]


def _read(path: Path, uid: int) -> bytes:
    try:
        return read_owned(path, uid)
    except (OSError, UnsafeFile):
        return b""


def _who_agrees(path: Path, good: bytes, now: bytes, others: Mapping[UnitId, bytes]) -> str:
    """Return which dependency's configuration holds the new values (and not the old ones): both ends were changed."""
    fresh = [value.encode() for value in syntax.new_values(path, good, now)]
    for other, content in others.items():
        if fresh and all(value in content for value in fresh):
            return str(other)
    return ""
