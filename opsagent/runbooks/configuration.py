"""Conditions for what a service was given to run with: its configuration put back, or taken up where it has not been yet.

That a file changed is no reason by itself: most changes are wanted. It has to have changed shortly before the trouble
began; the processes that are in trouble have to know it (they were started since, or it was read since); and nothing else
may explain the trouble. Who has not read the change is in trouble for *not* knowing it, and takes it up.
"""

from __future__ import annotations

from collections.abc import Iterator

from opsagent.model import Fault, Scalar, SignalKind
from opsagent.runbooks import upstream
from opsagent.runbooks.case import Target
from opsagent.runbooks.changed_files import CHANGE_TO_TROUBLE_S, SLACK_S, File, args_of, files_of, overload
from opsagent.runbooks.common import others_suffer
from opsagent.runbooks.down import dies_at_start, not_ours, taken_port
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent.runbooks.stuck import may_be_starting, up_but_unwell
from opsagent_tools.units import UnitId, UnitState

_GIVEN_SLACK_S = 3.0
"""The agent sees within this time that a unit is given something else."""
_TAKEN_UP = "stale_credentials/reload"
_TIMES_AGAIN = 2
"""So many processes that were started with a change have died of themselves: it is no accident."""
_AT_ONCE_S = 60.0
"""What a unit that seems well does to another shows at most this long after it was changed."""
_FROM_OUTSIDE = frozenset({-9, -15, -2, 137, 143, 130})
OVERLOADED = frozenset({"busy", "starved"})


def fresh(findings: Findings, target: Target) -> tuple[File, ...] | Against:
    """Return the files that changed shortly before the trouble began, or why there are none that may explain it."""
    change = findings.of("config_changed", target.unit.id)
    files = files_of(change) if change.answered else ()
    if not files:
        return Against(change.words("said") or f"the configuration of {target.unit.name} is the last known good one")
    if change.number("differs") > len(files):
        return Against(f"{change.number('differs'):.0f} files changed: that is more than a slip")
    began = findings.case.incident.began_at.timestamp()
    late = [file for file in files if file.changed_at > began + SLACK_S]
    if late and not _was_put_back(findings, target):
        return Against(f"{late[0].name} changed after the trouble began: somebody is at work on it")
    found = tuple(file for file in files if began - file.changed_at <= CHANGE_TO_TROUBLE_S)
    if not found:
        return Against(f"{change.words('said')}, long before the trouble began")
    return found


def _was_put_back(findings: Findings, target: Target) -> bool:
    """Tell whether an undo of ours may have written the file last."""
    return findings.tried_any("/rollback_config", target.unit.id)


def rollback(findings: Findings, target: Target) -> Fit | Against:
    """The unit is in trouble with what changed: it dies of it, or runs badly since it was started with it."""
    unit = target.unit
    files = fresh(findings, target)
    if isinstance(files, Against):
        return files
    if findings.tried_any("/rollback_config", unit.id):
        return Against(f"the configuration of {unit.name} was put back already")
    state = findings.of("unit_state", unit.id)
    why = not_ours(state, unit)
    if why or state.words("state") == UnitState.STOPPED:
        return Against(why or f"{unit.name} was stopped on purpose")
    wrecked = tuple(file for file in files if file.wrecked)
    # A certificate has dates of its own, by which it is weighed (`opsagent.runbooks.certificates`): the last one may have
    # expired meanwhile.
    blamed = wrecked or tuple(file for file in files if not (file.flag("machine") or file.flag("certificate")))
    if findings.tried(_TAKEN_UP, unit.id):  # a secret that was changed for those who run is not made the old one again
        blamed = tuple(file for file in blamed if not file.flag("secret"))
    against = _not_to_be_put_back(blamed)
    if against:
        return Against(against)
    how = _suffers(findings, target, state, blamed)
    if isinstance(how, Against):
        return how
    why = _in_the_way(findings, target)
    if not why and not wrecked:
        why = _explained_above(findings, target)
    if why:
        return Against(why)
    down = state.words("state") != UnitState.RUNNING or _died_with_it(findings, unit.id, blamed)
    args: dict[str, Scalar] = {**args_of(blamed), "down": down}
    return Fit(target=target, why=f"{_said(findings, blamed)}; {how}", args=args)


def _not_to_be_put_back(files: tuple[File, ...]) -> str:
    """Return why these files are not put back, or nothing."""
    if not files:
        return "what changed is the machine's own, a certificate, or a secret that was taken up already"
    for file in files:
        if not file.flag("restorable"):
            return file.words("why") or f"the last known good {file.name} cannot be put back"
        if file.words("agrees_with"):
            return f"{file.name} says what {UnitId.parse(file.words('agrees_with')).name} was given, too: both were changed"
        if not file.flag("declared") and not file.wrecked:
            return f"nobody declared {file.name} as configuration, and it can be read as before"
    return ""


