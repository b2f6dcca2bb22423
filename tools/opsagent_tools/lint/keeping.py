"""What a service would lose with time, or with a reboot: logs that only grow, a place in the boot, its own file's changes."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.lint.subject import LogSeen, Subject, finding
from opsagent_tools.units import UnitState

_MB = 1 << 20
_WORTH_SAYING = 50 * _MB
_HUGE = 1024 * _MB
_OF_FREE = 0.5
"""A log that is larger than this share of what is free is serious, whatever its size."""


def keeping_findings(subject: Subject) -> Iterator[Finding]:
    """Judge what is kept of one service."""
    yield from _logs(subject)
    yield from _boot(subject)
    yield from _watching(subject)


def _logs(subject: Subject) -> Iterator[Finding]:
    for log in subject.logs:
        if log.rotated_by or log.size < _WORTH_SAYING:
            continue
        yield finding(
            subject,
            "logs/unrotated",
            Severity.SERIOUS if log.size >= _HUGE or _fills_disk(log) else Severity.WARNING,
            f"{log.path} has {log.size / _MB:.0f} MiB and nothing rotates it",
            f"opsagent logs {subject.unit.name} --rotate, or [logs] in config.toml (docs/log-rotation.md)",
            "certain",
            facts={"size": log.size},
        )


def _fills_disk(log: LogSeen) -> bool:
    try:
        return log.size > _OF_FREE * shutil.disk_usage(Path(log.path).parent).free
    except OSError:
        return False


def _boot(subject: Subject) -> Iterator[Finding]:
    if subject.setup.at_boot is not False or subject.unit.state is not UnitState.RUNNING:
        return
    mends = {
        "pm2": "pm2 save (and pm2 startup, where that was never done)",
        "supervisord": "autostart=true in its section, and supervisord enabled at boot",
        "systemd": f"systemctl enable {subject.unit.name}",
        "circus": "opsagent startup",
    }
    yield finding(
        subject,
        "boot/not_at_boot",
        Severity.WARNING,
        "it runs now, and nothing starts it after a reboot",
        mends.get(subject.family, "have its supervisor start it at boot"),
        "certain",
    )


def _watching(subject: Subject) -> Iterator[Finding]:
    if not subject.setup.watches:
        return
    yield finding(
        subject,
        "reload/watches_files",
        Severity.NOTE,
        "its supervisor restarts it whenever a file changes: a deploy that copies files restarts it in the middle, on half a "
        "release",
        "watch only where you develop; reload it once the release is complete",
        "certain",
    )
