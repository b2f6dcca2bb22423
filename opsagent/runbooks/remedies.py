"""The remedies that several runbooks share, made for one fault and one aim each."""

from __future__ import annotations

from pathlib import Path

from opsagent import planning
from opsagent.model import Cause, Step
from opsagent.releases.steps import rollback_steps
from opsagent.runbooks import down, stuck
from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Aim, Condition, Fit, Remedy


def start(fault: str, aim: Aim) -> Remedy:
    """Start a unit that ended and that nobody starts again."""
    return Remedy(
        name=f"{fault}/start",
        cause=Cause.KILLED,
        does="start it",
        aim=aim,
        condition=down.start,
        steps=lambda fit: planning.start_steps(fit.target.unit, fit.target.spec),
    )


def stop_orphan(fault: str, aim: Aim) -> Remedy:
    """End the left-over process that holds the unit's port, then have the unit run."""
    return Remedy(
        name=f"{fault}/stop_orphan",
        cause=Cause.ORPHAN,
        does="end the left-over process of its earlier life that holds its port, and start it",
        aim=aim,
        condition=down.stop_orphan,
        steps=lambda fit: (
            *planning.stop_orphan_steps(fit.target.unit, int(fit.args["pid"]), float(fit.args["started"])),
            *_have_it_run(fit),
        ),
        undo="cannot be undone: the process has no work of the unit's to do",
    )


def quarantine_lock(fault: str, aim: Aim, *, after: str = "") -> Remedy:
    """Move a stale lock file aside, then have the unit run."""
    return Remedy(
        name=f"{fault}/quarantine_lock",
        cause=Cause.STALE_LOCK,
        does="move the lock that a dead process left behind aside, and start it",
        aim=aim,
        condition=down.stale_lock,
        after=after,
        steps=lambda fit: (
            *planning.quarantine_steps(fit.target.unit, Path(str(fit.args["path"])), str(fit.args["sha256"])),
            *_have_it_run(fit),
        ),
        undo="the file is moved back",
    )


def rollback_config(fault: str, aim: Aim) -> Remedy:
    """Put the last known good configuration back, then have the unit run with it."""
    return Remedy(
        name=f"{fault}/rollback_config",
        cause=Cause.BAD_CONFIG,
        does="put its last known good configuration back, and start it",
        aim=aim,
        condition=down.changed_config,
        steps=lambda fit: (*_rollback(fit), *_have_it_run(fit)),
        undo="the changed file is put back",
    )


def rollback_and_restart(fault: str, aim: Aim) -> Remedy:
    """Put the last known good configuration back and restart what runs with the changed one."""
    return Remedy(
        name=f"{fault}/rollback_config",
        cause=Cause.BAD_CONFIG,
        does="put its last known good configuration back, and restart it",
        aim=aim,
        condition=stuck.changed_config,
        steps=lambda fit: (*_rollback(fit), *planning.rolling_reload_steps(fit.target.unit, fit.target.spec)),
        undo="the changed file is put back",
    )


def rollback(fault: str, aim: Aim) -> Remedy:
    """Put the release with which the unit was last well back, then have it run with that."""
    return Remedy(
        name=f"{fault}/rollback",
        cause=Cause.BAD_RELEASE,
        does="put its last good release back, and start it",
        aim=aim,
        condition=down.changed_release,
        steps=lambda fit: (*_release(fit), *_have_it_run(fit)),
        undo="the release that failed is put back",
    )


def rollback_release_and_restart(fault: str, aim: Aim) -> Remedy:
    """Put the release with which the unit was last well back, and restart what runs with the other one."""
    return Remedy(
        name=f"{fault}/rollback",
        cause=Cause.BAD_RELEASE,
        does="put its last good release back, and restart it",
        aim=aim,
        condition=stuck.changed_release,
        steps=lambda fit: (*_release(fit), *planning.restart_steps(fit.target.unit, fit.target.spec)),
        undo="the release that failed is put back",
    )


def go_on(fault: str, aim: Aim) -> Remedy:
    """Let processes in state T go on."""
    return Remedy(
        name=f"{fault}/continue",
        cause=Cause.STOPPED_BY_SIGNAL,
        does="let its stopped processes go on (SIGCONT)",
        aim=aim,
        condition=stuck.stopped_by_signal,
        steps=lambda fit: planning.continue_steps(fit.target.unit),
    )


def rolling_reload(fault: str, aim: Aim) -> Remedy:
    """Replace the instances one by one, where they can stand side by side."""
    return Remedy(
        name=f"{fault}/rolling_reload",
        does="replace its instances one at a time",
        aim=aim,
        condition=_stuck_and(several=True),
        steps=lambda fit: planning.rolling_reload_steps(fit.target.unit, fit.target.spec),
    )


def restart(fault: str, aim: Aim) -> Remedy:
    """Restart a unit that lives and does not answer."""
    return Remedy(
        name=f"{fault}/restart",
        does="restart it",
        aim=aim,
        condition=_stuck_and(several=False),
        steps=lambda fit: planning.restart_steps(fit.target.unit, fit.target.spec),
    )


def _stuck_and(*, several: bool) -> Condition:
    def condition(findings: Findings, target: Target) -> Fit | Against:
        if planning.can_surge(target.unit) is not several:
            return Against("its instances can be replaced one at a time" if not several else "one instance, own port")
        return stuck.stuck(findings, target)

    return condition


def _rollback(fit: Fit) -> tuple[Step, ...]:
    path, good, current = Path(str(fit.args["path"])), str(fit.args["good"]), str(fit.args["current"])
    return planning.rollback_config_steps(fit.target.unit, path, good, current)


def _release(fit: Fit) -> tuple[Step, ...]:
    release, replaces, label = (str(fit.args[name]) for name in ("release", "replaces", "label"))
    return rollback_steps(fit.target.unit.id, release=release, replaces=replaces, label=label)


def _have_it_run(fit: Fit) -> tuple[Step, ...]:
    """Start what is missing of it now: a supervisor that keeps trying may wait long before its next try."""
    return planning.start_steps(fit.target.unit, fit.target.spec)
