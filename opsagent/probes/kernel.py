"""What the kernel says of a unit's processes: whether they run, what they wait for, what they use."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Container, Iterable

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent.world import World
from opsagent_tools.processes.activity import Activity, observe
from opsagent_tools.processes.connections import LISTEN, SYN_SENT, Connection, connections
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.tree import Trees
from opsagent_tools.processes.whole import memory_now
from opsagent_tools.units import ProcessKey, UnitId

_WATCHED_S, _WATCHED_LONGER_S = 0.4, 1.2
_SPINS, _HARDLY = 0.5, 0.03
_STARVED = 0.6
"""What waits for a processor this much of the time that it wants one is starved."""
_UNANSWERED_S = 0.5
_BETWEEN_LOOKS_S = 0.4
_TREND_S = 30.0


async def process_state(room: Room, unit_id: UnitId) -> Found:
    """Watch the unit's processes and their descendants for a moment."""
    direct = [process.pid for process in (await room.unit(unit_id)).processes]
    pids = await asyncio.to_thread(lambda: with_descendants(direct, parents()))
    seen = await asyncio.to_thread(observe, pids, _WATCHED_S)
    if seen is not None and _is_hungry(seen) and not _gets_on(seen):
        # Before a process is said to get nowhere it is watched for longer: others may leave it little time.
        seen = await asyncio.to_thread(observe, pids, _WATCHED_LONGER_S)
    if seen is None:
        return Found(kind=EvidenceKind.KERNEL, facts={"failed": "no process", "said": f"{unit_id.name} has no process"})
    stopped = sorted(set(seen.stopped) & set(direct))
    facts: dict[str, Scalar] = {
        "processes": len(seen.pids),
        "stopped": len(stopped),
        "stopped_pids": ", ".join(map(str, stopped)),
        "stopped_below": len(set(seen.stopped) - set(direct)),
        "debugged": bool(seen.debugged),
        "uninterruptible": len(seen.uninterruptible),
        "cpu": round(seen.cpu, 3),
        "rss": seen.rss,
        "fds": seen.fds,
        "fds_limit": seen.fds_limit,
        "fds_share": round(seen.fds / seen.fds_limit, 3) if seen.fds_limit else 0.0,
        **mood_of(seen),
    }
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def mood_of(seen: Activity) -> dict[str, Scalar]:
    """Tell a computation that never ends from too much work, and that from too little processor time."""
    hungry, gets_on = _is_hungry(seen), _gets_on(seen)
    starved = hungry and gets_on and seen.delayed >= (seen.delayed + seen.busiest) * _STARVED
    return {
        "starved": starved or (hungry and seen.busiest < _HARDLY),
        "spinning": hungry and not gets_on and seen.busiest >= _HARDLY,
        "busy": hungry and gets_on and not starved,
        "delayed": round(seen.delayed, 3),
        "busiest": round(seen.busiest, 3),
        "said": f"{seen.cpu:.0%} of a core used, {seen.delayed:.0%} of the time waiting for one",
    }


def _is_hungry(seen: Activity) -> bool:
    """Tell whether one thread wants a core for itself, whether it gets it or not."""
    return seen.busiest + seen.delayed >= _SPINS


def _gets_on(seen: Activity) -> bool:
    """Tell whether the processes accept, open, close, read or write: what spins in one computation does not."""
    return seen.descriptors_changed or seen.busiest_in_system >= max(_HARDLY, 0.1 * seen.busiest)


