"""What a daemon does not notice of the processes that it runs, and of those that it forgot."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsagent_tools.processes.family import parents
from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.pm2.dump import App, is_module, is_parked, unit_name
from opsagent_tools.supervisors.pm2.survivors import marks_of, may_touch

_BOOT_TIME_S = 2.0
_YOUNG_S = 5.0
"""A process this young may just not be listed yet."""
_RELEASE_FILES = ("package.json", "package-lock.json", "requirements.txt", "pyproject.toml")


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """One process that a daemon lists."""

    app: App
    pid: int
    started: float
    memory: int

    @property
    def unit(self) -> str:
        return unit_name(self.app)


def running(listed: Iterable[Mapping[str, Any]]) -> tuple[Running, ...]:
    """Return the processes of a `getMonitorData` answer that live; modules apart."""
    found = []
    for one in listed:
        app, pid = one.get("pm2_env"), one.get("pid")
        if not isinstance(app, Mapping) or not isinstance(pid, int) or pid <= 0 or is_module(app):
            continue
        key, monit = key_of(pid), one.get("monit")
        memory = monit.get("memory", 0) if isinstance(monit, Mapping) else 0
        if key is not None:
            found.append(Running(app=app, pid=pid, started=_started(app, key.started), memory=int(memory)))
    return tuple(found)


def _started(app: App, by_the_kernel: float) -> float:
    """Return when a process began. The kernel's boot time is in whole seconds, PM2's own note in milliseconds."""
    noted = app.get("pm_uptime")
    at = noted / 1000 if isinstance(noted, int | float) and not isinstance(noted, bool) else 0.0
    return at if abs(at - by_the_kernel) < _BOOT_TIME_S else by_the_kernel


@dataclass(frozen=True, slots=True, kw_only=True)
class Forgotten:
    """A process below the daemon that is in no list of it: it still serves, with whatever code it began with."""

    pid: int
    unit: str
    pm_id: str
    age_s: float


def forgotten(
    home: Path, uid: int, daemon: int, listed: Sequence[Mapping[str, Any]], now: float
) -> Iterator[Forgotten]:
    """Look among the daemon's children for processes of apps that it does not list (an overlapping reload leaves such).

    `daemon`: its pid.
    """
    known = {one.get("pid") for one in listed}
    for pid, parent in parents().items():
        if parent != daemon or pid in known or not may_touch(pid, uid):
            continue
        marks, key = marks_of(pid), key_of(pid)
        if marks is None or key is None or os.path.normpath(str(marks["PM2_HOME"])) != str(home):
            continue
        age_s = now - key.started
        if age_s >= _YOUNG_S:
            yield Forgotten(pid=pid, unit=unit_name(marks), pm_id=str(marks["pm_id"]), age_s=age_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mixed:
    """A unit whose processes are not all of one release."""

    unit: str
    old: tuple[int, ...]
    new: tuple[int, ...]
    changed_at: float


def mixed_releases(processes: Iterable[Running], now: float, *, settled_s: float) -> Iterator[Mixed]:
    """Look for units where some processes began before their code changed and others after.

    A reload looks like that too: the youngest must be `settled_s` old.
    """
    by_unit: dict[str, list[Running]] = {}
    for process in processes:
        if not is_parked(process.app):
            by_unit.setdefault(process.unit, []).append(process)
    for unit, several in sorted(by_unit.items()):
        if len(several) < 2 or now - max(process.started for process in several) < settled_s:
            continue
        changed_at = max(release_changed(process.app) for process in several)
        old = tuple(process.pid for process in several if process.started < changed_at)
        new = tuple(process.pid for process in several if process.started >= changed_at)
        if old and new:
            yield Mixed(unit=unit, old=old, new=new, changed_at=changed_at)


def release_changed(app: App) -> float:
    """Return when the code of an app changed last, as far as its first file, what it depends on and a link to its
    release tell; seconds since the epoch, 0 where nothing is known.

    By ctime: what a deployment copies in may carry an old mtime.
    """
    script, cwd = app.get("pm_exec_path"), app.get("pm_cwd")
    times = [0.0]
    if isinstance(script, str):
        times += [_changed(Path(script), follow=True), _changed(Path(script).parent, follow=False)]
    if isinstance(cwd, str):
        times += [_changed(Path(cwd) / name, follow=True) for name in _RELEASE_FILES]
        times.append(_changed(Path(cwd), follow=False))
    return max(times)


def _changed(path: Path, *, follow: bool) -> float:
    """A folder changes whenever a file is made in it; only a link to one says something."""
    try:
        status = path.stat() if follow else path.lstat()
        return status.st_ctime if follow or path.is_symlink() else 0.0
    except OSError:
        return 0.0
