"""Conditions for certificates: take up the one that was renewed, or put the last one back that is still valid. Pure."""

from __future__ import annotations

from opsagent.runbooks.case import Target
from opsagent.runbooks.configuration import somebody_suffers
from opsagent.runbooks.down import not_ours
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.remedy import Against, Fit
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
    args = {f"1_{name}": facts.evidence.facts[name] for name in ("path", "good", "current", "mode")}
    down = findings.of("unit_state", target.unit.id).words("state") != UnitState.RUNNING
    return Fit(target=target, why=facts.words("said"), args={**args, "files": 1, "down": down})


def _bad(findings: Findings, target: Target) -> Facts | Against:
    facts = findings.of("certificates", findings.case.incident.unit)
    if not facts.answered or not facts.flag("bad") or facts.words("unit") != str(target.unit.id):
        return Against(facts.words("said") or f"the certificates of {target.unit.name} are not known")
    state = findings.of("unit_state", target.unit.id)
    why = not_ours(state, target.unit)
    if why or state.words("state") == UnitState.STOPPED:
        return Against(why or f"{target.unit.name} was stopped on purpose")
    return somebody_suffers(findings) or facts
