"""Which incidents of the past are worth remembering: those whose time is sure and that the agent did not see itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from opsagent.learn import Reconstructed
from opsagent.replay.stage import moment
from opsagent.replay.words import Found
from opsagent_tools.units import UnitId

MOST = 1000
"""So many are kept of one replay, the newest."""
AT_ONCE = 100
"""So many go to the daemon in one request."""
_SAME_S = 30.0
Live = Iterable[tuple[UnitId, float, str]]
"""Unit, beginning and id of the incidents that the agent saw."""


def seen_live(found: Sequence[Found], live: Live) -> dict[str, str]:
    """Return which incidents the agent saw when they were, with the ids that it gave them."""
    known: dict[UnitId, list[tuple[float, str]]] = {}
    for unit, began_at, incident_id in live:
        known.setdefault(unit, []).append((began_at, incident_id))
    same: dict[str, str] = {}
    for one in found:
        until = (one.ended_at if one.ended_at is not None else one.began_at) + _SAME_S
        for unit in (one.unit, *one.affected):
            hit = next((its for at, its in known.get(unit, ()) if one.began_at - _SAME_S <= at <= until), None)
            if hit is not None:
                same[one.id] = hit
                break
    return same


def to_remember(found: Sequence[Found], live: Mapping[str, str]) -> list[Reconstructed]:
    """Return what is to be kept, oldest first; each id once."""
    kept = {one.id: one for one in found if one.sure and one.id not in live}
    return [_reconstructed(one) for one in kept.values()][-MOST:]


def _reconstructed(found: Found) -> Reconstructed:
    ended = found.ended_at
    return Reconstructed(
        id=found.id,
        unit=found.unit,
        fault=found.fault,
        text=found.memory_text,
        began_at=moment(found.began_at),
        summary=found.summary,
        lasted_s=round(ended - found.began_at, 3) if ended is not None else None,
        deaths=found.deaths,
        errors=found.errors,
    )
