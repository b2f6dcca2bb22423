"""Which instance answers a health probe, where several share one socket.

The probe's own connection is looked up among the instances' descriptors before it asks anything: who accepted it is
who answers it. So one instance can be proved alone although nobody can address it alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from opsagent_tools.probes.health import ProbeResult, ask
from opsagent_tools.processes.connections import holder_of
from opsagent_tools.services.spec import Health

_LOOKS = 12
_FIRST_LOOK_S = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """The answer to one probe, and who gave it."""

    result: ProbeResult
    pid: int | None = None
    """None: none of the processes asked about was seen to hold the connection."""
    by_other: bool = False
    """One of the others was seen to hold it."""


async def ask_whom(health: Health, pids: Iterable[int], others: Iterable[int] = ()) -> Answer:
    """Ask once, and see which of these processes answers. Takes at most the probe's timeout.

    `others`: who else may answer; once one of them is seen to, the look is over.
    """
    wanted = list(pids)
    every, seen = [*wanted, *others], list[int]()

    async def look(own_port: int) -> None:
        pause_s = _FIRST_LOOK_S
        for _ in range(_LOOKS):
            holder = await asyncio.to_thread(holder_of, port_of(health), own_port, every)
            if holder is not None:
                seen.append(holder)
                return
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 1.5, 0.02)

    result = await ask(health, connected=look)
    mine = bool(seen) and seen[0] in wanted
    return Answer(result=result, pid=seen[0] if mine else None, by_other=bool(seen) and not mine)


def port_of(health: Health) -> int:
    """Return the port that is asked."""
    if health.http is not None:
        url = urlsplit(health.http)
        return url.port or (443 if url.scheme == "https" else 80)
    return int((health.tcp or ":0").rpartition(":")[2])


def median(latencies_s: Sequence[float]) -> float:
    """Return the middle one; 0 where there is none."""
    ordered = sorted(latencies_s)
    return ordered[len(ordered) // 2] if ordered else 0.0
