"""What PM2 does not notice by itself, with the numbers and what a person would type to mend it. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.supervisors.pm2 import findings_logs, survivors
from opsagent_tools.supervisors.pm2.daemon_log import megabytes
from opsagent_tools.supervisors.pm2.dump import App, DumpUnreadable, count, drift, is_module, is_parked, read, unit_name
from opsagent_tools.supervisors.pm2.findings_boot import startup_of
from opsagent_tools.supervisors.pm2.findings_processes import Running, forgotten, mixed_releases, running
from opsagent_tools.supervisors.pm2.revive_seen import LastSeen
from opsagent_tools.supervisors.pm2.rotation import Sizes
from opsagent_tools.supervisors.pm2.units import truth
from opsagent_tools.units import UnitId

_LOOP_RESTARTS = 10
"""So many restarts …"""
_LOOP_PER_HOUR = 20.0
"""… at this rate since PM2 counts them, are a crash loop, however long each process lives."""
_FAR_ABOVE = 1.2
"""Memory above its limit by this factor: PM2 looks every 30 s, and restarts at the first look above it."""
_PARKED_S = 10.0
"""A reload that has not ended its old worker by then is stuck."""
_RELOAD_SETTLES_S = 30.0
_PIDS_SHOWN = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What the checks look at: one answer of the daemon, and where the rest is."""

    home: Path
    uid: int
    kind: str
    listed: Sequence[Mapping[str, Any]]
    """The answer to `getMonitorData`, as it came."""
    daemon: int | None
    """Pid of the daemon."""
    now: float
    """Seconds since the epoch."""
    seen: LastSeen = field(default_factory=LastSeen)
    sizes: Sizes = field(default_factory=Sizes)
    root: Path = Path("/")
    settled_s: float = _RELOAD_SETTLES_S

    @property
    def apps(self) -> list[App]:
        return [one["pm2_env"] for one in self.listed if isinstance(one.get("pm2_env"), Mapping)]

    def unit(self, name: str) -> UnitId:
        return UnitId.local(self.kind, name)

    def pm2(self, command: str) -> str:
        """Return a command of PM2's own for this home, as a person types it."""
        usual = self.home.name == ".pm2"
        return f"pm2 {command}" if usual else f"PM2_HOME={self.home} pm2 {command}"


def findings_of(look: Look) -> tuple[Finding, ...]:
    """Run all checks; the gravest first. It reads files and /proc, and blocks for some milliseconds."""
    found = [finding for check in _CHECKS for finding in check(look)]
    return tuple(sorted(found, key=lambda finding: _RANK[finding.severity]))


