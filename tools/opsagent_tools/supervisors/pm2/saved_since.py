"""The saved list, less what people changed since: `pm2 stop api` after `pm2 save` is in no list once the daemon is dead.

The daemon's own log has it, by the app's name and a number; the saved list has no numbers, and the log no namespaces.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.supervisors.pm2.daemon_log import EndedBy, last_daemon
from opsagent_tools.supervisors.pm2.dump import App, is_stopped, unit_name
from opsagent_tools.supervisors.pm2.history import History
from opsagent_tools.supervisors.pm2.home import LOG
from opsagent_tools.supervisors.pm2.survivors import Outlived


@dataclass(frozen=True, slots=True, kw_only=True)
class Since:
    """What is to be brought back, and what of it otherwise than it was saved."""

    apps: tuple[App, ...]
    stopped: tuple[str, ...] = ()
    """Units saved as running of which a person stopped all or some."""


def since(apps: Sequence[App], home: Path, uid: int, left: Outlived) -> Since:
    """Take what was stopped after the save as stopped, and what outlived the daemon as running.

    Where the log does not tell which of several of one name was stopped, none of them is started.
    """
    runs = Counter(one.unit for one in left.sure)
    found: list[App] = []
    idle: dict[str, list[int]] = defaultdict(list)
    for app in apps:
        unit = unit_name(app)
        if runs[unit] > 0:
            runs[unit] -= 1
            found.append({**app, "status": "online"} if is_stopped(app) else app)
            continue
        if not is_stopped(app):
            idle[str(app.get("name"))].append(len(found))
        found.append(app)
    stopped: set[str] = set()
    for name, (up, halted) in _by_name(home, uid).items():
        mine = idle[name]
        saved_up = sum(app.get("name") == name and not is_stopped(app) for app in found)
        several = min(halted, saved_up - up, len(mine))
        if several <= 0:
            continue
        one_unit = len({unit_name(found[at]) for at in mine}) == 1
        for at in mine[-several:] if one_unit else mine:
            stopped.add(unit_name(found[at]))
            found[at] = {**found[at], "status": "stopped"}
    return Since(apps=tuple(found), stopped=tuple(sorted(stopped)))


def _by_name(home: Path, uid: int) -> dict[str, tuple[int, int]]:
    """Return how many of each name ran last, and how many were stopped and not started again, by the last daemon's log.

    A daemon that was told to end stops everything first: that is nobody's wish about one app.
    """
    if last_daemon(home, uid).ended_by in {EndedBy.A_PERSON, EndedBy.A_SIGNAL}:
        return {}
    log = History(home / LOG, uid)
    log.look()
    up, halted = Counter(name for name, _ in log.up), Counter(name for name, _ in log.halted)
    return {name: (up[name], halted[name]) for name in halted}
