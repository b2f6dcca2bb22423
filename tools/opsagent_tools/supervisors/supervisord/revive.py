"""Bring a dead supervisord back: end what outlived it, start it as it was started, leave stopped what was stopped.

Killed, supervisord leaves its programs behind (they run on until they write into their broken pipes), and a new one
starts them all a second time. So the survivors go first: known by pid and start time from before, and by the mark that
supervisord leaves in their environment.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
from pathlib import Path

from opsagent_tools.processes.ending import end_process
from opsagent_tools.processes.marks import mark_of
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.port import NotSupported, SupervisorError, SupervisorUnreachable
from opsagent_tools.supervisors.supervisord.codec import Fault
from opsagent_tools.supervisors.supervisord.conf import read_conf
from opsagent_tools.supervisors.supervisord.desk import Desk
from opsagent_tools.supervisors.supervisord.hub import Hub
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
        return "supervisord runs already"
    origin = _must_be_ours(desk)
    stopped = [info for info in desk.book.infos.values() if info.state == STOPPED and info.stop > 0]
    ended = await _end_survivors(desk, hub)
    await asyncio.to_thread(_start, origin)
    await _answers(desk, origin)
    await _stop_again(desk, stopped)
    hub.wake()
    words = [f"supervisord runs again (process {desk.book.daemon_pid})"]
    if ended:
        words.append(f"{ended} program{'s that had' if ended > 1 else ' that had'} outlived it ended first")
    if stopped:
        words.append(f"left stopped: {', '.join(sorted(info.full for info in stopped))}")
    return "; ".join(words)


def _must_be_ours(desk: Desk) -> Origin:
    origin = desk.origin
    if origin is None or not origin.argv:
        raise NotSupported("how this supervisord was started was never seen: start it as you did before")
    if is_alive(origin.key):
        raise SupervisorError(f"supervisord (process {origin.key.pid}) lives and does not answer: it is not doubled")
    if origin.service:
        raise NotSupported(f"systemd runs this supervisord: systemctl start {origin.service}")
    if origin.uid != os.geteuid():
        raise NotSupported(f"this supervisord is user {origin.uid}'s: only that user starts it again")
    if origin.environ is None:
        raise NotSupported("the environment that this supervisord ran with is not known: start it as you did before")
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
    """End what ran under it, each with its own stop signal and time. Raises SupervisorError where one does not end."""
    jobs: list[tuple[Info, ProcessKey]] = []
    for full, info in desk.book.infos.items():
        key = desk.book.last_key(full)
        if key is None or not is_alive(key):
            continue
        if mark_of(key.pid, _MARK) != info.name:
            raise NotSupported(
                f"process {key.pid} of {full} lives on and is not surely its own: end it, then try again"
            )
        jobs.append((info, key))
    for info, key in jobs:
        hub.expect(desk.book.unit_of(info.full), key)
    results = await asyncio.gather(*(_end(desk, info, key) for info, key in jobs))
    stubborn = [info.full for (info, _), gone in zip(jobs, results, strict=True) if not gone]
    if stubborn:
        raise SupervisorError(f"{', '.join(stubborn)} of the former supervisord does not end: nothing was started")
    return len(jobs)


async def _end(desk: Desk, info: Info, key: ProcessKey) -> bool:
    config = desk.book.configs.get(info.full)
    grace = float(config.number("stopwaitsecs", 10)) if config is not None else 10.0
    return await end_process(key, grace_s=grace, signum=config.number("stopsignal", 15) if config is not None else 15)


def _start(origin: Origin) -> None:
    cwd = origin.cwd if Path(origin.cwd).is_dir() else "/"
    try:
        done = subprocess.run(
            origin.argv,
            cwd=cwd,
            env=dict(origin.environ or ()),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
            timeout=_START_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SupervisorError(f"supervisord cannot be started: {error}") from None
    if done.returncode:
        says = " ".join(done.stderr.decode(errors="replace").split())[:300]
        raise SupervisorError(f"supervisord did not start (exit code {done.returncode}): {says}")


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
