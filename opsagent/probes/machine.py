"""What the machine holds processes to: their limits against what they use, and whether its clock can be trusted."""

from __future__ import annotations

import asyncio

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.host.clock import clock_state
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.limits import Limit, limits_of
from opsagent_tools.units import UnitId

_JUMP_S = 1.0
_BYTES = frozenset({"address_space", "data", "cgroup_memory"})


async def limits(room: Room, unit_id: UnitId) -> Found:
    """Tell which limit the processes of a unit are nearest to."""
    direct = [process.pid for process in (await room.unit(unit_id)).processes]
    nearest = await asyncio.to_thread(_nearest, direct)
    if nearest is None:
        said = f"no limit of {unit_id.name} is known"
        return Found(kind=EvidenceKind.KERNEL, facts={"failed": said, "said": said})
    facts: dict[str, Scalar] = {
        "resource": nearest.resource,
        "used": nearest.used,
        "most": nearest.most,
        "share": round(nearest.share, 4),
        "pid": nearest.pid,
        "said": f"{unit_id.name} uses {_shown(nearest, nearest.used)} of {_shown(nearest, nearest.most)} "
        f"{nearest.resource.replace('_', ' ')} ({nearest.share:.0%})",
    }
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _nearest(direct: list[int]) -> Limit | None:
    found = (limit for pid in with_descendants(direct, parents()) for limit in limits_of(pid))
    return max(found, key=lambda limit: limit.share, default=None)


def _shown(limit: Limit, number: int) -> str:
    return f"{number / 1e6:.0f} MB" if limit.resource in _BYTES else str(number)


async def clock(room: Room, unit_id: UnitId) -> Found:  # noqa: ARG001  # the machine's own, whoever asks
    """Tell whether the clock jumped since the agent began, and whether anything keeps it in step."""
    state = await asyncio.to_thread(clock_state)
    jumped = abs(state.jumped_s) >= _JUMP_S
    said = f"the clock was set by {state.jumped_s:+.1f} s" if jumped else "the clock did not jump"
    if state.synchronised is not None:
        said += ", and is kept in step" if state.synchronised else ", and nothing keeps it in step"
    facts: dict[str, Scalar] = {
        "jumped": jumped,
        "jumped_s": round(state.jumped_s, 3),
        "offset_s": round(state.offset_s, 6),
        "max_error_s": round(state.max_error_s, 6),
        "said": said,
    }
    if state.synchronised is not None:
        facts["synchronised"] = state.synchronised
    return Found(kind=EvidenceKind.KERNEL, facts=facts)