def _suffers(findings: Findings, target: Target, state: Facts, files: tuple[File, ...]) -> str | Against:
    """Return how the unit suffers from what changed, or why that is not known."""
    unit = target.unit
    runs = state.words("state") == UnitState.RUNNING and bool(state.number("processes"))
    if not runs or _dies(findings, unit.id):
        dies = _dies_of_it(findings, target, state, files)
        if not runs or not isinstance(dies, Against):
            return dies
    process = findings.of("process_state", unit.id)
    if process.flag("debugged") or (process.number("stopped") and not findings.tried_any("/continue", unit.id)):
        return Against(f"{unit.name} is stopped by a signal, or looked at with a debugger")
    unwell = _unwell(findings, target)
    if isinstance(unwell, Against):
        return unwell
    unread = [file for file in files if not file.wrecked and not file.taken_up]
    if unread and not findings.tried_any("/reload", unit.id):
        return Against(f"{unread[0].name} was not read since it changed: {unit.name} does not suffer from it")
    return f"{unwell} since then"


def _dies(findings: Findings, unit: UnitId) -> bool:
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


def _died_with_it(findings: Findings, unit: UnitId, files: tuple[File, ...]) -> bool:
    return bool(_ends_with_it(findings, unit, files))


def _ends(findings: Findings, unit: UnitId) -> Iterator[tuple[float, int]]:
    """Yield when each process of the unit that died was started, and how it ended."""
    for signal in findings.case.incident.symptoms:
        if signal.kind is SignalKind.DEATH and signal.unit == unit:
            died = signal.at.timestamp()
            born = min(died, signal.process.started) if signal.process is not None else died
            yield born, int(signal.data.get("exit_code", 1))


def _unwell(findings: Findings, target: Target) -> str | Against:
    """Return how a unit that runs is not well; its own probe, or what detect measured, says so. Text does not."""
    unit, incident = target.unit, findings.case.incident
    health = findings.of("health_now", unit.id)
    if unit.id != incident.unit and (health.flag("ok") or not health.flag("configured")):
        return _others_suffer_by(findings, target)
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


def _others_suffer_by(findings: Findings, target: Target) -> str | Against:
    """Return how the root suffers since what it depends on was given something else, or why that is not known."""
    incident, root = findings.case.incident, findings.root
    changed_at = max(
        (file.changed_at for file in files_of(findings.known("config_changed", target.unit.id))), default=0.0
    )
    if root is None or incident.began_at.timestamp() - changed_at > _AT_ONCE_S:
        return Against(f"{target.unit.name} was changed too long before the trouble to be the cause for sure")
    files = files_of(findings.known("config_changed", target.unit.id))
    if not all(file.flag("plain") for file in files):
        return Against(f"what changed of {target.unit.name} may be a password or an address that somebody wanted")
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


def _explained_above(findings: Findings, target: Target) -> str:
    """Return what upstream explains the trouble, or nothing: what is only overloaded may be so because of the change."""
    if target.unit.id != findings.case.incident.unit:
        return ""
    above = upstream.troubled(findings)
    if above is None:
        return upstream.unknown(findings)
    other = findings.upstream(above.words("root"))
    if other is None or above.words("root_state") != UnitState.RUNNING:
        return above.words("said")
    findings.want(("process_state", other.unit.id), ("config_changed", other.unit.id), ("clients", target.unit.id))
    process, change = findings.of("process_state", other.unit.id), findings.of("config_changed", other.unit.id)
    overloaded = process.answered and bool(overload(findings, other.unit.id, target.unit.id))
    return "" if overloaded and not process.number("stopped") and not change.number("differs") else above.words("said")


def given_back(findings: Findings, target: Target) -> Fit | Against:
    """The unit is in trouble since its supervisor gives it another command or environment than it was last well with."""
    unit = target.unit
    change = findings.of("environment_changed", unit.id)
    if not change.answered or not change.flag("changed") or not change.flag("restorable"):
        return Against(change.words("said") or f"what {unit.name} is given is what it was last well with")
    ago = findings.case.incident.began_at.timestamp() + _GIVEN_SLACK_S - change.number("started_at")
    if not 0 <= ago <= CHANGE_TO_TROUBLE_S:
        return Against(f"{change.words('said')}, which is not when the trouble began")
    state = findings.of("unit_state", unit.id)
    why = not_ours(state, unit)
    if why or state.words("state") == UnitState.STOPPED:
        return Against(why or f"{unit.name} was stopped on purpose")
    at = change.number("started_at") - _GIVEN_SLACK_S
    how = _suffers(findings, target, state, (File({"name": "environment", "changed_at": at}),))
    if isinstance(how, Against):
        return how
    why = _in_the_way(findings, target) or _explained_above(findings, target)
    if why:
        return Against(why)
    args: dict[str, Scalar] = {"good": change.words("good"), "current": change.words("current")}
    return Fit(target=target, why=f"{change.words('said')}; {how}", args=args)


