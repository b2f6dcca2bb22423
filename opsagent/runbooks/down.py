"""Conditions for bringing up what is down: start, stop an orphan, put a stale lock aside, roll a configuration back."""

from __future__ import annotations

from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent_tools.units import Unit, UnitState

_KILLED_FROM_OUTSIDE = frozenset({-9, -15, 137, 143})
"""Nobody's configuration or lock makes a process die like this (128 + n is how a shell passes signal n on)."""
_BOOT_S = 15.0
"""A process that lived no longer than this died while it started."""
_FLAPPING_DEATHS = 3
_SAME_TIME_S = 0.5
"""A death may be noticed this much after its successor was started."""
_EDIT_SLACK_S = 1.0
"""File times and the clock differ by less; a death may be seen this much before the edit that caused it is."""
_MINE = frozenset({"free", "own", "engine"})


def start(findings: Findings, target: Target) -> Fit | Against:
    """The unit ended by itself, nobody will start it, and nothing is known that would stop it from running.

    So it is where only some of its instances ended: the others go on.
    """
    unit = target.unit
    some = some_are_missing(findings, target)
    state = findings.of("unit_state", unit.id) if some else down_for_good(findings, target)
    if isinstance(state, Against):
        return state
    why = not_ours(state, unit) or no_service(findings, target, state) or flapping(findings, unit)
    why = why or taken_port(findings, unit)
    if why:
        return Against(why)
    who = f"one of the {state.number('instances'):.0f} instances of {unit.name}" if some else unit.name
    return Fit(target=target, why=f"{who} {how_it_ended(state)} and its supervisor will not start it again")


def some_are_missing(findings: Findings, target: Target) -> bool:
    """Tell whether the unit runs with fewer instances than wanted, and its supervisor will not start the others."""
    state = findings.of("unit_state", target.unit.id)
    return state.words("state") == UnitState.RUNNING and state.flag("short") and not target.unit.autorestart


def down_for_good(findings: Findings, target: Target) -> Facts | Against:
    """Return the state of a unit that its supervisor has given up, or why it is no such one."""
    state = findings.of("unit_state", target.unit.id)
    why = not_ours(state, target.unit)
    if why:
        return Against(why)
    if state.words("state") == UnitState.STOPPED:
        return Against(f"{target.unit.name} was stopped on purpose")
    if state.words("state") != UnitState.EXITED:
        return Against(f"{target.unit.name} is {state.words('state')}: its supervisor still runs it")
    return state


def not_ours(state: Facts, unit: Unit) -> str:
    """Return why the unit must not be touched whatever happens to it, or nothing."""
    if not state.answered:
        return f"the supervisor does not tell about {unit.name}"
    if state.flag("foreign"):
        return f"processes of {unit.name} belong to another user ({state.words('owner')})"
    return ""


def no_service(findings: Findings, target: Target, state: Facts) -> str:
    """Return why the unit may be a job that is over rather than a service that is down. Running a job twice may harm."""
    unit, spec = target.unit, target.spec
    asked_for = unit.ports or (spec is not None and (spec.health is not None or spec.port is not None))
    needed = findings.case.downstream or findings.case.incident.affected or unit.id != findings.case.incident.unit
    if asked_for or needed:
        return ""
    code = int(state.number("last_exit"))
    if state.has("last_exit") and (code < 0 or code > 128):
        return ""
    return f"{unit.name} {how_it_ended(state)}, serves no port and nothing depends on it: it may be a job that is over"


def flapping(findings: Findings, unit: Unit) -> str:
    """Return why one more start would not help, or nothing."""
    lives = findings.lives(unit.id)
    # several instances that end side by side died once
    again = [life for life in lives[1:] if life.born >= lives[0].died - _SAME_TIME_S]
    if len(again) < _FLAPPING_DEATHS - 1 or lives[-1].lasted_s > _BOOT_S:
        return ""
    return f"{unit.name} died {len(lives)} times, the last time after {lives[-1].lasted_s:.1f} s: starting is not what it lacks"


def taken_port(findings: Findings, unit: Unit) -> str:
    """Return who else holds the unit's port, or nothing."""
    if not unit.ports:
        return ""
    holder = findings.of("port_holder", unit.id)
    if not holder.answered:
        return f"it is not known who listens on the port of {unit.name}"
    return "" if holder.words("relation") in _MINE else holder.words("said")


def stop_orphan(findings: Findings, target: Target) -> Fit | Against:
    """A process of the unit's own earlier life holds its port, and no supervisor knows it any more."""
    unit = target.unit
    if not unit.ports:
        return Against(f"{unit.name} has no port that could be taken")
    state = findings.of("unit_state", unit.id)
    why = not_ours(state, unit)
    if why:
        return Against(why)
    holder = findings.of("port_holder", unit.id)
    if holder.words("relation") != "orphan" or not holder.answered:
        return Against(holder.words("said") or f"no orphan holds the port of {unit.name}")
    if state.words("state") == UnitState.STOPPED:
        return Against(f"{unit.name} was stopped on purpose")
    return Fit(
        target=target,
        why=holder.words("said"),
        args={
            "pid": int(holder.number("pid")),
            "started": holder.number("started"),
        },
    )