_RANK = {Severity.SERIOUS: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def _outlived(look: Look) -> Iterator[Finding]:
    """Processes of a daemon that is gone."""
    known = {unit_name(app) for app in look.apps}
    for one in survivors.find(look.home, look.uid, look.seen.noted).sure:
        twice = one.unit in known
        says = f"process {one.key.pid} of {one.unit} outlived the daemon that started it"
        yield Finding(
            check="pm2/outlived_daemon",
            unit=look.unit(one.unit),
            severity=Severity.SERIOUS,
            says=f"{says} and runs beside PM2's own" if twice else f"{says}; `pm2 resurrect` would start it twice",
            mend=f'opsagent do "start {look.kind}" (ends it and brings back what is missing)',
            facts={"pid": one.key.pid, "doubled": twice},
        )


def _loops(look: Look) -> Iterator[Finding]:
    """Restarts without end that PM2 never calls errored, because each process outlives `min_uptime`."""
    for unit, several in _kept_up(look.apps).items():
        worst = max(several, key=lambda app: _number(app, "restart_time"))
        restarts = _number(worst, "restart_time")
        since = _number(worst, "created_at") / 1000
        hours = max(look.now - since, 1.0) / 3600
        lives_s = look.now - _number(worst, "pm_uptime") / 1000
        if (
            restarts < _LOOP_RESTARTS
            or not since
            or restarts / hours < _LOOP_PER_HOUR
            or lives_s > 3600 / _LOOP_PER_HOUR
        ):
            continue
        uptime_ms = _number(worst, "min_uptime") or 1000
        yield Finding(
            check="pm2/crash_loop_unseen",
            unit=look.unit(unit),
            severity=Severity.SERIOUS,
            says=f"PM2 restarted {unit} {restarts:.0f} times in {_span(hours * 3600)} and calls it online: it gives up "
            f"only on processes that live shorter than {uptime_ms:.0f} ms",
            mend=f"opsagent logs {unit}; then set min_uptime and max_restarts above how long it lives",
            facts={"restarts": int(restarts), "per_hour": round(restarts / hours, 1)},
        )


def _memory(look: Look) -> Iterator[Finding]:
    for unit, several in _grouped(running(look.listed)).items():
        worst = max(several, key=lambda one: one.memory)
        limit = _number(worst.app, "max_memory_restart")
        if limit <= 0 or worst.memory < limit * _FAR_ABOVE:
            continue
        yield Finding(
            check="pm2/memory_over_limit",
            unit=look.unit(unit),
            severity=Severity.SERIOUS if worst.memory > 2 * limit else Severity.WARNING,
            says=f"{unit} (pid {worst.pid}) uses {megabytes(worst.memory)}, {worst.memory / limit:.1f} times its limit of "
            f"{megabytes(limit)}: PM2 looks only every 30 s, and a limit that is passed faster is none",
            mend=f'opsagent do "reload {unit}"; a lower PM2_WORKER_INTERVAL makes PM2 look more often',
            facts={"memory": worst.memory, "limit": int(limit), "pid": worst.pid},
        )


def _old_code(look: Look) -> Iterator[Finding]:
    every = running(look.listed)
    for mixed in mixed_releases(every, look.now, settled_s=look.settled_s):
        yield Finding(
            check="pm2/mixed_release",
            unit=look.unit(mixed.unit),
            severity=Severity.SERIOUS,
            says=f"{len(mixed.old)} of {len(mixed.old) + len(mixed.new)} processes of {mixed.unit} run code of before "
            f"{_time(mixed.changed_at)} (pid {_shown(mixed.old)}), the others what came then",
            mend=f'opsagent do "reload {mixed.unit} safely"',
            facts={"old": len(mixed.old), "new": len(mixed.new)},
        )
    for one in every:
        age_s = look.now - one.started
        if is_parked(one.app) and _replaced_since(look, one.app) > _PARKED_S:
            yield Finding(
                check="pm2/old_worker_stays",
                unit=look.unit(one.unit),
                severity=Severity.WARNING,
                says=f"process {one.pid} of {one.unit} was to be replaced {_span(_replaced_since(look, one.app))} ago and "
                f"still runs, {_span(age_s)} old; PM2 refuses another reload for as long",
                mend=f"kill {one.pid}; then a kill_timeout shorter than {_number(one.app, 'kill_timeout') / 1000:g} s",
                facts={"pid": one.pid},
            )


def _replaced_since(look: Look, parked: App) -> float:
    """Return how long ago the process that takes the place of `parked` was started; 0 where there is none yet."""
    number = str(parked.get("pm_id")).removeprefix("_old_")
    starts = [_number(app, "pm_uptime") / 1000 for app in look.apps if str(app.get("pm_id")) == number]
    return look.now - starts[0] if starts and starts[0] else 0.0


def _forgotten(look: Look) -> Iterator[Finding]:
    if look.daemon is None:
        return
    for one in forgotten(look.home, look.uid, look.daemon, look.listed, look.now):
        yield Finding(
            check="pm2/forgotten_worker",
            unit=look.unit(one.unit),
            severity=Severity.SERIOUS,
            says=f"process {one.pid} of {one.unit} runs below the daemon and is not in its list: it goes on with the code "
            f"of {_span(one.age_s)} ago, and no reload reaches it",
            mend=f"kill -INT {one.pid}",
            facts={"pid": one.pid, "age_s": round(one.age_s)},
        )


def _saved(look: Look) -> Iterator[Finding]:
    """What a reboot, or the end of the daemon, would lose."""
    apps = [app for app in look.apps if not is_module(app)]
    try:
        saved = read(look.home, look.uid)
    except DumpUnreadable as error:
        yield _save(look, Severity.SERIOUS, f"a reboot brings nothing back: {error}", {})
        return
    if not apps:
        return
    if saved is None:
        units = len(count(apps))
        yield _save(look, Severity.WARNING, f"nothing was ever saved: a reboot loses all {units} apps", {"lost": units})
        return
    found = drift(saved.apps, apps)
    if found:
        grave = found.lost or found.counts or found.left_down or found.returning or found.started
        yield _save(
            look,
            Severity.WARNING if grave else Severity.NOTE,
            f"the list that was saved at {_time(saved.at)} is not what runs: {found.words()}",
            {"lost": len(found.lost), "returning": len(found.returning), "changed": len(found.changed)},
        )


def _save(look: Look, severity: Severity, says: str, facts: Mapping[str, int]) -> Finding:
    mend = look.pm2("save")
    return Finding(check="pm2/save_out_of_date", unit=None, severity=severity, says=says, mend=mend, facts=facts)


def _boot(look: Look) -> Iterator[Finding]:
    apps = [app for app in look.apps if not is_module(app)]
    startup = startup_of(look.home, look.uid, root=look.root)
    if not apps or (startup is not None and startup.enabled):
        return
    if startup is not None:
        says, mend = f"{startup.name} would start PM2 at boot, but is not enabled", f"systemctl enable {startup.name}"
    else:
        says = f"nothing starts PM2 at boot: after one, its {len(count(apps))} apps are gone"
        mend = look.pm2("startup") + ", and run the line that it prints"
    yield Finding(check="pm2/no_startup", unit=None, severity=Severity.WARNING, says=says, mend=mend)


_Check = Callable[[Look], Iterator[Finding]]
_CHECKS: tuple[_Check, ...] = (
    _outlived, _forgotten, _loops, _memory, _old_code, _saved, _boot, findings_logs.check
)  # fmt: skip


def _kept_up(apps: Sequence[App]) -> dict[str, list[App]]:
    """Return the apps that PM2 runs or is about to, by unit; a process of a crash loop may be gone before it is looked at."""
    found: dict[str, list[App]] = {}
    for app in apps:
        if not is_module(app) and app.get("status") in {"online", "launching", "waiting restart"}:
            found.setdefault(unit_name(app), []).append(app)
    return found


def _grouped(processes: Sequence[Running]) -> dict[str, list[Running]]:
    found: dict[str, list[Running]] = {}
    for process in processes:
        found.setdefault(process.unit, []).append(process)
    return found


def _number(app: App, key: str) -> float:
    value = app.get(key)
    return float(value) if isinstance(value, int | float) and truth(value, default=False) else 0.0


def _shown(pids: Sequence[int]) -> str:
    return ", ".join(map(str, pids[:_PIDS_SHOWN])) + (" …" if len(pids) > _PIDS_SHOWN else "")


def _span(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}Z"
