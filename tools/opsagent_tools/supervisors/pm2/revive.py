"""Brings a dead PM2 daemon back with what it ran, nothing doubled.

`pm2 resurrect` alone starts a second one of every app that outlived its daemon, and knows only what was saved last.
Here what outlived it is ended first, and the list is what the daemon ran when it was seen last; `dump.pm2` where nobody
saw it. An app that nothing describes is left as it is. What people stopped comes back as stopped.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent_tools.redact import redact
from opsagent_tools.supervisors.pm2 import survivors as outlived
from opsagent_tools.supervisors.pm2.dump import (
    App,
    DumpUnreadable,
    count,
    is_module,
    is_parked,
    is_stopped,
    read,
    saved_form,
    unit_name,
)
from opsagent_tools.supervisors.pm2.revive_seen import LastSeen
from opsagent_tools.supervisors.pm2.revive_start import program_for, start_daemon
from opsagent_tools.supervisors.pm2.saved_since import since
from opsagent_tools.supervisors.pm2.survivors import Outlived, Survivor
from opsagent_tools.supervisors.port import NotPermitted, SupervisorError, SupervisorUnreachable
from opsagent_tools.text import escape_for_terminal

Call = Callable[[str, object], Awaitable[Any]]
"""Calls one method of the daemon. Raises SupervisorUnreachable where none answers."""
_AT_ONCE = 4
_COMES_UP_S = 5.0
"""How long a daemon that lives and does not answer may take: it may just have been started."""
_POLL_S = 0.1


@dataclass(slots=True)
class _Report:
    """What was done, for one line."""

    ended: list[Survivor] = field(default_factory=list)
    started: list[str] = field(default_factory=list)
    stopped: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def words(self) -> str:
        parts = []
        if self.started:
            parts.append(f"started {_counted(self.started)}")
        if self.stopped:
            parts.append(f"left stopped: {_counted(self.stopped)}")
        if self.ended:
            parts.append("ended first what had outlived the daemon: " + _pids(self.ended))
        return "; ".join([*parts, *self.notes])


async def revive(home: Path, uid: int, seen: LastSeen, call: Call) -> str:
    """Bring the daemon of `home` back, or what it lost; return one line that says what was done.

    Raises SupervisorError: NotSupported where it is not ours to start, NotPermitted where it is another user's.
    """
    if os.geteuid() not in {0, uid}:
        raise NotPermitted(f"the daemon of {home} belongs to uid {uid}; start it as that user")
    listed = await _listed(call)
    if listed is None:
        listed = await _wait_for_one_that_lives(home, uid, call)
    report = _Report()
    left = await asyncio.to_thread(outlived.find, home, uid, seen.noted)
    wanted = _seen_last(seen, answers=listed is not None)
    if wanted is None:
        wanted = await asyncio.to_thread(_saved, home, uid, left, report, answers=listed is not None)
    wanted = _without_self(wanted, left, report)
    program = None if listed is not None else await asyncio.to_thread(program_for, home, uid, seen)
    await _end(left, wanted, listed or (), report)
    if program is not None:
        await start_daemon(home, uid, program)
        listed = await _listed(call)
        if listed is None:
            raise SupervisorError(f"PM2 was started and does not answer; {home / 'pm2.log'} may say why")
    await _prepare(wanted, listed or (), call, report)
    if report.failed:
        raise SupervisorError(f"PM2 answers, but could not start {', '.join(report.failed)}")
    return await _told(call, report, fresh=program is not None)


async def _listed(call: Call) -> tuple[App, ...] | None:
    try:
        found = await call("getMonitorData", {})
    except SupervisorUnreachable:
        return None
    return tuple(one["pm2_env"] for one in found if isinstance(one, Mapping) and isinstance(one.get("pm2_env"), dict))


async def _wait_for_one_that_lives(home: Path, uid: int, call: Call) -> tuple[App, ...] | None:
    """A daemon that is coming up is not started beside; one that lives and is silent needs a person."""
    deadline = asyncio.get_running_loop().time() + _COMES_UP_S
    while daemons := await asyncio.to_thread(outlived.living_daemons, home, uid):
        listed = await _listed(call)
        if listed is not None:
            return listed
        if asyncio.get_running_loop().time() >= deadline:
            raise SupervisorError(hangs(home, daemons[0]))
        await asyncio.sleep(_POLL_S)
    return None


def hangs(home: Path, pid: int) -> str:
    """Say what to do about a daemon that lives and is silent."""
    return (
        f"PM2's daemon (pid {pid}) lives and does not answer; a second one beside it would double every app. "
        f"Look at {home / 'pm2.log'}, end it (kill {pid}), and start it again"
    )


def _seen_last(seen: LastSeen, *, answers: bool) -> tuple[App, ...] | None:
    """Return what the daemon was seen with last; of one that answers, what it lost. None: nobody saw."""
    if not seen.saw_any:
        return None
    return seen.lost if answers else seen.restorable(datetime.now(UTC).timestamp()) or None


def _saved(home: Path, uid: int, left: Outlived, report: _Report, *, answers: bool) -> tuple[App, ...]:
    """Return what was saved; where a daemon answers, only what is seen to have outlived another one."""
    try:
        saved = read(home, uid)
    except DumpUnreadable as error:
        raise SupervisorError(f"what ran is not known: {error}") from error
    if saved is None:
        if not answers:
            report.notes.append("nothing was saved, so it starts empty")
        return ()
    apps = tuple(app for app in saved.apps if not is_module(app))
    now = since(apps, home, uid, left)
    if not answers:
        known = f", less what was stopped since: {_counted(now.stopped)}" if now.stopped else ""
        report.notes.append(f"by the list saved at {datetime.fromtimestamp(saved.at, UTC):%Y-%m-%d %H:%M}Z{known}")
        return now.apps
    units = {one.unit for one in left.sure}
    return tuple(app for app in now.apps if unit_name(app) in units)


def _without_self(wanted: tuple[App, ...], left: Outlived, report: _Report) -> tuple[App, ...]:
    """The agent may be an app of PM2 itself: it does not end itself, and is not started beside itself."""
    if not left.self_among:
        return wanted
    report.notes.append(f"{left.self_among} is this agent: it goes on, and PM2 does not know it until it is restarted")
    return tuple(app for app in wanted if unit_name(app) != left.self_among)


async def _end(left: Outlived, wanted: Iterable[App], listed: Iterable[App], report: _Report) -> None:
    """End what would be doubled, and nothing else."""
    described = {unit_name(app) for app in (*wanted, *listed)}
    doubled = [one for one in left.sure if one.unit in described]
    unknown = [one for one in left.sure if one.unit not in described]
    if unknown:
        report.notes.append(f"left running, for nothing says how to start it again: {_pids(unknown)}")
    if left.unsure:
        report.notes.append(f"left alone, not surely PM2's: pid {', '.join(map(str, left.unsure[:5]))}")
    try:
        alive = await outlived.end(doubled, signum=_kill_signal(wanted))
    except PermissionError as error:
        raise NotPermitted(f"what outlived the daemon cannot be ended: {error}") from error
    if alive:
        raise SupervisorError(f"{_pids(alive)} could not be ended; nothing was started beside it")
    report.ended += doubled


def _kill_signal(apps: Iterable[App]) -> int:
    """SIGINT, unless people told PM2 another one (PM2_KILL_SIGNAL)."""
    named = {str(app.get("env", {}).get("PM2_KILL_SIGNAL", "")) for app in apps if isinstance(app.get("env"), Mapping)}
    name = named.pop() if len(named) == 1 else ""
    return int(getattr(signal.Signals, name, signal.SIGINT)) if name in _ENDING else int(signal.SIGINT)


_ENDING = frozenset({"SIGINT", "SIGTERM", "SIGQUIT", "SIGHUP"})


async def _prepare(wanted: Sequence[App], listed: Sequence[App], call: Call, report: _Report) -> None:
    """Give the daemon what it lacks; somebody else may have begun to (`pm2 resurrect`, an init script)."""
    there = count(listed)
    slots = asyncio.Semaphore(_AT_ONCE)

    async def one(app: App) -> None:
        name = unit_name(app)
        async with slots:
            try:
                await call("prepare", saved_form(app))
            except SupervisorUnreachable:
                raise
            except SupervisorError as error:
                report.failed.append(f"{_shown(name)} ({redact(str(error))[:160]})")
                return
        (report.stopped if is_stopped(app) else report.started).append(name)

    todo = []
    for app in wanted:
        name = unit_name(app)
        if there[name] > 0:
            there[name] -= 1
        elif isinstance(app.get("env"), Mapping):
            todo.append(app)
    await asyncio.gather(*(one(app) for app in todo))


async def _told(call: Call, report: _Report, *, fresh: bool) -> str:
    version = str(await call("getVersion", {}))
    said = report.words()
    if fresh:
        return f"PM2 {version} is back" + (f": {said}" if said else "")
    return said or f"PM2 {version} runs already, and lacks nothing"


def trouble(home: Path, uid: int, seen: LastSeen, listed: Sequence[Mapping[str, Any]]) -> str:
    """Say what is wrong with a daemon that answers: it lost what the one before ran, or that lives on beside it."""
    left = outlived.find(home, uid, seen.noted)
    known = {unit_name(one["pm2_env"]) for one in listed if isinstance(one.get("pm2_env"), Mapping)}
    twice = [one for one in left.sure if one.unit in known]
    lost = sorted({unit_name(app) for app in seen.lost if not is_stopped(app) and not is_parked(app)})
    lost = [name for name in lost if name != left.self_among]
    alone = [one for one in left.sure if one.unit not in known and one.unit not in lost]
    parts = []
    if lost:
        shown = ", ".join(_shown(name) for name in lost[:5]) + (" …" if len(lost) > 5 else "")
        parts.append(f"it does not know {shown} any more, which the daemon before it ran")
    if twice:
        parts.append(f"{_pids(twice)} outlived the daemon before it and {_runs(twice)} beside PM2's own")
    if alone:
        parts.append(f"{_pids(alone)} outlived the daemon before it, and nothing keeps {_it(alone)}")
    return "; ".join(parts)


def _runs(several: Sequence[Survivor]) -> str:
    return "runs" if len(several) == 1 else "run"


def _it(several: Sequence[Survivor]) -> str:
    return "it" if len(several) == 1 else "them"


def _counted(names: Iterable[str]) -> str:
    every = list(names)
    units = sorted(set(every))
    return ", ".join(
        f"{_shown(name)} x{every.count(name)}" if every.count(name) > 1 else _shown(name) for name in units
    )


def _pids(several: Iterable[Survivor]) -> str:
    return ", ".join(f"{_shown(one.unit)} (pid {one.key.pid})" for one in several)


def _shown(name: str) -> str:
    return escape_for_terminal(name)[:80]