def caller(findings: Findings, target: Target) -> Fit | Against:
    """The root is overloaded since a unit that depends on it was given another configuration."""
    root, incident = findings.root, findings.case.incident
    if root is None or target.unit.id == incident.unit:
        return Against("nobody who depends on it is named")
    files = fresh(findings, target)
    if isinstance(files, Against):
        return files
    blamed = tuple(file for file in files if not (file.flag("machine") or file.flag("certificate")))
    against = _not_to_be_put_back(blamed)
    if against or not all(file.taken_up and file.flag("declared") for file in blamed):
        return Against(against or f"{target.unit.name} does not know what changed")
    findings.want(
        *((probe, incident.unit) for probe in ("unit_state", "process_state", "config_changed")),
        ("unit_state", target.unit.id),
    )
    state, process = findings.of("unit_state", incident.unit), findings.of("process_state", incident.unit)
    theirs = findings.of("unit_state", target.unit.id)
    why = not_ours(theirs, target.unit) or not_ours(state, root.unit)
    if why or theirs.words("state") != UnitState.RUNNING or state.words("state") != UnitState.RUNNING:
        return Against(why or f"{root.unit.name} or {target.unit.name} does not run")
    if findings.of("config_changed", incident.unit).number("differs"):
        return Against(f"the configuration of {root.unit.name} itself was changed")
    if process.number("stopped") or process.flag("debugged") or not process.answered:
        return Against(f"{root.unit.name} is stopped by a signal, or looked at with a debugger")
    if incident.fault is not Fault.DEGRADED and not overload(findings, incident.unit, target.unit.id):
        findings.want(("clients", incident.unit))
        if not overload(findings, incident.unit, target.unit.id):
            return Against(f"{root.unit.name} does not answer, and is not overloaded ({process.words('said')})")
    why = f"{_said(findings, blamed)}, and {target.unit.name}, which was given it, asks more of {root.unit.name} since"
    return Fit(target=target, why=why, args={**args_of(blamed), "down": False})


def _in_the_way(findings: Findings, target: Target) -> str:
    """Return what else keeps the unit from running well, or nothing."""
    unit = target.unit
    why = taken_port(findings, unit)
    if why:
        return why
    disk = findings.of("disk", unit.id)
    return disk.words("said") if disk.answered and disk.flag("full") else ""


def stale(findings: Findings, target: Target) -> Fit | Against:
    """The unit runs since before its configuration was changed, has not read it, and is in trouble since then."""
    unit = target.unit
    files = fresh(findings, target)
    if isinstance(files, Against):
        return files
    state = findings.of("unit_state", unit.id)
    why = not_ours(state, unit)
    if why or state.words("state") != UnitState.RUNNING or not unit.processes or _dies(findings, unit.id):
        return Against(why or f"{unit.name} is {state.words('state')}, or has died")
    unknown = tuple(file for file in files if not file.flag("machine") and not file.taken_up)
    if not unknown:
        return Against(f"{unit.name} was started since its configuration changed, or has read it")
    wrecked = next((file.wrecked for file in unknown if file.wrecked), "")
    if wrecked:
        return Against(f"{unit.name} would not come up with it: {wrecked}")
    unwell = _unwell(findings, target)
    if isinstance(unwell, Against):
        return unwell
    why = _waits_for_others(findings, target)
    if why:
        return Against(why)
    agrees = next((file.words("agrees_with") for file in unknown if file.words("agrees_with")), "")
    also = f", as that of {UnitId.parse(agrees).name} was" if agrees else ""
    names = ", ".join(file.name for file in unknown)
    return Fit(target=target, why=f"{names} of {unit.name} was changed{also}, and it runs since before that; {unwell}")


def _waits_for_others(findings: Findings, target: Target) -> str:
    """Return what else than its configuration explains that it is not well, or nothing."""
    unit = target.unit
    why = upstream.explains(findings) if unit.id == findings.case.incident.unit else ""
    if why:
        return why
    process = findings.of("process_state", unit.id)
    if not process.answered or process.flag("debugged") or process.number("stopped"):
        return f"{unit.name} is stopped by a signal, or looked at with a debugger"
    if any(process.flag(name) for name in OVERLOADED):
        return f"{unit.name} is overloaded ({process.words('said')})"
    waits = findings.of("connections", unit.id)
    return waits.words("said") if waits.answered and waits.flag("waiting") else ""


def machine_file(findings: Findings, target: Target) -> Fit | Against:
    """What the machine tells everybody (where names are resolved) was changed, and the unit cannot resolve since."""
    files = fresh(findings, target)
    if isinstance(files, Against):
        return files
    changed = tuple(file for file in files if file.flag("machine"))
    if not changed:
        return Against("nothing of the machine's own was changed")
    if not all(file.flag("restorable") and file.flag("declared") for file in changed):
        return Against(f"{changed[0].name} was changed; that is for a person to put back")
    resolver = findings.of("resolver", target.unit.id)
    if not resolver.answered or not resolver.flag("failing"):
        return Against(resolver.words("said") or "names are resolved")
    why = f"{_said(findings, changed)}; {resolver.words('said')}"
    return Fit(target=target, why=why, args=args_of(changed))


def _said(findings: Findings, files: tuple[File, ...]) -> str:
    began = findings.case.incident.began_at.timestamp()
    before_s = max(0.0, began - max(file.changed_at for file in files))
    names = ", ".join(file.name for file in files)
    return f"{names} changed {before_s:.0f} s before the trouble began"
