"""Bring a dead supervisord back: end what outlived it, start it as it was started, leave stopped what was stopped.

Killed, supervisord leaves its programs behind (they run on until they write into their broken pipes), and a new one
starts them all a second time. So the survivors go first: known by pid and start time from before, and by the mark that
supervisord leaves in their environment.
"""

from __future__ import annotations

import asyncio

from opsagent_tools.processes.ending import end_process
from opsagent_tools.processes.marks import mark_of
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.hub import Hub
from opsagent_tools.supervisors.port import NotSupported, SupervisorError, SupervisorUnreachable
from opsagent_tools.supervisors.supervisord.codec import Fault
from opsagent_tools.supervisors.supervisord.conf import read_conf
from opsagent_tools.supervisors.supervisord.desk import Desk
from opsagent_tools.supervisors.supervisord.info import STOPPED, Info
from opsagent_tools.supervisors.supervisord.origin import Origin
from opsagent_tools.units import ProcessKey

_START_S = 15.0
_LOOK_S = 0.1
_MARK = "SUPERVISOR_PROCESS_NAME"
"""supervisor/process.py sets it for every program."""


async def revive(desk: Desk, hub: Hub) -> str:
    """Return what was done. Raises NotSupported where it is not ours to start, or not known how; SupervisorError."""
    try:
        await desk.refresh()
    except (SupervisorUnreachable, Fault):
        pass
    else:
        ended = await _end_survivors(desk, hub)
        return f"supervisord runs already; {_ended(ended)}" if ended else "supervisord runs already"
    origin = demand_ours(desk)
    stopped = [info for info in desk.book.infos.values() if info.state == STOPPED and info.stop > 0]
    ended = await _end_survivors(desk, hub)
    await asyncio.to_thread(origin.start_again, "supervisord")
    await _answers(desk, origin)
    await _stop_again(desk, stopped)
    hub.wake()
    words = [f"supervisord runs again (process {desk.book.daemon_pid})"]
    if ended:
        words.append(_ended(ended))
    if stopped:
        words.append(f"left stopped: {', '.join(sorted(info.full for info in stopped))}")
    return "; ".join(words)


def _ended(count: int) -> str:
    return f"{count} program{'s' if count > 1 else ''} that had outlived it ended first"


def demand_ours(desk: Desk) -> Origin:
    """Return how it was started. Raises NotSupported where it is not ours to start, SupervisorError where it lives."""
    origin = desk.origin
    if origin is None or not origin.argv:
        raise NotSupported("how this supervisord was started was never seen: start it as you did before")
    origin.demand_ours("supervisord")
    path = origin.conf_path()
    conf = read_conf(path, origin.uid) if path is not None else None
    section = conf.section("supervisord") if conf is not None else None
    if "nodaemon" in origin.options or (section is not None and section.flag("nodaemon")):
        raise NotSupported(
            "this supervisord ran in the foreground (nodaemon) of what started it, which has to start it again"
        )
    if conf is None:
        raise NotSupported(f"its configuration {path or ''} cannot be read")
    return origin


async def _end_survivors(desk: Desk, hub: Hub) -> int:
    """End what ran under a dead one, each with its own stop signal and time. Raises SupervisorError."""
    left = desk.book.left_behind()
    for key, full in left.items():
        if mark_of(key.pid, _MARK) != full.partition(":")[2] and is_alive(key):
            raise NotSupported(
                f"process {key.pid} of {full} lives on and is not surely its own: end it, then try again"
            )
    for key, full in left.items():
        hub.expect(desk.book.unit_of(full), key)
    results = await asyncio.gather(*(_end(desk, full, key) for key, full in left.items()))
    stubborn = [full for full, gone in zip(left.values(), results, strict=True) if not gone]
    if stubborn:
        raise SupervisorError(f"{', '.join(stubborn)} of the former supervisord does not end: nothing was started")
    return len(left)


async def _end(desk: Desk, full: str, key: ProcessKey) -> bool:
    config = desk.book.configs.get(full)
    grace = float(config.number("stopwaitsecs", 10)) if config is not None else 10.0
    return await end_process(key, grace_s=grace, signum=config.number("stopsignal", 15) if config is not None else 15)


async def _answers(desk: Desk, before: Origin) -> None:
    last = ""
    for _ in range(int(_START_S / _LOOK_S)):
        try:
            await desk.refresh()
        except (SupervisorUnreachable, Fault) as error:
            last = str(error)
            await asyncio.sleep(_LOOK_S)
        else:
            if desk.book.daemon_pid != before.key.pid:
                return
    raise SupervisorError(f"supervisord was started and does not answer: {last}")


async def _stop_again(desk: Desk, stopped: list[Info]) -> None:
    """Keep what a person stopped stopped: supervisord itself forgets it."""
    for info in stopped:
        try:
            await desk.call("stopProcess", info.full, True, timeout_s=30.0)
        except Fault:
            continue  # it does not start by itself, or is not there any more
    if stopped:
        await desk.refresh()
