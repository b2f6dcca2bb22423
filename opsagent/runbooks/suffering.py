"""How a unit suffers from what it was given: it dies of it, runs badly with it, or others do because of it.

What kernel, probes and detect say counts; what is only logged does not.
"""

from __future__ import annotations

from collections.abc import Iterator

from opsagent.model import Fault, SignalKind
from opsagent.runbooks.case import Target
from opsagent.runbooks.changed_files import AT_ONCE_S, SLACK_S, File, files_of
from opsagent.runbooks.common import others_suffer
from opsagent.runbooks.down import dies_at_start
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against
from opsagent.runbooks.stuck import may_be_starting, up_but_unwell
from opsagent_tools.units import UnitId, UnitState

_TIMES_AGAIN = 2
"""So many processes that were started with a change have died of themselves: it is no accident."""
_FROM_OUTSIDE = frozenset({-9, -15, -2, 137, 143, 130})


def suffers(findings: Findings, target: Target, state: Facts, files: tuple[File, ...]) -> str | Against:
    """Return how the unit suffers from what changed, or why that is not known."""
    unit = target.unit
    runs = state.words("state") == UnitState.RUNNING and bool(state.number("processes"))
    if not runs or has_died(findings, unit.id):
        dies = _dies_of_it(findings, target, state, files)
        if not runs or not isinstance(dies, Against):
            return dies
    process = findings.of("process_state", unit.id)
    if process.flag("debugged") or (process.number("stopped") and not findings.tried_any("/continue", unit.id)):
        return Against(f"{unit.name} is stopped by a signal, or looked at with a debugger")
    how = unwell(findings, target)
    if isinstance(how, Against):
        return how
    unread = [file for file in files if not file.wrecked and not file.taken_up]
    if unread and not findings.tried_any("/reload", unit.id):
        return Against(f"{unread[0].name} was not read since it changed: {unit.name} does not suffer from it")
    return f"{how} since then"


def has_died(findings: Findings, unit: UnitId) -> bool:
    """Tell whether a process of the unit has died in this incident."""
    return bool(findings.lives(unit))


def _dies_of_it(findings: Findings, target: Target, state: Facts, files: tuple[File, ...]) -> str | Against:
    """Return how it dies with what changed, or why that is not known."""
    unit = target.unit
    wrecked = [file.wrecked for file in files if file.wrecked]
    if wrecked and state.words("state") != UnitState.RUNNING:
        return f"{unit.name} does not run, and cannot read it ({wrecked[0]})"
    began_with = _ends_with_it(findings, unit.id, files)
    if wrecked and began_with:
        return f"{unit.name} cannot read it ({wrecked[0]})"
    by_itself = [code for code in began_with if code not in _FROM_OUTSIDE]
    if len(by_itself) >= _TIMES_AGAIN:
        return f"{unit.name} has died {len(by_itself)} times since it was started with it"
    start = dies_at_start(findings, target)
    if isinstance(start, Against):
        return start
    if any(file.flag("on_trial") for file in files):
        return Against(f"{unit.name} came up with what changed, and was well")
    if not began_with and not findings.tried_any("/start", unit.id, in_vain=True):
        return Against(f"what died of {unit.name} had been started before the change")
    return f"{unit.name} dies at its start with it"


def _ends_with_it(findings: Findings, unit: UnitId, files: tuple[File, ...]) -> list[int]:
    """Return how those processes ended that had been started with what changed."""
    changed_at = max(file.changed_at for file in files)
    return [code for born, code in _ends(findings, unit) if born >= changed_at - SLACK_S]


def died_with_it(findings: Findings, unit: UnitId, files: tuple[File, ...]) -> bool:
    """Tell whether any process died that had been started with what changed."""
    return bool(_ends_with_it(findings, unit, files))


def _ends(findings: Findings, unit: UnitId) -> Iterator[tuple[float, int]]:
    """Yield when each process of the unit that died was started, and how it ended."""
    for signal in findings.case.incident.symptoms:
        if signal.kind is SignalKind.DEATH and signal.unit == unit:
            died = signal.at.timestamp()
            born = min(died, signal.process.started) if signal.process is not None else died
            yield born, int(signal.data.get("exit_code", 1))


def unwell(findings: Findings, target: Target) -> str | Against:
    """Return how a unit that runs is not well; its own probe, or what detect measured, says so. Text does not."""
    unit, incident = target.unit, findings.case.incident
    health = findings.of("health_now", unit.id)
    if unit.id != incident.unit and (health.flag("ok") or not health.flag("configured")):
        return _others_suffer_by_figures(findings, target)
    suffer = others_suffer(findings, target)
    if suffer:
        return f"{suffer}, in trouble because of {unit.name}, cannot work"
    if health.answered and health.flag("configured") and not health.flag("ok"):
        state = up_but_unwell(findings, target)
        if isinstance(state, Against):
            return state
        if may_be_starting(findings, target):
            return Against(f"{unit.name} started {state.number('age_s'):.0f} s ago and may not be done with it")
        return f"{unit.name} fails its probe ({health.words('said')})"
    measured = measured_trouble(findings, target)
    return measured or Against(f"{unit.name} is not known to be unwell but for what is logged")


def _others_suffer_by_figures(findings: Findings, target: Target) -> str | Against:
    """Return how the root suffers since figures or switches of what it depends on were changed, or why that is not known."""
    how = root_suffers_by(findings, target)
    files = files_of(findings.known("config_changed", target.unit.id))
    if not isinstance(how, Against) and not all(file.flag("plain") for file in files):
        return Against(f"what changed of {target.unit.name} may be a password or an address that somebody wanted")
    return how


def root_suffers_by(findings: Findings, target: Target) -> str | Against:
    """Return how the root suffers since what it depends on was given something else, or why that is not known."""
    incident, root = findings.case.incident, findings.root
    files = files_of(findings.known("config_changed", target.unit.id))
    changed_at = max((file.changed_at for file in files), default=0.0)
    if root is None or incident.began_at.timestamp() - changed_at > AT_ONCE_S:
        return Against(f"{target.unit.name} was changed too long before the trouble to be the cause for sure")
    health = findings.of("health_now", incident.unit)
    fails = health.answered and health.flag("configured") and not health.flag("ok")
    if not fails and incident.fault is not Fault.DEGRADED:
        return Against(f"{root.unit.name} is not known to be unwell but for what is logged")
    if findings.of("config_changed", incident.unit).number("differs"):
        return Against(f"the configuration of {root.unit.name} itself was changed")
    return f"{root.unit.name}, which depends on {target.unit.name}, is not well"


def somebody_suffers(findings: Findings) -> Against | None:
    """Return why nobody is known to suffer now: the root's own probe, or that of who depends on it, would say so."""
    incident, root = findings.case.incident, findings.root
    if incident.fault is not Fault.ERROR_BURST or root is None:
        return None
    health = findings.of("health_now", incident.unit)
    if health.answered and health.flag("configured") and not health.flag("ok"):
        return None
    return Against(f"{root.unit.name} is not known to be unwell but for what is logged")


def measured_trouble(findings: Findings, target: Target) -> str:
    """Return what detect measured of the unit, or nothing: it answers far more slowly, or fails now and then."""
    incident = findings.case.incident
    if incident.fault is not Fault.DEGRADED:
        return ""
    if target.unit.id != incident.unit and target.unit.id not in incident.affected:
        return ""
    return f"{target.unit.name} serves worse than before"
