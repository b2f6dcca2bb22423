"""Owner and mode of what a unit needs, against those of when it was last well: what it could do then and cannot do now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from opsagent import kept_modes
from opsagent.kept_modes import ModeChange
from opsagent.model import EvidenceKind, Scalar
from opsagent.own_files import is_shared
from opsagent.probes.room import Found, Room
from opsagent_tools.units import UnitId

_MOST = 100
_SET_ID = 0o6000
_EVERYBODY_WRITES = 0o002
_STICKY = 0o1000
_OTHERS = 0o077


async def modes_changed(room: Room, unit_id: UnitId) -> Found:
    """Tell whose owner or mode differs from when the unit was last well, and whether that keeps its processes out."""
    if room.last_good_dir is None:
        return _nothing("nothing was kept", known=False)
    facts = await asyncio.to_thread(_look, room.last_good_dir.parent, unit_id)
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _nothing(said: str, *, known: bool) -> Found:
    return Found(kind=EvidenceKind.KERNEL, facts={"changed": False, "denied": False, "known": known, "said": said})


def _look(home: Path, unit: UnitId) -> dict[str, Scalar]:
    if not kept_modes.is_known(home, unit):
        return {"changed": False, "denied": False, "known": False, "said": "no owners and modes were kept"}
    changes, who = kept_modes.changed(home, unit), kept_modes.who_ran(home, unit)
    denying = [(change, word) for change in changes if (word := kept_modes.denied(who, change))]
    opened = [change for change in changes if change.wider and change.was.used and _was_private(change)]
    facts: dict[str, Scalar] = {"known": True, "changed": bool(changes), "count": len(changes)}
    if not changes:
        return {**facts, "denied": False, "said": "owners and modes are those of when it was last well"}
    if denying:
        return {
            **facts,
            "denied": True,
            "opened": False,
            **_told(unit, [change for change, _ in denying], denying[0][1]),
        }
    if opened:
        return {**facts, "denied": False, "opened": True, **_told(unit, opened, "")}
    return {**facts, "denied": False, "opened": False, **_told(unit, changes, ""), "restorable": False}


def _was_private(change: ModeChange) -> bool:
    """Tell whether a file was its owner's alone, and is not now: some programs refuse such a key and end."""
    return not change.was.folder and not change.was.mode & _OTHERS and bool(change.now.mode & _OTHERS)


def _told(unit: UnitId, changes: Sequence[ModeChange], word: str) -> dict[str, Scalar]:
    first, since = changes[0], max(change.now.changed_at for change in changes)
    why = "" if len(changes) <= _MOST else f"{len(changes)} files changed"
    why = why or next((problem for change in changes if (problem := _why_not(change))), "")
    more = f" and {len(changes) - 1} more" if len(changes) > 1 else ""
    when = datetime.fromtimestamp(since, UTC)
    what = f"{first.was.path}{more} {_words(first)} at {when:%H:%M:%S} UTC, since {unit.name} was last well"
    return {
        "path": str(first.was.path),
        "files": "" if why else as_json(changes),
        "restored": len(changes),
        "first_at": min(change.now.changed_at for change in changes),
        "changed_at": since,
        "restorable": not why,
        "used": any(change.was.used for change in changes),
        "word": word,
        "said": what + (f": it cannot {word} it any more" if word else "") + (f"; {why}" if why else ""),
    }


def _words(change: ModeChange) -> str:
    was, now = change.was, change.now
    parts = []
    if (was.uid, was.gid) != (now.uid, now.gid):
        parts.append(f"went from {was.uid}:{was.gid} to {now.uid}:{now.gid}")
    if was.mode != now.mode:
        parts.append(f"changed its mode from {was.mode:04o} to {now.mode:04o}")
    return " and ".join(parts)


def _why_not(change: ModeChange) -> str:
    """Return why it is for a person: nothing is ever given back that lets everybody write, or set an id."""
    was = change.was
    if was.folder and is_shared(was.path):
        return f"{was.path} is shared by many"
    if was.mode & _SET_ID and not was.folder:
        return f"{was.path.name} had a set-id bit"
    if was.mode & _EVERYBODY_WRITES and not was.mode & _STICKY and not change.now.mode & _EVERYBODY_WRITES:
        return f"everybody could write to {was.path.name}"
    return ""


def as_json(changes: Sequence[ModeChange]) -> str:
    """Return the changes as the hand and the goal read them: path, device, inode, [mode, uid, gid] then and now."""
    return json.dumps(
        [
            [
                str(one.was.path), one.was.device, one.was.inode,
                [one.was.mode, one.was.uid, one.was.gid], [one.now.mode, one.now.uid, one.now.gid],
            ]
            for one in changes
        ],
        separators=(",", ":"),
    )  # fmt: skip
