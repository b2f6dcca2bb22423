"""Conditions for waking up what is alive and does not answer: let it go on, replace it, roll its configuration back.

Whether a process that does not answer is stuck, waits for somebody else, or has too much to do is told by the kernel:
its state letters, what its processor time goes into, what its connections wait for. Restarting helps the first only.
"""

from __future__ import annotations

from opsagent.runbooks.case import Target
from opsagent.runbooks.down import change_args, not_ours, one_change, one_release, taken_port
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent_tools.units import UnitState

_NEARLY_ALL = 0.95
_FLOOD_S, _GIVEN_UP, _HOARD, _GROWN = 8.0, 5, 3, 2
_MOMENT_S = 1.0
_SHUT_S = 12.0
SLOW_START_S = 20.0
"""Nothing is done about what has not answered yet for so long after its start, whatever its grace."""
_LONG_START_S = 120.0
"""What has never been seen well may still be starting for so long."""
_CHANGE_TO_TROUBLE_S = 600.0
"""A configuration change explains trouble that began at most this much later."""


def stopped_by_signal(findings: Findings, target: Target) -> Fit | Against:
    """The kernel has processes of the unit in state T, and no debugger holds them."""
    unit = target.unit
    state = findings.of("unit_state", unit.id)
    why = not_ours(state, unit)
    if why:
        return Against(why)
    if state.words("state") == UnitState.STOPPED:
        return Against(f"{unit.name} was stopped on purpose")
    process = findings.of("process_state", unit.id)
    if process.flag("debugged"):
        return Against(f"a debugger is attached to {unit.name}: somebody looks at it")
    if not process.number("stopped"):
        return Against(f"no process of {unit.name} is stopped by a signal")
    return Fit(target=target, why=f"{process.words('stopped_pids')} of {unit.name} is stopped by a signal (state T)")


def stuck(findings: Findings, target: Target) -> Fit | Against:
    """The unit's own probe fails now, its process lives, and nothing else explains that it does not answer."""
    unit = target.unit
    state = up_but_unwell(findings, target)
    if isinstance(state, Against):
        return state
    findings.want(("process_state", unit.id), ("connections", unit.id), ("port_holder", unit.id))
    process, health = findings.of("process_state", unit.id), findings.of("health_now", unit.id)
    why = not_its_own_fault(findings, target, process) or taken_port(findings, unit)
    if why:
        return Against(why)
    exhausted = out_of_something(process)
    if exhausted:
        return Fit(target=target, why=f"{unit.name} does not serve: {exhausted}")
    if never_well(findings, target):
        return Against(
            f"{unit.name} has not been well since it was started: starting it once more would end the same way"
        )
    if health.words("reason") not in {"timeout", "refused"}:
        return Against(
            f"{unit.name} answers its probe quickly, with a failure ({health.words('said')}): "
            "it is alive, and nothing shows that a new process would do better"
        )
    if shut_s(findings, target) > 0:
        return Against(f"{unit.name} has shut its door a short while ago and lives on: it may open it again")
    how = "spins without a system call" if process.flag("spinning") else "is idle"
    return Fit(target=target, why=f"{unit.name} lives, {how}, and does not answer ({health.words('said')})")


def shut_s(findings: Findings, target: Target) -> float:
    """Return for how many seconds yet a unit that lives and listens no more is left alone; 0: it is not so, or for long.

    Who closes its own port is not hung: it may be at work on its data, or read its configuration anew.
    """
    health = findings.of("health_now", target.unit.id)
    if not health.answered or health.flag("ok") or health.words("reason") != "refused":
        return 0.0
    return max(0.0, _SHUT_S - health.number("failing_s"))


def never_well(findings: Findings, target: Target) -> bool:
    """Tell whether the unit's probe has not succeeded since it was started, as far as anybody has asked.

    Failures within its grace are not counted, and whoever has watched for less time than it runs may have come in the
    middle of its start.
    """
    unit = target.unit.id
    health, age_s = findings.of("health_now", unit), findings.of("unit_state", unit).number("age_s")
    if health.has("last_ok_s"):
        return health.number("last_ok_s") >= age_s
    return health.number("failing_s") + _MOMENT_S >= age_s or age_s < _LONG_START_S


def may_be_starting(findings: Findings, target: Target) -> bool:
    """Tell whether the unit was started a short while ago and does not answer yet."""
    unit, spec = target.unit.id, target.spec
    health, age_s = findings.of("health_now", unit), findings.of("unit_state", unit).number("age_s")
    grace_s = spec.health.grace_s if spec is not None and spec.health is not None else 0.0
    silent = health.words("reason") in {"timeout", "refused"}
    return silent and age_s < max(grace_s, SLOW_START_S) and never_well(findings, target)


