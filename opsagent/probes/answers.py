"""How the unit's probe was answered of late, from memory: nothing is asked."""

from __future__ import annotations

from statistics import median

from opsagent.model import EvidenceKind, Scalar, SignalKind
from opsagent.probes.room import Found, Room
from opsagent_tools.units import UnitId

_LATELY_S = 15.0


async def answers(room: Room, unit_id: UnitId) -> Found:
    """Count the good and the bad answers of the last quarter of a minute, and say since when all are good."""
    past = room.world.history.get(unit_id)
    kept = list(past.answers) if past is not None else []
    recent = [one for one in kept if (room.now - one.at).total_seconds() <= _LATELY_S]
    if not kept:
        return Found(kind=EvidenceKind.PROBE, facts={"failed": "never asked", "said": "its probe was never asked"})
    bad = [one for one in recent if one.kind is SignalKind.PROBE_FAILED]
    took = [float(one.data.get("latency_s", 0.0)) for one in recent if one.kind is SignalKind.PROBE_OK]
    facts: dict[str, Scalar] = {
        "asked": len(recent),
        "bad": len(bad),
        "share": round(len(bad) / len(recent), 3) if recent else 0.0,
        "median_s": round(median(took), 4) if took else 0.0,
        "worst_s": round(max(took, default=0.0), 4),
    }
    said = f"{len(bad)} of {len(recent)} answers failed in the last {_LATELY_S:.0f} s"
    if took:
        said += f", the others took {median(took):.2f} s"
    return Found(kind=EvidenceKind.PROBE, facts={**facts, "said": said})
