"""What PM2 says of its processes, read with suspicion and told in the words of all supervisors.

One app of PM2 (a name in a namespace) is one unit, however many processes it has. Whatever a process's environment
holds is at the top of PM2's record of it too, so only known fields are read, and never passed on as they came.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from opsagent_tools import trust
from opsagent_tools.processes.proc import HAS_PROC, is_same, key_of, read_stat
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

ONLINE, LAUNCHING, STOPPING, STOPPED = "online", "launching", "stopping", "stopped"
WAITING, ERRORED = "waiting restart", "errored"
_HAS_PROCESS = frozenset({ONLINE, LAUNCHING, STOPPING})
"""In the other states the pid that PM2 gives is of a process that has ended, and may be another's by now."""
_LONGEST_NAME = 200
_MAX_APPS = 20_000
_LOOK_HOLDS_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    """One process of PM2's list."""

    pm_id: int
    name: str
    namespace: str
    status: str
    pid: int
    memory: int
    cluster: bool
    restarts: int
    unstable: int
    exit_code: int | None
    autorestart: bool
    stays_down: bool
    """True: PM2 does not start it again when it ends as it ended last."""
    module: bool
    uid: int | None
    """As whom the app is to run, where that is not the daemon's user."""
    logs: tuple[Path, ...]
    kill_timeout_s: float
    listen_timeout_s: float
    up_since: float
    """When it was started last, seconds since the epoch."""
    env: Mapping[str, Any] = field(repr=False)
    """PM2's own record, secrets and all: it does not leave the adapter."""

    @property
    def unit(self) -> str:
        """Return the name of its unit."""
        return unit_name(self.name, self.namespace)

    @property
    def down(self) -> bool:
        """Tell whether PM2 neither runs it nor is about to."""
        return self.status in {STOPPED, ERRORED}


def unit_name(name: str, namespace: str) -> str:
    """Return the name of the unit of an app: with its namespace where that is not the usual one.

    No two apps share a name: one that holds a slash itself always has its namespace before it, which then holds none.
    """
    namespace = namespace or "default"
    if namespace == "default" and "/" not in name:
        return name
    return f"{namespace.replace('/', '%2F')}/{name}"


def read_apps(raw: object, before: Iterable[App] = ()) -> list[App]:
    """Read the answer of `getMonitorData`. What is no process of PM2's is left out. `before`: the last answer, read; of
    which most is the same.
    """
    if not isinstance(raw, list):
        return []
    known = {app.pm_id: app for app in before}
    return [app for one in raw[:_MAX_APPS] if (app := _read(one, known)) is not None]


def _read(raw: object, known: Mapping[int, App]) -> App | None:
    env = raw.get("pm2_env") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or not isinstance(env, dict):
        return None
    monit, last = raw.get("monit"), known.get(raw.get("pm_id", -1)) if isinstance(raw.get("pm_id"), int) else None
    memory = number(monit.get("memory")) if isinstance(monit, dict) else 0
    if last is not None and last.pid == raw.get("pid") and last.env == env:
        return last if last.memory == memory else replace(last, memory=memory)
    pm_id, name = env.get("pm_id", raw.get("pm_id")), text(env.get("name", raw.get("name")))
    if not isinstance(pm_id, int) or isinstance(pm_id, bool) or pm_id < 0 or not name:
        return None
    logs = (env.get("pm_log_path"), env.get("pm_out_log_path"), env.get("pm_err_log_path"))
    return App(
        pm_id=pm_id,
        name=name,
        namespace=text(env.get("namespace")) or "default",
        status=text(env.get("status")),
        pid=number(raw.get("pid")),
        memory=memory,
        cluster=env.get("exec_mode") == "cluster_mode",
        restarts=number(env.get("restart_time")),
        unstable=number(env.get("unstable_restarts")),
        exit_code=number(env["exit_code"]) if _is_number(env.get("exit_code")) else None,
        autorestart=truth(env.get("autorestart"), default=True),
        stays_down=_stays_down(env),
        module=truth(env.get("pmx_module"), default=False),
        uid=env["uid"] if isinstance(env.get("uid"), int) and not isinstance(env.get("uid"), bool) else None,
        logs=tuple(dict.fromkeys(Path(str(path)) for path in logs if is_log_path(path))),
        kill_timeout_s=number(env.get("kill_timeout"), 1600) / 1000,
        listen_timeout_s=number(env.get("listen_timeout"), 3000) / 1000,
        up_since=number(env.get("pm_uptime")) / 1000,
        env=env,
    )


