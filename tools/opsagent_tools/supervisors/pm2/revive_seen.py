"""What a PM2 daemon ran last, and which PM2 it was: kept in memory while it lives, for the time when it does not.

The list holds every app's environment, so it is never written down: after a restart of the agent there is `dump.pm2`,
which PM2 itself keeps, and which may be older.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.pm2.dump import PARKED, App, grace_s, is_module, is_parked, is_stopped, unit_name
from opsagent_tools.units import ProcessKey

_CHAIN_S = 3.0
"""Deletes that follow each other this closely (and their `kill_timeout`), up to the end of the daemon, are that end:
`pm2 kill` deletes all."""
_NOTED = 2048
_DAEMON_JS = ("lib", "Daemon.js")
_KEPT_ENV = (
    "EXP_BACKOFF_RESET_TIMER",
    "LANG",
    "LC_ALL",
    "PM2_CONCURRENT_ACTIONS",
    "PM2_DAEMON_TITLE",
    "PM2_DISABLE_VERSION_CHECK",
    "PM2_GRACEFUL_LISTEN_TIMEOUT",
    "PM2_GRACEFUL_TIMEOUT",
    "PM2_KILL_RETRY_TIME",
    "PM2_KILL_SIGNAL",
    "PM2_KILL_TIMEOUT",
    "PM2_KILL_USE_MESSAGE",
    "PM2_LOG_DATE_FORMAT",
    "PM2_NODE_OPTIONS",
    "PM2_NO_INTERACTION",
    "PM2_OPTIMIZE_MEMORY",
    "PM2_RELOAD_LOCK_TIMEOUT",
    "PM2_WORKER_INTERVAL",
    "TZ",
)
"""Variables by which a daemon was told how to behave. None of them is a secret."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Program:
    """The very PM2 that ran."""

    node: Path
    package: Path
    """The folder of PM2 itself; its command line is `bin/pm2` in there."""
    version: str = ""
    env: Mapping[str, str] = field(default_factory=dict)
    """How its daemon was told to behave, and where it finds programs (PATH)."""
    cgroup: str = ""
    """What the init system keeps it in (`/system.slice/pm2-deploy.service`); empty where nothing does, or nobody knows."""

    @property
    def in_foreground(self) -> bool:
        """Whether something else holds it in the foreground (pm2-runtime, `--no-daemon`) and starts it again itself."""
        return not self.package.name


def program_of(report: Mapping[str, Any], pid: int) -> Program | None:
    """Read the daemon's own answer to `getReport`; None where it does not say which PM2 it is.

    Its environment is looked at for the few names above and not kept.
    """
    argv = report.get("argv")
    if not isinstance(argv, list) or len(argv) < 2 or not all(isinstance(part, str) for part in argv):
        return None
    node, script = Path(argv[0]), Path(argv[1])
    if not node.is_absolute() or not script.is_absolute():
        return None
    package = script.parent.parent if script.parts[-2:] == _DAEMON_JS else Path()
    env = report.get("env")
    found = env if isinstance(env, Mapping) else {}
    return Program(
        node=node,
        package=package,
        version=str(report.get("pm2_version", "")),
        env={name: str(found[name]) for name in (*_KEPT_ENV, "PATH") if isinstance(found.get(name), str)},
        cgroup=_cgroup(pid),
    )


def _cgroup(pid: int | str) -> str:
    """Return where the init system keeps a process: the unified hierarchy, else systemd's own of version 1."""
    try:
        lines = Path(f"/proc/{pid}/cgroup").read_text().splitlines()
    except OSError:
        return ""
    parts = [line.split(":", 2) for line in lines if line.count(":") >= 2]
    named = {controllers: path for _, controllers, path in parts}
    return next((path for key in ("name=systemd", "") if (path := named.get(key, "/")) != "/"), "")


def service_of(cgroup: str) -> str:
    """Return the systemd service that owns a control group; nothing for a login session, a container, or our own."""
    name = next((part for part in reversed(cgroup.split("/")) if part.endswith(".service")), "")
    if name.startswith("user@") or cgroup == _cgroup("self"):
        return ""
    return name


@dataclass(slots=True)
class _Entry:
    app: App
    status: str
    was: str
    """Its status before the last change."""
    changed_at: float
    by_person: bool = False
    """A person stopped it, by the bus."""
    gone_at: float | None = None

    def status_at_end(self, began: float) -> str:
        """`began`: when the end of the daemon began, which stops what it then deletes."""
        ending = self.status == "stopped" and not self.by_person and self.changed_at >= began
        return self.was if ending else self.status


