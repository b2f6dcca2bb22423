"""What the configured probes of everything upstream say now, and how long each took to say it."""

from __future__ import annotations

import asyncio

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.probes.health import ask
from opsagent_tools.units import UnitId, UnitState


async def dependency_probe(room: Room, unit_id: UnitId) -> Found:
    """Ask the probes of all that the unit depends on, side by side; one that nobody configured is never connected to."""
    asked = [
        (other, spec.health)
        for other in room.world.all_upstream(unit_id)
        if (spec := room.spec(other)) is not None and spec.health is not None and _runs(room, other)
    ]
    if not asked:
        said = f"nothing that {unit_id.name} depends on has a probe that could be asked"
        return Found(kind=EvidenceKind.PROBE, facts={"asked": 0, "ok": True, "failing": 0, "said": said})
    answers = await asyncio.gather(*(ask(health) for _, health in asked))
    found = list(zip((other for other, _ in asked), answers, strict=True))
    worst, answer = max(found, key=lambda one: (not one[1].ok, one[1].latency_s))
    failing = [other.name for other, one in found if not one.ok]
    facts: dict[str, Scalar] = {
        "asked": len(found),
        "ok": not failing,
        "failing": len(failing),
        "worst": str(worst),
        "worst_name": worst.name,
        "worst_s": round(answer.latency_s, 4),
        "worst_reason": answer.reason,
        "said": f"{', '.join(failing)}: their own probes fail"
        if failing
        else f"all {len(found)} answer their probes, {worst.name} last ({answer.latency_s:.3f} s)",
    }
    return Found(kind=EvidenceKind.PROBE, facts=facts)


def _runs(room: Room, unit_id: UnitId) -> bool:
    unit = room.world.units.get(unit_id)
    return unit is not None and unit.state is UnitState.RUNNING
