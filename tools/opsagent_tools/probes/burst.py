"""Asks a service several times side by side, so that each of several instances has to answer.

Instances that share one socket take turns: whoever asks one question after the other may always meet the same ones, for
as long as somebody else's questions come in step with his. Where all connections stand before the first question is put,
no instance can take them all before another one wakes up.
"""

from __future__ import annotations

import asyncio

from opsagent_tools.probes.health import ProbeResult, ask
from opsagent_tools.services.spec import Health

_GATHER_S = 0.05
"""So long those that are connected wait for the others: a queue that is full must not hold the instances up."""
_ACCEPT_S = 0.02
"""Once all are connected, each instance that was woken has this long to take its own, before the first one is free
again and takes the rest."""


async def ask_side_by_side(health: Health, count: int) -> tuple[ProbeResult, ...]:
    """Ask `count` times at once; every failure is a result, none is raised. Takes at most the probe's own time.

    Their latencies say little: the questions wait for each other.
    """
    all_there, there = asyncio.Event(), 0

    async def wait_for_all(_: int) -> None:
        nonlocal there
        there += 1
        if there == count:
            all_there.set()
        try:
            async with asyncio.timeout(_GATHER_S):
                await all_there.wait()
        except TimeoutError:
            return
        await asyncio.sleep(_ACCEPT_S)

    return tuple(await asyncio.gather(*(ask(health, connected=wait_for_all) for _ in range(count))))
