"""Conditions for certificates: take up the one that was renewed, or put the last one back that is still valid. Pure."""

from __future__ import annotations

from opsagent.runbooks.case import Target
from opsagent.runbooks.changed_files import args_of, files_of
from opsagent.runbooks.down import not_ours
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit
from opsagent.runbooks.suffering import somebody_suffers
from opsagent_tools.units import UnitState


def renewed(findings: Findings, target: Target) -> Fit | Against:
    """The certificate on disk was renewed and is valid; what runs still shows, or was started with, one that is not."""
    facts = _bad(findings, target)
    if isinstance(facts, Against):
        return facts
    if not facts.flag("renewed"):
        return Against(f"{facts.words('said')}: no renewed one is there")
    return Fit(target=target, why=facts.words("said"))


def broken(findings: Findings, target: Target) -> Fit | Against:
    """The certificate on disk is not valid, and the last known good one is."""
    facts = _bad(findings, target)
    if isinstance(facts, Against):
        return facts
    if facts.flag("renewed") or not facts.flag("restorable"):
        return Against(f"{facts.words('said')}: only a person can renew it")
    files = files_of(findings.of("config_changed", target.unit.id))
    together = tuple(
        file for file in files if file.flag("certificate") and file.flag("restorable") and not file.flag("created")
    )
    if facts.words("path") not in {file.words("path") for file in together}:
        return Against(f"{facts.words('said')}: it cannot be put back")
    down = findings.of("unit_state", target.unit.id).words("state") != UnitState.RUNNING
    # a certificate goes with its key: what was changed of both is put back
    return Fit(target=target, why=facts.words("said"), args={**args_of(together), "down": down})


def _bad(findings: Findings, target: Target) -> Facts | Against:
    facts = findings.of("certificates", findings.case.incident.unit)
    if not facts.answered or not facts.flag("bad") or facts.words("unit") != str(target.unit.id):
        return Against(facts.words("said") or f"the certificates of {target.unit.name} are not known")
    state = findings.of("unit_state", target.unit.id)
    why = not_ours(state, target.unit)
    if why or state.words("state") == UnitState.STOPPED:
        return Against(why or f"{target.unit.name} was stopped on purpose")
    return somebody_suffers(findings) or facts
