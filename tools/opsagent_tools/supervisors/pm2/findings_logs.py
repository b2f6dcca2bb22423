"""Logs that nothing rotates, or that two things rotate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.supervisors.pm2.daemon_log import megabytes
from opsagent_tools.supervisors.pm2.dump import App, is_module, unit_name
from opsagent_tools.supervisors.pm2.rotation import MODULE, LogFile, Rotator, log_paths, rotators

if TYPE_CHECKING:
    from opsagent_tools.supervisors.pm2.findings import Look

_MB = 1024 * 1024
_WORTH_SAYING = 10 * _MB
_LARGE = 100 * _MB
_HUGE = 1024 * _MB
_SOON_S = 24 * 3600.0
"""A disk that is full within this time is no question of tidiness."""
_STEADY_BPS = 1000.0
"""Slower growth than this fills no disk that matters."""


def check(look: Look) -> Iterator[Finding]:
    """Say which units' logs only grow, how fast, and when the disk is full."""
    apps = [app for app in look.apps if not is_module(app)]
    paths = {unit: _paths(several) for unit, several in _by_unit(apps).items()}
    every = [path for several in paths.values() for path in several]
    present = rotators(look.home, look.uid, look.apps, every, root=look.root)
    running = [one for one in present if one.runs]
    if len(running) > 1:
        yield _doubled(look, running)
    if running:
        return
    sizes = {log.path: log for log in look.sizes.look(every, look.uid, look.now)}
    for unit, several in paths.items():
        logs = [sizes[path] for path in several if path in sizes]
        finding = _unrotated(look, unit, logs, present) if logs else None
        if finding is not None:
            yield finding


def _unrotated(look: Look, unit: str, logs: Sequence[LogFile], present: Sequence[Rotator]) -> Finding | None:
    size = sum(log.size for log in logs)
    growth = sum(log.grows_bps or 0.0 for log in logs)
    full_s = _full_in(logs[0].path, growth)
    if size < _WORTH_SAYING and full_s > _SOON_S:
        return None
    severity = Severity.NOTE if size < _LARGE else Severity.WARNING
    if full_s <= _SOON_S or size >= _HUGE:
        severity = Severity.SERIOUS
    says = f"logs of {unit} are {megabytes(size)} and nothing rotates them"
    if growth >= _STEADY_BPS:
        says += f"; they grow by {megabytes(growth * 3600)} an hour"
        says += f", so the disk is full in {full_s / 3600:.1f} h" if full_s <= 30 * _SOON_S else ""
    stopped = next((one for one in present if not one.runs), None)
    if stopped is not None:
        says += f" ({stopped.name} is installed and does not run)"
    mend = look.pm2(f"restart {MODULE}") if stopped is not None else look.pm2(f"install {MODULE}")
    facts: Mapping[str, int] = {"size": size, "grows_per_hour": round(growth * 3600), "files": len(logs)}
    return Finding(
        check="pm2/logs_unrotated", unit=look.unit(unit), severity=severity, says=says, mend=mend, facts=facts
    )


def _doubled(look: Look, running: Sequence[Rotator]) -> Finding:
    said = " and ".join(f"{one.name} ({one.says})" for one in running)
    return Finding(
        check="pm2/logs_rotated_twice",
        unit=None,
        severity=Severity.WARNING,
        says=f"{said} rotate the same logs: each moves what the other just made",
        mend=f"{look.pm2(f'uninstall {MODULE}')}, or take the rule out of logrotate",
    )


def _full_in(path: Path, growth: float) -> float:
    """Return in how many seconds the disk is full; infinity where it is not known, or never."""
    if growth < _STEADY_BPS:
        return float("inf")
    try:
        return shutil.disk_usage(path.parent).free / growth
    except OSError:
        return float("inf")


def _by_unit(apps: Sequence[App]) -> dict[str, list[App]]:
    found: dict[str, list[App]] = {}
    for app in apps:
        found.setdefault(unit_name(app), []).append(app)
    return found


def _paths(apps: Sequence[App]) -> list[Path]:
    return list(dict.fromkeys(path for app in apps for path in log_paths(app)))