async def connections_of(room: Room, unit_id: UnitId) -> Found:
    """Find out whom the unit's processes wait for: what they sent on their own connections and has no answer yet."""
    direct = [process.pid for process in (await room.unit(unit_id)).processes]
    pids = await asyncio.to_thread(lambda: with_descendants(direct, parents()))
    first = await asyncio.to_thread(connections, pids)
    await asyncio.sleep(_BETWEEN_LOOKS_S)
    second = await asyncio.to_thread(connections, pids)
    if first is None or second is None:
        # no sock_diag in this kernel: what upstream units say of themselves is all there is
        return Found(kind=EvidenceKind.KERNEL, facts={"waiting": False, "partial": True, "said": "not known"})
    # either look: whoever asks again and again with a short timeout does not always have a question open
    open_questions = [*_unanswered(first), *_unanswered(second)]
    if not open_questions:
        return Found(kind=EvidenceKind.KERNEL, facts={"waiting": False, "said": f"{unit_id.name} waits for nobody"})
    worst = max(open_questions, key=lambda connection: connection.unanswered_s)
    whom = _whom(room.world, worst)
    verb = "cannot reach" if worst.state == SYN_SENT else "has waited for an answer of"
    facts: dict[str, Scalar] = {
        "waiting": True,
        "on": str(whom) if whom is not None else worst.remote,
        "waiting_s": round(worst.unanswered_s, 2),
        "said": f"{unit_id.name} {verb} {whom.name if whom else worst.remote} for {worst.unanswered_s:.1f} s now",
    }
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _unanswered(found: Iterable[Connection]) -> list[Connection]:
    served = {connection.local_port for connection in found if connection.state == LISTEN}
    return [
        connection
        for connection in found
        if connection.local_port not in served and connection.unanswered_s >= _UNANSWERED_S
    ]


def _whom(world: World, connection: Connection) -> UnitId | None:
    """Return the unit that serves the other end, where it is one of this machine's: as configured, as it was found to
    listen, or as it was seen to serve before (it may not listen any more).
    """
    if not connection.remote.startswith(("127.", "[::1]")):
        return None
    port = connection.remote_port
    for ports in ({unit.id: unit.ports for unit in world.units.values()}, world.found_ports):
        found = next((unit for unit, listed in ports.items() if port in listed), None)
        if found is not None:
            return found
    seen = world.topology.servers().get(port)
    return seen.unit if seen is not None and seen.unit in world.units else None


async def memory(room: Room, unit_id: UnitId) -> Found:
    """Read the resident memory of each instance with what it started, now, and see when the fullest one would reach its limit."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    everybody = frozenset(process.pid for one in room.world.units.values() for process in one.processes)
    sizes = await asyncio.to_thread(_sizes, [process.key for process in unit.processes], everybody)
    if not sizes:
        return Found(kind=EvidenceKind.KERNEL, facts={"failed": "no process", "said": f"{unit.name} has no process"})
    worst = max(sizes, key=lambda key: sizes[key])
    facts: dict[str, Scalar] = {"instances": len(sizes), "worst_pid": worst.pid, "worst_rss": sizes[worst]}
    said = f"{sizes[worst] / 1e6:.0f} MB"
    limit = spec.max_memory if spec is not None else None
    if limit:
        facts |= {"limit": limit, "share": round(sizes[worst] / limit, 4)}
        said += f" of {limit / 1e6:.0f} MB ({sizes[worst] / limit:.0%})"
        growth = _growth(room.world, unit_id, worst)
        if growth > 0:
            left_s = max(0.0, limit - sizes[worst]) / growth
            facts |= {"growth_bytes_s": round(growth, 1), "limit_in_s": round(left_s, 1)}
            said += f", {left_s:.0f} s before the limit at this rate" if math.isfinite(left_s) else ""
    return Found(kind=EvidenceKind.KERNEL, facts={**facts, "said": said})


def _sizes(keys: Iterable[ProcessKey], apart: Container[int]) -> dict[ProcessKey, int]:
    """Return what each process has in memory, with what it started; what is gone is left out."""
    trees = Trees()
    trees.look()
    found = {key: memory_now(key, trees.below(key.pid, apart)) for key in keys}
    return {key: rss for key, rss in found.items() if rss is not None}


def _growth(world: World, unit_id: UnitId, key: ProcessKey) -> float:
    """Return bytes per second over the last half minute of samples; 0 where there are too few."""
    samples = list(world.past(unit_id).samples.get(key, ()))
    if len(samples) < 2:
        return 0.0
    last = samples[-1]
    first = next(one for one in samples if (last.at - one.at).total_seconds() <= _TREND_S)
    passed = (last.at - first.at).total_seconds()
    return (float(last.data["rss"]) - float(first.data["rss"])) / passed if passed >= 1.0 else 0.0
