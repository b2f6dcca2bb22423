"""Conditions for taking up a configuration that was changed after the processes that run were started. Pure.

Who has not read a change is in trouble for *not* knowing it. It is the change that was wanted: nothing is put back.
"""

from __future__ import annotations

from opsagent.runbooks import upstream
from opsagent.runbooks.case import Target
from opsagent.runbooks.changed_files import File, fresh
from opsagent.runbooks.down import not_ours
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent.runbooks.suffering import has_died, root_suffers_by, unwell
from opsagent_tools.units import UnitId, UnitState

_OVERLOADED = frozenset({"busy", "starved"})
_SILENT = frozenset({"timeout", "refused"})


def stale(findings: Findings, target: Target) -> Fit | Against:
    """The unit runs since before its configuration was changed, has not read it, and is in trouble since then."""
    unit = target.unit
    files = fresh(findings, target)
    if isinstance(files, Against):
        return files
    why = _does_not_run(findings, target)
    if why:
        return Against(why)
    unknown = tuple(file for file in files if not file.flag("machine") and not file.taken_up)
    if not unknown:
        return Against(f"{unit.name} was started since its configuration changed, or has read it")
    wrecked = next((file.wrecked for file in unknown if file.wrecked), "")
    if wrecked:
        return Against(f"{unit.name} would not come up with it: {wrecked}")
    how = unwell(findings, target)
    if isinstance(how, Against):
        return how
    why = _waits_for_others(findings, target)
    if why:
        return Against(why)
    agrees = next((file.words("agrees_with") for file in unknown if file.words("agrees_with")), "")
    also = f", as that of {UnitId.parse(agrees).name} was" if agrees else ""
    names = ", ".join(file.name for file in unknown)
    return Fit(target=target, why=f"{names} of {unit.name} was changed{also}, and it runs since before that; {how}")


def stale_above(findings: Findings, target: Target) -> Fit | Against:
    """What the root depends on has not read what it shares with others, and others, the root among them, go by that.

    Only for what two ends have to agree on (certificates with their keys, secrets): of the files that were changed
    together somebody has read one, and nobody has read another since. Whoever had taken the change up had read both.
    """
    unit = target.unit
    if unit.id == findings.case.incident.unit:
        return Against("that is weighed for itself")
    files = fresh(findings, target)
    if isinstance(files, Against):
        return files
    if not all(file.flag("certificate") or file.flag("secret") for file in files):
        return Against(f"not all that changed of {unit.name} is what two ends have to agree on")
    unread = tuple(file for file in files if file.unread)
    if not unread or not all(file.flag("older") for file in files):
        return Against(f"{unit.name} was started since its configuration changed, or has read it")
    if not any(file.words("read_since") == "yes" for file in files):
        return Against(f"nobody goes by what changed of {unit.name} yet")
    why = _does_not_run(findings, target) or _not_fit_to_run_with(findings, files)
    if why:
        return Against(why)
    how = root_suffers_by(findings, target)
    if isinstance(how, Against):
        return how
    health = findings.of("health_now", findings.case.incident.unit)
    if health.words("reason") in _SILENT:  # whoever is shown what it does not accept says so
        return Against(
            f"{findings.case.incident.unit.name} is silent ({health.words('said')}): that has reasons of its own"
        )
    why = upstream.explains(findings) or _waits_for_others(findings, target)
    if why:
        return Against(why)
    names = ", ".join(file.name for file in files)
    said = (
        f"{names} of {unit.name} changed, others go by that, and {unit.name}, which was started before, has not read it"
    )
    return Fit(target=target, why=f"{said}; {how}")


def _does_not_run(findings: Findings, target: Target) -> str:
    """Return why there is nothing that could take anything up, or nothing."""
    unit = target.unit
    state = findings.of("unit_state", unit.id)
    why = not_ours(state, unit)
    if why:
        return why
    runs = state.words("state") == UnitState.RUNNING and bool(unit.processes) and not has_died(findings, unit.id)
    return "" if runs else f"{unit.name} is {state.words('state')}, or has died"


def _not_fit_to_run_with(findings: Findings, files: tuple[File, ...]) -> str:
    """Return why a unit would not do better with these files, or nothing."""
    wrecked = next((file.wrecked for file in files if file.wrecked), "")
    if wrecked or not any(file.flag("certificate") for file in files):
        return wrecked
    certificates = findings.of("certificates", findings.case.incident.unit)
    well = certificates.answered and not certificates.flag("bad")
    return "" if well else certificates.words("said") or "whether the certificates are valid is not known"


def _waits_for_others(findings: Findings, target: Target) -> str:
    """Return what else than its configuration explains that it is not well, or nothing."""
    unit = target.unit
    why = upstream.explains(findings) if unit.id == findings.case.incident.unit else ""
    if why:
        return why
    process = findings.of("process_state", unit.id)
    if not process.answered or process.flag("debugged") or process.number("stopped"):
        return f"{unit.name} is stopped by a signal, or looked at with a debugger"
    if any(process.flag(name) for name in _OVERLOADED):
        return f"{unit.name} is overloaded ({process.words('said')})"
    waits = findings.of("connections", unit.id)
    return waits.words("said") if waits.answered and waits.flag("waiting") else ""
