"""What would hurt at the next crash, load or reboot, and systemd tells only who asks. Looks only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.supervisors.systemd import boot, reading
from opsagent_tools.supervisors.systemd.endpoint import Scope
from opsagent_tools.supervisors.systemd.polkit import user_name
from opsagent_tools.supervisors.systemd.setup import at_boot
from opsagent_tools.supervisors.systemd.whose import file_of, name_of, order_of
from opsagent_tools.units import Unit, UnitId, UnitState

_SHARE = 0.8
"""Of a limit, from which on it is told."""
_LOOP = 5
"""Restarts without a pause from which on it is a loop."""
_UNSET = 2**64 - 1


def findings_of(
    scope: Scope, units: Iterable[Unit], properties: Mapping[str, Mapping[str, Any]]
) -> tuple[Finding, ...]:
    """Return everything that was found; `properties`: of each unit file."""
    found = list(_user(scope, properties))
    ids = {unit.name: unit for unit in units}
    seen: set[str] = set()
    for file, one in sorted(properties.items(), key=lambda item: order_of(item[0])):
        unit = ids.get(name_of(file))
        if unit is None:
            continue
        for check in (_failed, _loops, _boot, _descriptors, _limits):
            found += check(scope, unit, file, one)
        if unit.name not in seen:  # what stands in a template is told once, not of each instance
            seen.add(unit.name)
            for check in (_restart, _gives_up, _stale, _orphans):
                found += check(scope, unit, file_of(unit.name), one)
    return tuple(found)


def _user(scope: Scope, properties: Mapping[str, Mapping[str, Any]]) -> Iterator[Finding]:
    if scope == "user" and properties and not boot.lingers():
        user = user_name()
        yield _finding(
            "no_linger",
            None,
            Severity.WARNING,
            f"services of {user} end with the last session and do not start at boot",
            f"loginctl enable-linger {user}",
        )


def _failed(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    if one.get("ActiveState") == "failed":
        yield _finding(
            "failed",
            unit.id,
            Severity.SERIOUS,
            f"{file} has failed: {reading.explain(one)}",
            f"mend the cause (journalctl {_flag(scope)}-u {file}), then systemctl {_flag(scope)}restart {file}",
            result=str(one.get("Result", "")),
            status=int(one.get("ExecMainStatus", 0)),
        )


def _loops(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    waits = one.get("ActiveState") == "activating" and one.get("SubState") == "auto-restart"
    restarts = int(one.get("NRestarts", 0))
    if waits and restarts >= _LOOP:
        yield _finding(
            "crash_loop",
            unit.id,
            Severity.SERIOUS,
            f"systemd has restarted {file} {restarts} times and goes on: {reading.explain(one)}",
            f"journalctl {_flag(scope)}-u {file} tells why",
            restarts=restarts,
        )


def _boot(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    state, comes_back = str(one.get("UnitFileState", "")), at_boot(one)
    up = unit.state in {UnitState.RUNNING, UnitState.STARTING} and one.get("ActiveState") == "active"
    if up and one.get("Transient"):
        yield _finding(
            "transient",
            unit.id,
            Severity.WARNING,
            f"{file} was started by systemd-run and has no unit file: a reboot loses it",
            f"write a unit file for it, then systemctl {_flag(scope)}enable {file}",
        )
    elif up and not comes_back and not reading.is_pulled_in(one):
        install = "" if comes_back is False else "give it an [Install] section (WantedBy=multi-user.target), then "
        yield _finding(
            "not_enabled",
            unit.id,
            Severity.WARNING,
            f"{file} runs and is not enabled ({state}), and nothing else starts it: a reboot does not bring it back",
            f"{install}systemctl {_flag(scope)}enable {file}",
        )
    elif comes_back and unit.state is UnitState.STOPPED:
        yield _finding(
            "stop_forgotten",
            unit.id,
            Severity.NOTE,
            f"{file} was stopped, and starts again at boot (it is enabled)",
            f"systemctl {_flag(scope)}disable {file}, if it is to stay stopped",
        )


def _restart(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    policy = str(one.get("Restart", "no"))
    if policy not in {"always", "on-failure", "on-abnormal"}:
        yield _finding(
            "no_restart",
            unit.id,
            Severity.WARNING,
            f"after a crash {file} stays down (Restart={policy})",
            f"systemctl {_flag(scope)}edit {file}: [Service] Restart=on-failure",
            restart=policy,
        )


def _gives_up(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    """Tell of a StartLimit that no crash loop ever reaches, or that a short outage of something else does."""
    burst, pause = int(one.get("StartLimitBurst", 0)), reading.seconds(one.get("RestartUSec"))
    interval = reading.seconds(one.get("StartLimitIntervalUSec")) or 0.0
    if not reading.starts_again(one) or pause is None:
        return
    facts = {"burst": burst, "interval_s": interval, "restart_s": pause}
    if not burst or interval <= 0 or pause * burst >= interval:
        yield _finding(
            "never_gives_up",
            unit.id,
            Severity.NOTE,
            f"{file} is restarted for ever, {pause:g} s after each crash: its StartLimit is never reached",
            f"StartLimitIntervalSec= above {pause * max(burst, 5):g} s in [Unit], if it is to fail some time",
            **facts,
        )
    elif pause < 1 and burst <= 10:
        yield _finding(
            "gives_up_early",
            unit.id,
            Severity.NOTE,
            f"after {burst} crashes within {interval:g} s systemd gives up on {file} for good, and it waits only "
            f"{pause:g} s between them: what it needs may be away for longer",
            f"systemctl {_flag(scope)}edit {file}: [Service] RestartSec=2, [Unit] StartLimitIntervalSec=300",
            **facts,
        )


def _stale(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    if one.get("NeedDaemonReload"):
        yield _finding(
            "unit_file_changed",
            unit.id,
            Severity.WARNING,
            f"the unit file of {file} was changed, and systemd still has the old one",
            f"systemctl {_flag(scope)}daemon-reload",
        )


def _orphans(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    mode = str(one.get("KillMode", "control-group"))
    if mode in {"process", "none"}:
        yield _finding(
            "leaves_processes",
            unit.id,
            Severity.WARNING,
            f"a stop of {file} leaves its other processes running, with their ports (KillMode={mode})",
            f"systemctl {_flag(scope)}edit {file}: [Service] KillMode=mixed",
            kill_mode=mode,
        )


def _descriptors(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    pid, limit = reading.pid_of(one), reading.limit(one.get("LimitNOFILESoft"))
    used = _open_files(pid) if pid else None
    if limit and used is not None and used >= limit * _SHARE:
        yield _finding(
            "files_limit",
            unit.id,
            Severity.SERIOUS,
            f"{file} has {used} files open and may have {limit}",
            f"systemctl {_flag(scope)}edit {file}: [Service] LimitNOFILE={max(limit * 4, 4096)}; or find its leak",
            used=used,
            limit=limit,
        )


def _limits(scope: Scope, unit: Unit, file: str, one: reading.Properties) -> Iterator[Finding]:
    for what, now, most in (("memory", "MemoryCurrent", "MemoryMax"), ("tasks", "TasksCurrent", "TasksMax")):
        used, limit = one.get(now), reading.limit(one.get(most))
        if limit and isinstance(used, int) and used != _UNSET and used >= limit * _SHARE:
            yield _finding(
                f"{what}_limit",
                unit.id,
                Severity.SERIOUS,
                f"{file} is near its limit of {what}: {used} of {limit} ({most})",
                f"systemctl {_flag(scope)}edit {file}: [Service] {most}=…; or find what it grows by",
                used=used,
                limit=limit,
            )


def _finding(
    check: str, unit: UnitId | None, severity: Severity, says: str, mend: str, **facts: str | float
) -> Finding:
    return Finding(check=f"systemd/{check}", unit=unit, severity=severity, says=says, mend=mend, facts=facts)


def _flag(scope: Scope) -> str:
    return "--user " if scope == "user" else ""


def _open_files(pid: int) -> int | None:
    try:
        return sum(1 for _ in Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return None
