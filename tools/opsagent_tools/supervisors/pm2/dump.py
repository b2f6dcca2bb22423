"""`dump.pm2`: what PM2 would bring back after a reboot, and how that differs from what runs.

The file holds the whole environment of every app, secrets with it. Only names, and whether two values are equal, leave
this module otherwise than for `prepare`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsagent_tools.files import UnsafeFile, read_owned
from opsagent_tools.supervisors.pm2 import units

App = Mapping[str, Any]
"""PM2's own description of one process (`pm2_env`)."""
DUMP, BACKUP = "dump.pm2", "dump.pm2.bak"
PARKED = "_old_"
"""Before the number of a process that a reload is replacing."""
KILL_TIMEOUT_S = 1.6
"""PM2's own default for `kill_timeout`."""
_LONGEST_GRACE_S = 120.0
_NOT_SAVED = ("instances", "pm_id", "prev_restart_delay")
"""What `pm2 save` leaves out (lib/API/Startup.js): each process is a line of its own, and gets a new number."""
_SETTINGS = (
    "pm_exec_path",
    "args",
    "node_args",
    "pm_cwd",
    "exec_interpreter",
    "exec_mode",
    "cron_restart",
    "max_memory_restart",
    "kill_timeout",
    "wait_ready",
    "watch",
    "autorestart",
    "max_restarts",
    "min_uptime",
    "exp_backoff_restart_delay",
)
_OWN_OF_EACH = frozenset({"unique_id", "NODE_APP_INSTANCE", "pm_id", "vizion_running", "PM2_USAGE"})
"""Variables that PM2 itself gives to one process, or to one command."""


class DumpUnreadable(Exception):
    """The saved list cannot be used; the text says why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A saved list."""

    apps: tuple[App, ...]
    at: float
    """When it was saved, seconds since the epoch."""
    file: str = DUMP


def unit_name(app: App) -> str:
    """Return the name of the unit that a process belongs to: the app's own, with its namespace where it has one."""
    return units.unit_name(units.text(app.get("name")), units.text(app.get("namespace")))


def is_module(app: App) -> bool:
    """Tell whether it is one of PM2's own modules (pm2-logrotate, say): PM2 starts those itself, and saves none."""
    return bool(app.get("pmx_module"))


def is_parked(app: App) -> bool:
    """Tell whether a reload is replacing it."""
    return str(app.get("pm_id", "")).startswith(PARKED)


def is_stopped(app: App) -> bool:
    """Tell whether a person stopped it. PM2 keeps such an app in its list, and in what it saves."""
    return app.get("status") in {"stopped", "stopping"}


def grace_s(app: App) -> float:
    """Return how long a process may take to end before it is killed (`kill_timeout`, milliseconds)."""
    try:
        given = float(app["kill_timeout"]) / 1000
    except (KeyError, TypeError, ValueError):
        return KILL_TIMEOUT_S
    return min(given, _LONGEST_GRACE_S) if given > 0 else KILL_TIMEOUT_S


def saved_form(app: App) -> dict[str, Any]:
    """Return what `pm2 save` writes for a process, and `prepare` takes back."""
    form = {key: value for key, value in app.items() if key not in _NOT_SAVED}
    if is_stopped(app):
        form["status"] = "stopped"
    return form


def read(home: Path, uid: int) -> Saved | None:
    """Return the saved list, from the backup where the file itself is broken, as PM2 does; None where none was saved.

    Raises DumpUnreadable.
    """
    broken = ""
    for file in (DUMP, BACKUP):
        try:
            return _read(home / file, uid)
        except FileNotFoundError:
            continue
        except (OSError, UnsafeFile, ValueError) as error:
            broken = broken or f"{home / file} cannot be used: {error}"
    if broken:
        raise DumpUnreadable(broken)
    return None