def _stays_down(env: Mapping[str, Any]) -> bool:
    codes = env.get("stop_exit_codes")
    named = {number(code, -1) for code in (codes if isinstance(codes, list) else [codes])}
    return not truth(env.get("autorestart"), default=True) or ("exit_code" in env and number(env["exit_code"]) in named)


def text(value: object) -> str:
    """Return a name as one line of well-formed text; control characters are made visible."""
    if not isinstance(value, str):
        return "" if value is None or isinstance(value, dict | list) else str(value)[:_LONGEST_NAME]
    return _printable(value[:_LONGEST_NAME])


@lru_cache(maxsize=4096)
def _printable(value: str) -> str:
    clean = value.encode("utf-8", "replace").decode()
    return (
        clean if clean.isprintable() else "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in clean)
    )


def number(value: object, default: int = 0) -> int:
    """Return a whole number from 0 on; `default` for anything else. Negative exit codes are kept."""
    if isinstance(value, str) and value.lstrip("-").isdigit() and len(value) < 20:
        return int(value)
    return int(value) if _is_number(value) else default  # type: ignore[call-overload]


def _is_number(value: object) -> bool:
    return (
        isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value) and abs(value) < 2**63
    )


def truth(value: object, *, default: bool) -> bool:
    """Return what PM2 takes a value for: it knows the word "false", too."""
    if value is None:
        return default
    return bool(value) and value != "false"


def is_log_path(path: object) -> bool:
    """Tell whether a path is one of a file that PM2 writes."""
    return (
        isinstance(path, str) and path.startswith("/") and "\0" not in path and path != "/dev/null" and len(path) < 4096
    )


def by_unit(apps: Iterable[App]) -> dict[str, list[App]]:
    """Group processes by unit, in PM2's order; modules apart."""
    found: dict[str, list[App]] = {}
    for app in apps:
        if not app.module:
            found.setdefault(app.unit, []).append(app)
    return found