class LastSeen:
    """What one home's daemon ran. Times are seconds since the epoch, given by the caller."""

    def __init__(self) -> None:
        self.program: Program | None = None
        self.daemon: ProcessKey | None = None
        self.saw_any = False
        """Whether a list was seen since the agent began."""
        self._now: dict[str, _Entry] = {}
        self._before: tuple[dict[str, Any], ...] = ()
        self._ended: tuple[float, bool] | None = None
        self._noted: dict[ProcessKey, str] = {}

    @property
    def noted(self) -> Mapping[ProcessKey, str]:
        """Processes that a daemon of this home listed, and the unit of each."""
        return dict(self._noted)

    @property
    def lost(self) -> tuple[dict[str, Any], ...]:
        """What ran under a daemon that ended unasked, and the present one does not list. An empty list of a new daemon
        is no wish of anybody: any command of PM2's starts one.
        """
        return self._before

    def saw(
        self,
        listed: Sequence[Mapping[str, Any]],
        at: float,
        *,
        daemon: ProcessKey | None = None,
        key_of: Callable[[int], ProcessKey | None] = key_of,
    ) -> None:
        """Take note of an answer to `getMonitorData`. `key_of`: which process has a pid now."""
        if self._ended is not None or (daemon is not None and self.daemon is not None and daemon != self.daemon):
            self._begin_anew(at)
        self.daemon = daemon or self.daemon
        apps = {str(one["pm2_env"].get("pm_id")): one for one in listed if isinstance(one.get("pm2_env"), Mapping)}
        for number, one in apps.items():
            self._take(number, one["pm2_env"], at)
            self._note(one, key_of)
        self.saw_any = True
        for number, entry in list(self._now.items()):
            if number in apps:
                continue
            if entry.gone_at is None:
                entry.gone_at = at
            elif at - entry.gone_at > 2 * self._chain_s():  # deleted, and the daemon went on
                del self._now[number]
        there = {unit_name(one["pm2_env"]) for one in apps.values()}
        self._before = tuple(app for app in self._before if unit_name(app) not in there)

    def stopped(self, pm_id: object, at: float) -> None:
        """Take note that a person stopped a process, before any list shows it."""
        entry = self._now.get(str(pm_id))
        if entry is not None:
            entry.status, entry.changed_at, entry.by_person = "stopped", at, True

    def ended(self, at: float, *, on_purpose: bool) -> None:
        """Take note that the daemon ended. What it ran is kept until another one lists something."""
        self._ended = (at, on_purpose)

    def restorable(self, at: float) -> tuple[dict[str, Any], ...]:
        """Return what ran when the daemon ended (or runs now), each with the status that it had; modules apart."""
        end = self._ended[0] if self._ended is not None else at
        began = self._end_began(end)
        found = list(self._before)
        for number, entry in list(self._now.items()):  # a thread may look while the daemon lists
            replaced = is_parked(entry.app) and number.removeprefix(PARKED) in self._now
            if not replaced and not is_module(entry.app) and (entry.gone_at is None or entry.gone_at >= began):
                found.append({**entry.app, "status": entry.status_at_end(began)})
        return tuple(found)

    def _begin_anew(self, at: float) -> None:
        """Another daemon answers. What one ran that a person ended is nobody's loss."""
        on_purpose = self._ended is not None and self._ended[1]
        self._before = () if on_purpose else self.restorable(at)
        self._now, self._ended = {}, None

    def _end_began(self, end: float) -> float:
        """Go back from the end over deletes and stops that follow each other closely: they are part of it."""
        began, gap_s = end, self._chain_s()
        changes = (
            at
            for entry in list(self._now.values())
            for at in (entry.gone_at, entry.changed_at if entry.status == "stopped" and not entry.by_person else None)
            if at is not None
        )
        for at in sorted(changes, reverse=True):
            if began - at > gap_s:
                break
            began = at
        return began

    def _chain_s(self) -> float:
        """How far apart two apps' ends may be where a daemon ends all of them: as long as one may take to end."""
        return _CHAIN_S + max((grace_s(entry.app) for entry in list(self._now.values())), default=0.0)

    def _take(self, number: str, app: App, at: float) -> None:
        status = "stopped" if is_stopped(app) else str(app.get("status", ""))
        entry = self._now.get(number)
        if entry is None or entry.gone_at is not None:
            self._now[number] = _Entry(app, status, status, at if self.saw_any else 0.0)
            return
        entry.app = app
        if status != entry.status:
            entry.was, entry.status, entry.changed_at, entry.by_person = entry.status, status, at, False

    def _note(self, one: Mapping[str, Any], key_of: Callable[[int], ProcessKey | None]) -> None:
        pid = one.get("pid")
        key = key_of(pid) if isinstance(pid, int) and pid > 0 else None
        if key is None:
            return
        self._noted.pop(key, None)
        self._noted[key] = unit_name(one["pm2_env"])
        if len(self._noted) > _NOTED:
            del self._noted[next(iter(self._noted))]