def up_but_unwell(findings: Findings, target: Target) -> Facts | Against:
    """Return the state of a unit that runs, has had time to start, and fails its probe now."""
    unit, spec = target.unit, target.spec
    if spec is None or spec.health is None:
        return Against(f"{unit.name} has no health probe that could tell")
    findings.want(("unit_state", unit.id), ("health_now", unit.id))
    state, health = findings.of("unit_state", unit.id), findings.of("health_now", unit.id)
    why = not_ours(state, unit)
    if why:
        return Against(why)
    if state.words("state") != UnitState.RUNNING:
        return Against(f"{unit.name} is {state.words('state')}")
    if not health.answered or not health.flag("configured"):
        return Against(f"the health of {unit.name} could not be asked")
    if health.flag("ok"):
        return Against(f"{unit.name} answers its probe now")
    if state.number("age_s") < spec.health.grace_s:
        return Against(f"{unit.name} started {state.number('age_s'):.0f} s ago: it is within its grace period")
    return state


def not_its_own_fault(findings: Findings, target: Target, process: Facts) -> str:
    """Return what else than the process itself explains that it does not answer, or nothing."""
    name = target.unit.name
    if not process.answered:
        return f"the kernel does not tell how the processes of {name} are"
    if process.flag("debugged"):
        return f"a debugger is attached to {name}: somebody looks at it"
    if process.number("stopped") and not findings.tried_any("/continue", target.unit.id):
        return f"{name} is stopped by a signal: it only needs to go on"
    if process.number("uninterruptible"):
        return f"{name} waits in the kernel (state D), mostly for a disk or a network file system: no signal reaches it"
    if process.flag("starved"):
        return f"{name} wants to run and gets no processor ({process.words('said')}): the machine is overloaded, not {name}"
    if process.flag("busy"):
        return (
            f"{name} works all the time and gets on ({process.words('said')}): it has too much to do, it does not hang"
        )
    clients = what_its_clients_do(findings, target)
    if clients:
        return clients
    waits = findings.of("connections", target.unit.id)
    if not waits.answered:
        return f"it is not known what {name} waits for"
    return waits.words("said") if waits.flag("waiting") else ""


def what_its_clients_do(findings: Findings, target: Target) -> str:
    """Return how its clients keep it from serving, as far as that was looked at, or nothing: it is full, not broken."""
    for unit in (target.unit.id, findings.case.incident.unit):
        found = findings.known("clients", unit)
        if found is None or not found.answered or found.words("server") != str(target.unit.id):
            continue
        floods = found.number("flooder_s") >= _FLOOD_S and found.number("given_up") >= _GIVEN_UP
        floods = floods and not found.flag("jammed")
        hoards = found.number("holder_held") >= _HOARD and found.number("holder_grown") >= _GROWN
        if floods or (hoards and found.number("holder_idle_s") >= _HOARD):
            return f"{found.words('said')}: {target.unit.name} is full, not broken"
    return ""


def out_of_something(process: Facts) -> str:
    """Return what the process has used up, or nothing."""
    if process.number("fds_share") >= _NEARLY_ALL:
        return f"{process.number('fds'):.0f} of {process.number('fds_limit'):.0f} file descriptors are open"
    return ""


def changed_config(findings: Findings, target: Target) -> Fit | Against:
    """The unit is unwell since it was started with a changed configuration."""
    unit, spec = target.unit, target.spec
    if spec is None or not spec.config_files:
        return Against(f"{unit.name} names no configuration files")
    state = up_but_unwell(findings, target)
    if isinstance(state, Against):
        return state
    if may_be_starting(findings, target):
        return Against(f"{unit.name} started {state.number('age_s'):.0f} s ago and may not be done with it")
    change = one_change(findings, target)
    if isinstance(change, Against):
        return change
    changed_at, began = change.number("changed_at"), findings.case.incident.began_at.timestamp()
    started_at = findings.case.now.timestamp() - state.number("age_s")
    if not changed_at <= began + 1.0 <= changed_at + _CHANGE_TO_TROUBLE_S:
        return Against(f"{change.words('said')}, which is not when the trouble began")
    if started_at < changed_at - 1.0:
        return Against(f"{change.words('said')}, but {unit.name} has not been started since")
    return Fit(target=target, why=change.words("said"), args=change_args(change))


def changed_release(findings: Findings, target: Target) -> Fit | Against:
    """The unit has not been well since it was started with another release."""
    unit = target.unit
    state = up_but_unwell(findings, target)
    if isinstance(state, Against):
        return state
    if may_be_starting(findings, target):
        return Against(f"{unit.name} started {state.number('age_s'):.0f} s ago and may not be done with it")
    fit = one_release(findings, target)
    if isinstance(fit, Against):
        return fit
    changed_at = findings.of("release_changed", unit.id).number("changed_at")
    if findings.case.now.timestamp() - state.number("age_s") < changed_at - _MOMENT_S:
        return Against(f"{fit.why}, but {unit.name} has not been started since")
    if not never_well(findings, target):
        return Against(f"{fit.why}, but {unit.name} has been well with it")
    return fit