def _read(path: Path, uid: int) -> Saved:
    content = json.loads(read_owned(path, uid))
    if not isinstance(content, list) or not all(isinstance(app, dict) and app.get("name") for app in content):
        raise ValueError("it is no list of apps")
    return Saved(apps=tuple(content), at=path.lstat().st_mtime, file=path.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What a reboot would change. Names of units, each sorted."""

    lost: tuple[str, ...] = ()
    """Run, and are not saved."""
    returning: tuple[str, ...] = ()
    """Saved, and deleted since: a reboot brings them back."""
    counts: tuple[tuple[str, int, int], ...] = ()
    """Unit, instances that run, instances saved."""
    started: tuple[str, ...] = ()
    """Stopped by a person, and saved as running: a reboot starts them."""
    left_down: tuple[str, ...] = ()
    """Run, and saved as stopped."""
    changed: tuple[tuple[str, tuple[str, ...]], ...] = ()
    """Unit, and which settings differ (`env.NAME` for a variable; never a value)."""

    def __bool__(self) -> bool:
        return any((self.lost, self.returning, self.counts, self.started, self.left_down, self.changed))

    def words(self) -> str:
        """Say it in one line."""
        parts = [
            _names("a reboot loses", self.lost),
            *(f"a reboot starts {saved} of {runs} instances of {name}" for name, runs, saved in self.counts),
            _names("leaves down", self.left_down),
            _names("brings back the deleted", self.returning),
            _names("starts the stopped", self.started),
            *(f"gives {name} another {', '.join(keys[:4])}" for name, keys in self.changed),
        ]
        return "; ".join(part for part in parts if part)


def drift(saved: Sequence[App], running: Sequence[App]) -> Drift:
    """Compare what is saved with what runs (`pm2_env` of each process)."""
    before, now = _by_unit(saved), _by_unit(running)
    both = sorted(before.keys() & now.keys())
    up = {name: sum(not is_stopped(app) for app in now[name]) for name in both}
    was_up = {name: sum(not is_stopped(app) for app in before[name]) for name in both}
    differing = ((name, _differences(before[name][0], now[name][0])) for name in both)
    return Drift(
        lost=tuple(sorted(now.keys() - before.keys())),
        returning=tuple(sorted(before.keys() - now.keys())),
        counts=tuple((name, len(now[name]), len(before[name])) for name in both if len(now[name]) != len(before[name])),
        started=tuple(name for name in both if not up[name] and was_up[name]),
        left_down=tuple(name for name in both if up[name] and not was_up[name]),
        changed=tuple((name, keys) for name, keys in differing if keys),
    )


def count(apps: Sequence[App]) -> Counter[str]:
    """Return how many processes each unit has."""
    return Counter({name: len(found) for name, found in _by_unit(apps).items()})


def _by_unit(apps: Sequence[App]) -> dict[str, list[App]]:
    """Group them; modules apart. Of a process and the one that replaces it, one counts."""
    numbers = {str(app.get("pm_id")) for app in apps if "pm_id" in app}
    found: dict[str, list[App]] = {}
    for app in apps:
        doubled = is_parked(app) and str(app["pm_id"]).removeprefix(PARKED) in numbers
        if not is_module(app) and not doubled:
            found.setdefault(unit_name(app), []).append(app)
    return found


def _differences(saved: App, runs: App) -> tuple[str, ...]:
    settings = [key for key in _SETTINGS if _plain(saved.get(key)) != _plain(runs.get(key))]
    before, now = _env(saved), _env(runs)
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    return (*settings, *(f"env.{name}" for name in names))


def _env(app: App) -> dict[str, str]:
    env = app.get("env")
    if not isinstance(env, Mapping):
        return {}
    own = _OWN_OF_EACH | {str(app.get("instance_var", "")), str(app.get("increment_var", ""))}
    return {str(name): str(value) for name, value in env.items() if name not in own and _is_plain(value)}


def _is_plain(value: object) -> bool:
    return isinstance(value, str | int | float | bool)


def _plain(value: object) -> object:
    """PM2 writes an empty list, false and nothing at all for the same thing."""
    return json.dumps(value, sort_keys=True, default=str) if value not in (None, "", False, 0) and value != [] else None


def _names(what: str, names: tuple[str, ...]) -> str:
    if not names:
        return ""
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{what} {shown}"
