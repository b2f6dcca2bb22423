"""Bring a dead circusd back: end what outlived it, start it as it was started, leave stopped what was stopped.

Killed, circusd leaves all of its processes behind, and the next one starts as many again. circus leaves no mark in their
environment, so only those are ended that were seen as its children, by pid and start time.
"""

from __future__ import annotations

import asyncio

from opsagent_tools.processes.ending import end_process
from opsagent_tools.processes.proc import exists
from opsagent_tools.supervisors.circusd.desk import Desk
from opsagent_tools.supervisors.circusd.origin import Origin
from opsagent_tools.supervisors.hub import Hub
from opsagent_tools.supervisors.port import NotSupported, SupervisorError, SupervisorUnreachable
from opsagent_tools.units import ProcessKey, UnitState

_START_S = 15.0
_LOOK_S = 0.05


async def revive(desk: Desk, hub: Hub) -> str:
    """Return what was done. Raises NotSupported where it is not ours to start, or not known how; SupervisorError."""
    try:
        await desk.meet()
        await desk.refresh()
    except SupervisorUnreachable:
        pass
    else:
        ended = await _end_survivors(desk, hub)
        return f"circusd runs already; {_ended(ended)}" if ended else "circusd runs already"
    origin = demand_ours(desk)
    stopped = [unit.name for unit in desk.book.units() if unit.state is UnitState.STOPPED]
    ended = await _end_survivors(desk, hub)
    await _reaped(origin.key)
    await asyncio.to_thread(origin.start_again, "circusd")
    await _answers(desk)
    for name in stopped:
        if (await desk.statuses()).get(name) not in {None, "stopped"}:
            await desk.call("stop", name=name, match="simple")
    hub.wake()
    words = [f"circusd runs again (process {desk.book.daemon_pid})"]
    if ended:
        words.append(_ended(ended))
    if stopped:
        words.append(f"left stopped: {', '.join(stopped)}")
    return "; ".join(words)


def demand_ours(desk: Desk) -> Origin:
    """Return how it was started. Raises NotSupported where it is not ours to start, SupervisorError where it lives."""
    origin = desk.origin
    if origin is None:
        raise NotSupported("how this circusd was started was never seen: start it as you did before")
    origin.demand_ours("circusd")
    if not origin.in_background:
        raise NotSupported(
            "this circusd ran in the foreground (without --daemon) of what started it, which has to start it again"
        )
    path = origin.conf_path()
    if path is None or not path.is_file():
        raise NotSupported(f"its configuration {path or ''} is not there")
    return origin


def _ended(count: int) -> str:
    return f"{count} process{'es' if count > 1 else ''} that had outlived it ended first"


async def _end_survivors(desk: Desk, hub: Hub) -> int:
    left = desk.book.left_behind()
    for key, name in left.items():
        hub.expect(desk.book.unit_id(name), key)
        desk.book.expect(key)
    results = await asyncio.gather(*(_end(desk, name, key) for key, name in left.items()))
    stubborn = [str(key.pid) for key, gone in zip(left, results, strict=True) if not gone]
    if stubborn:
        raise SupervisorError(f"{', '.join(stubborn)} of the former circusd does not end: nothing was started")
    return len(left)


async def _end(desk: Desk, name: str, key: ProcessKey) -> bool:
    told = desk.book.watchers.get(name)
    grace, signum = (told.number("graceful_timeout", 30), told.number("stop_signal", 15)) if told else (10, 15)
    return await end_process(key, grace_s=float(grace), signum=signum)


async def _reaped(key: ProcessKey) -> None:
    """Wait until its parent has let go of it: a new one takes the pid file of a zombie for that of a living one."""
    for _ in range(int(_START_S / _LOOK_S)):
        if not exists(key):
            return
        await asyncio.sleep(_LOOK_S)


async def _answers(desk: Desk) -> None:
    last = ""
    for _ in range(int(_START_S / _LOOK_S)):
        try:
            await desk.meet()
            statuses = await desk.statuses()
        except SupervisorUnreachable as error:
            last = str(error)
        else:
            if "starting" not in statuses.values():
                await desk.refresh()
                return
        await asyncio.sleep(_LOOK_S)
    raise SupervisorError(f"circusd was started and does not answer: {last}")
