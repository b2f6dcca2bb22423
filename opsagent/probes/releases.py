"""Whether the release of a unit is another than the one that was last good, and whether it can be brought back."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent.releases import contents
from opsagent.releases.difference import Difference
from opsagent_tools.files import UnsafeFile
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import UnitId

_DIFF_LIMIT = 1500
"""Characters of the diff that go with the evidence."""


async def release_changed(room: Room, unit_id: UnitId) -> Found:
    """Compare what stands there now with the release that the unit was last well with."""
    unit, keeper = await room.unit(unit_id), room.releases
    row = await asyncio.to_thread(keeper.latest, unit_id) if keeper is not None else None
    if keeper is None or row is None:
        return _found({"changed": False, "known": False, "said": "no good release is known"})
    try:
        found = await keeper.difference(unit, row)
        restores = found.restores
        after, before = await asyncio.to_thread(keeper.keep_states, found) if restores else ("", "")
    except (UnsafeFile, OSError) as error:
        return _found({"changed": False, "known": True, "failed": str(error), "said": str(error)})
    names = [change.name for change in found.changes if change.restored or change.what == "commit"]
    if not names:
        return _found({"changed": False, "known": True, "said": f"its release is the last good one ({row.label})"})
    when = datetime.fromtimestamp(found.changed_at, UTC)
    since = f" changed at {when:%H:%M:%S} UTC" if found.changed_at else " changed"
    facts: dict[str, Scalar] = {
        "changed": True,
        "known": True,
        "restorable": restores,
        "only_config": found.only_config,
        "dependencies": any(contents.is_lock(name) for name in names),
        "id": row.id,
        "label": row.label,
        "now": found.now,
        "after": after,
        "before": before,
        "changed_at": found.changed_at,
        "said": f"the release of {unit.name}{since} ({_what(found, names)}), since it was last well with {row.label}"
        + (f"; {found.refused}" if found.refused else ""),
    }
    diff = "\n".join(change.diff for change in found.changes if change.diff)
    return _found(facts, UntrustedText(diff).truncated(_DIFF_LIMIT) if diff else None)


def _what(found: Difference, names: list[str]) -> str:
    moved = next((change for change in found.changes if change.what in {"link", "commit"}), None)
    if moved is not None:
        return f"{moved.was} → {moved.now}"
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more


def _found(facts: dict[str, Scalar], text: UntrustedText | None = None) -> Found:
    return Found(kind=EvidenceKind.KERNEL, facts=facts, text=text)