class Claims:
    """Takes what a daemon says of pids and files, and lets through what is its user's. What is not is kept, to be told."""

    def __init__(self, uid: int) -> None:
        self.uid = uid
        self.refused: dict[str, str] = {}
        """What was refused of the last list, by unit: the last reason."""
        self._seen: dict[ProcessKey, int | None] = {}
        self._keys: dict[int, ProcessKey] = {}
        self._now: dict[int, ProcessKey | None] = {}
        self._logs: dict[tuple[Path, int], tuple[float, str]] = {}

    def begin(self) -> None:
        """Look at each process anew: another list came."""
        self._now.clear()
        self.refused.clear()
        if len(self._keys) + len(self._logs) > 4 * _MAX_APPS:
            self._keys.clear()
            self._logs.clear()

    def key(self, pid: int) -> ProcessKey | None:
        """Return the key of the process that had this pid at this list."""
        if pid not in self._now:
            known, stat = self._keys.get(pid), read_stat(pid) if HAS_PROC else None
            if known is None or stat is None or not is_same(stat, known):
                known = key_of(pid)
            if known is not None:
                self._keys[pid] = known
            self._now[pid] = known
        return self._now[pid]

    def process(self, app: App) -> ProcessKey | None:
        """Return the process of an app, if it has one that is its user's."""
        if app.status not in _HAS_PROCESS or app.pid <= 1:
            return None
        key = self.key(app.pid)
        if key is None:
            return None
        if key not in self._seen:
            if len(self._seen) > _MAX_APPS:
                self._seen.clear()
            self._seen[key] = trust.uid_of(app.pid)
        owner = self._seen[key]
        if owner is None or self.uid in (owner, 0):
            return key if owner is not None else None
        self.refused[app.unit] = f"PM2 of uid {self.uid} calls process {app.pid} its own, which is uid {owner}'s"
        return None

    def logs(self, apps: Sequence[App]) -> tuple[Path, ...]:
        """Return the log files of a unit, without those that are links or somebody else's."""
        found: list[Path] = []
        for path in dict.fromkeys(path for app in apps for path in app.logs):
            problem = self._problem(path, self.uid)
            if problem and self.uid == 0 and (owner := apps[0].uid) is not None:
                problem = self._problem(path, owner)
            if problem:
                self.refused[apps[0].unit] = f"{problem}: not read as a log"
            else:
                found.append(path)
        return tuple(found)

    def _problem(self, path: Path, uid: int) -> str:
        """A look at a file holds for a moment: who opens it looks again."""
        now = time.monotonic()
        at, problem = self._logs.get((path, uid), (-_LOOK_HOLDS_S, ""))
        if now - at >= _LOOK_HOLDS_S:
            problem = trust.file_problem(path, uid)
            self._logs[path, uid] = (now, problem)
        return problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Ends:
    """How the processes of a unit ended, as far as PM2's own log tells."""

    last: int | None = None
    """-N for signal N; None: not told."""
    by_itself: frozenset[int] = frozenset()
    """Numbers (pm_id) of those whose last end nobody asked for."""


def unit_of(kind: str, apps: Sequence[App], claims: Claims, ends: Ends, *, extra: frozenset[int]) -> Unit:
    """Return the unit that these processes are. `extra`: numbers of those that were surged, and are not wanted for good."""
    processes = [(app, key) for app in apps if (key := claims.process(app)) is not None]
    state, reason = _state(apps, ends)
    codes = [app.exit_code for app in apps if app.exit_code is not None]
    cluster = all(app.cluster for app in apps)
    return Unit(
        id=UnitId.local(kind, apps[0].unit),
        state=state,
        reason=reason,
        processes=tuple(Process(key=key, wanted=app.status != STOPPING) for app, key in processes),
        instances=max(1, sum(app.pm_id not in extra for app in apps)),
        restarts=sum(app.restarts for app in apps),
        last_exit=ends.last if ends.last is not None else (codes[-1] if codes else None),
        shares_socket=cluster,
        surges=cluster and any(app.status == ONLINE for app in apps),
        autorestart=all(app.autorestart for app in apps),
        logs=claims.logs(apps),
        uid=claims.uid if apps[0].uid is None else apps[0].uid,
        numbered=True,
    )


def _state(apps: Sequence[App], ends: Ends) -> tuple[UnitState, str]:
    has = {app.status for app in apps}
    errored = sum(app.status == ERRORED for app in apps)
    gave_up = f"{errored} of {len(apps)} instances errored: too many unstable restarts" if errored else ""
    if ONLINE in has:
        return UnitState.RUNNING, gave_up
    if has & {LAUNCHING, WAITING, "one-launch-status"}:
        return UnitState.STARTING, "PM2 waits before it starts it again" if has == {WAITING} else gave_up
    if STOPPING in has:
        return UnitState.STOPPING, gave_up
    if errored:
        return UnitState.EXITED, "errored: too many unstable restarts, PM2 has given up"
    if has == {STOPPED}:
        alone = [app for app in apps if app.pm_id in ends.by_itself]
        if any(not app.stays_down for app in alone):
            return UnitState.STARTING, "it ended, and PM2 starts it again"
        if alone:
            return UnitState.EXITED, "ended by itself, and PM2 was told not to start it again then"
        return UnitState.STOPPED, ""
    return UnitState.UNKNOWN, f"PM2 calls it {', '.join(sorted(has))}"[:80]