def stale_lock(findings: Findings, target: Target) -> Fit | Against:
    """A lock is in the way whose holder is dead: the unit dies at its start beside it, or died holding it."""
    unit = target.unit
    state = dies_at_start(findings, target)
    died_holding_it = isinstance(state, Against)
    if isinstance(state, Against):
        state = down_for_good(findings, target)
    if isinstance(state, Against):
        return state
    why = taken_port(findings, unit)
    if why:
        return Against(why)
    lock = findings.of("stale_lock", unit.id)
    if not lock.flag("found"):
        return Against(lock.words("said") or "no stale lock")
    if lock.flag("by_last_run") is not died_holding_it:
        return Against(
            f"{lock.words('said')}; it is not known to keep {unit.name} from starting"
            if died_holding_it
            else f"{lock.words('said')}, the one that failed: it did not find the lock there"
        )
    why = _something_changed(findings, target) if not lock.flag("named") else ""
    if why:
        return Against(f"{lock.words('said')}; {why}, and that is likelier")
    return Fit(
        target=target,
        why=f"{lock.words('said')}, and {unit.name} may not start beside it",
        args={
            "path": lock.words("path"),
            "sha256": lock.words("sha256"),
        },
    )


def _something_changed(findings: Findings, target: Target) -> str:
    """Return what else explains that it dies at its start, where nobody complains of a lock; or nothing."""
    findings.want(("config_changed", target.unit.id), ("release_changed", target.unit.id))
    for probe in ("config_changed", "release_changed"):
        change = findings.of(probe, target.unit.id)
        if change.answered and change.flag("changed"):
            return change.words("said")
    return ""


def changed_config(findings: Findings, target: Target) -> Fit | Against:
    """The unit dies at its start since one of its configuration files changed."""
    unit, spec = target.unit, target.spec
    if spec is None or not spec.config_files:
        return Against(f"{unit.name} names no configuration files")
    state = dies_at_start(findings, target)
    if isinstance(state, Against):
        return state
    change = one_change(findings, target)
    if isinstance(change, Against):
        return change
    lives = findings.lives(unit.id)
    never_read = lives and lives[-1].born < change.number("changed_at") - _EDIT_SLACK_S
    if never_read and not findings.tried_any("/start", unit.id, in_vain=True):
        return Against(f"{change.words('said')}, but what died had been started before that")
    return Fit(
        target=target,
        why=change.words("said"),
        args=change_args(change),
    )


def dies_at_start(findings: Findings, target: Target) -> Facts | Against:
    """Return the state of a unit that dies by itself while it starts, or why it is no such one."""
    unit = target.unit
    state = findings.of("unit_state", unit.id)
    why = not_ours(state, unit) or taken_port(findings, unit)
    if why:
        return Against(why)
    if state.words("state") == UnitState.STOPPED:
        return Against(f"{unit.name} was stopped on purpose")
    if findings.tried_any("/start", unit.id, in_vain=True):
        return state
    if state.has("last_exit") and int(state.number("last_exit")) in _KILLED_FROM_OUTSIDE:
        return Against(f"{unit.name} was killed from outside ({how_it_ended(state)}); it did not fail by itself")
    lives = findings.lives(unit.id)
    if lives and lives[-1].lasted_s <= _BOOT_S:
        return state
    return Against(f"{unit.name} is not known to die while it starts")


def one_change(findings: Findings, target: Target) -> Facts | Against:
    """Return the one configuration change since the unit was last well, or why there is not exactly one."""
    change = findings.of("config_changed", target.unit.id)
    if not change.answered or not change.flag("changed"):
        return Against(change.words("said") or f"the configuration of {target.unit.name} is the last known good one")
    if change.has("1_path"):
        return Against(f"{change.words('said')}; that is weighed file by file (`opsagent.runbooks.configuration`)")
    if not change.flag("restorable"):
        return Against(change.words("said"))
    if change.number("changed_at") > findings.case.incident.began_at.timestamp() + _EDIT_SLACK_S:
        return Against(f"{change.words('said')}, after the trouble began: somebody is at work on it")
    return change


def change_args(change: Facts) -> dict[str, str]:
    """Return what the steps of a rollback need."""
    return {"path": change.words("path"), "good": change.words("good"), "current": change.words("current")}


def how_it_ended(state: Facts) -> str:
    """Say how the last process of the unit ended."""
    if not state.has("last_exit"):
        return "ended"
    code = int(state.number("last_exit"))
    if code < 0:
        return f"was killed by signal {-code}"
    return f"exited with code {code}"


def changed_release(findings: Findings, target: Target) -> Fit | Against:
    """The unit dies at its start since its release changed, and the one that was good can be put back."""
    state = dies_at_start(findings, target)
    return state if isinstance(state, Against) else one_release(findings, target)


def one_release(findings: Findings, target: Target) -> Fit | Against:
    """The unit's release is another than the one with which it was last well, changed before the trouble began."""
    unit = target.unit
    change = findings.of("release_changed", unit.id)
    if not change.answered or not change.flag("changed"):
        return Against(change.words("said") or f"no other release of {unit.name} is known")
    if not change.flag("restorable"):
        return Against(change.words("said"))
    if change.flag("only_config"):
        return Against(f"{change.words('said')}: only its configuration is another, which is weighed by itself")
    if change.flag("dependencies"):
        return Against(f"{change.words('said')}; its dependencies changed with it, which are not kept")
    if change.number("changed_at") > findings.case.incident.began_at.timestamp() + _EDIT_SLACK_S:
        return Against(f"{change.words('said')}, after the trouble began: somebody is at work on it")
    args = {"release": change.words("after"), "replaces": change.words("before"), "label": change.words("label")}
    return Fit(target=target, why=change.words("said"), args=args)
