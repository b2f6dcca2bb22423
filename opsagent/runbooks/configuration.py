"""Conditions for what a service was given to run with, and is put back: its configuration, its command and environment.

That a file changed is no reason by itself: most changes are wanted. It has to have changed shortly before the trouble
began; the processes that are in trouble have to know it (they were started since, or it was read since); and nothing else
may explain the trouble. Who has not read the change takes it up instead (`opsagent.runbooks.taking_up`).
"""

from __future__ import annotations

from opsagent.model import Fault, Scalar
from opsagent.runbooks import upstream
from opsagent.runbooks.case import Target
from opsagent.runbooks.changed_files import CHANGE_TO_TROUBLE_S, File, args_of, fresh, overload
from opsagent.runbooks.down import not_ours, taken_port
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent.runbooks.suffering import died_with_it, suffers
from opsagent_tools.units import UnitId, UnitState

_GIVEN_SLACK_S = 3.0
"""The agent sees within this time that a unit is given something else."""
_TAKEN_UP = "stale_credentials/reload"


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
    how = suffers(findings, target, state, blamed)
    if isinstance(how, Against):
        return how
    why = _in_the_way(findings, target)
    if not why and not wrecked:
        why = _explained_above(findings, target)
    if why:
        return Against(why)
    down = state.words("state") != UnitState.RUNNING or died_with_it(findings, unit.id, blamed)
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
    how = suffers(findings, target, state, (File({"name": "environment", "changed_at": at}),))
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
