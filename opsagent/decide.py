"""Decides what to do about an incident: a plan, a question to the world, a person, or nothing. Pure.

In this order: reasons to do nothing; what a person accepted or memory says helped before, if its own condition holds
now; the runbook's remedies; a person. Every change rests on what kernel, supervisor and probes say. Text never authorises one, and when
nothing is sure, a person is told what is known: one wrong action costs more than ten that were not taken.
"""

from __future__ import annotations

from collections.abc import Iterator

from opsagent import exploring, planning
from opsagent.exploring import is_proven
from opsagent.model import Act, Decision, Escalate, Fault, Investigate, LeaveAlone, RemedyOdds, RemedySource
from opsagent.naming import is_host
from opsagent.runbooks import RUNBOOKS
from opsagent.runbooks.case import Case, Target
from opsagent.runbooks.causes import hypotheses, note
from opsagent.runbooks.common import wanted_at_first
from opsagent.runbooks.findings import Findings, NotAsked
from opsagent.runbooks.remedy import Fit, Remedy, Runbook

__all__ = ["Case", "Target", "decide"]

_HOPELESS_TRIES = 3
"""A remedy that failed this often here, and never helped, is not proposed at all."""
_MAINTENANCE_LOOK_S = 10.0
"""Between two looks at trouble in a maintenance window: it may be over, or a person may have ordered something."""
_MOMENT_S = 0.1


def decide(case: Case) -> Decision:
    """Decide about one incident. Called again with the evidence that it asked for, and after each attempt."""
    standing = _standing(case)
    if standing is not None:
        return standing
    runbook, findings = RUNBOOKS[case.incident.fault], Findings(case)
    try:
        return _from(runbook, findings)
    except NotAsked as missing:
        return Investigate(requests=missing.requests)


def _standing(case: Case) -> Decision | None:
    """Return why nothing is to be done or asked, whatever the evidence."""
    name = case.incident.unit.name
    if case.held:
        return LeaveAlone(why=f"{name} is on hold")
    if case.maintenance is not None:
        why, left_s = case.maintenance
        look_again_s = min(left_s + _MOMENT_S, _MAINTENANCE_LOOK_S)
        return LeaveAlone(why=f"{name} is in a maintenance window ({why})", look_again_s=look_again_s)
    if case.stopped_by_person:
        if case.incident.affected:
            others = ", ".join(sorted(unit.name for unit in case.incident.affected))
            return Escalate(why=f"{others} in trouble because {name} was stopped by a person; it stays stopped")
        return LeaveAlone(why=f"{name} was stopped by a person; it stays stopped")
    if case.unit is None and case.incident.fault is not Fault.ENGINE_DOWN and not is_host(case.incident.unit):
        return LeaveAlone(why=f"{name} is not there any more")
    return None


def _from(runbook: Runbook, findings: Findings) -> Decision:
    why = runbook.recovered(findings)
    if why is not None:
        return LeaveAlone(why=why)
    remembered = _remembered(runbook, findings)
    if remembered is not None:
        return remembered
    wanted_at_first(findings, *runbook.first)
    for needs_a_person in runbook.person:
        reason = needs_a_person(findings)
        if reason is not None:
            return _tell(runbook, findings, reason)
    for remedy in _in_order(runbook, findings.case.odds):
        if remedy.after and not findings.tried_any(remedy.after, findings.case.incident.unit):
            continue
        fit = remedy.fits(findings)
        if isinstance(fit, Fit):
            return _tried(runbook, findings, remedy) or _act(findings, remedy, fit, "runbook")
    return runbook.patience(findings) or _tell(runbook, findings, "")


def _remembered(runbook: Runbook, findings: Findings) -> Act | None:
    """Return the best remedy that worked for incidents like this one, if its own condition holds now."""
    remedies = {remedy.name: remedy for remedy in runbook.remedies}
    for odds in _by_promise(findings.case.odds):
        remedy = remedies.get(odds.remedy)
        if remedy is None or not is_proven(odds):
            continue
        fit = remedy.fits(findings)
        if isinstance(fit, Fit):
            return _tried(runbook, findings, remedy) or _act(findings, remedy, fit, "memory", odds.why)
    return None


def _tried(runbook: Runbook, findings: Findings, usual: Remedy) -> Act | None:
    """Return another remedy to try, where the usual one is in doubt and both are safe."""
    other = exploring.another(runbook, findings, usual)
    if other is None:
        return None
    remedy, fit, odds = other
    source: RemedySource = "memory" if odds is not None and is_proven(odds) else "runbook"
    return _act(findings, remedy, fit, source, f"tried because {usual.name} is in doubt")


def _by_promise(odds: tuple[RemedyOdds, ...]) -> list[RemedyOdds]:
    """Return what a person accepted first, then by score.

    It was accepted for incidents like the one that was shown; where it was never tried for one like this, and another
    remedy worked for such, that one goes before it.
    """
    another_worked = any(one.successes for one in odds)
    return sorted(odds, key=lambda one: (not (one.accepted and (one.tries or not another_worked)), -one.score))


def _in_order(runbook: Runbook, odds: tuple[RemedyOdds, ...]) -> Iterator[Remedy]:
    """Yield the runbook's remedies: those that no longer work here behind the others, those that never did after them,
    the hopeless not at all.
    """
    failing = {row.remedy: row.tries for row in odds if row.tries and not row.successes}
    stale = {row.remedy for row in odds if row.stale} - failing.keys()
    yield from (remedy for remedy in runbook.remedies if remedy.name not in failing and remedy.name not in stale)
    yield from (remedy for remedy in runbook.remedies if remedy.name in stale)
    yield from (remedy for remedy in runbook.remedies if 0 < failing.get(remedy.name, 0) < _HOPELESS_TRIES)


def _act(findings: Findings, remedy: Remedy, fit: Fit, source: RemedySource, remembered: str = "") -> Act:
    case = findings.case
    why = f"{fit.why}; {remembered}" if remembered else fit.why
    plan = planning.new_plan(
        unit=fit.target.unit.id,
        steps=remedy.steps(fit),
        remedy=remedy.name,
        origin="agent",
        source=source,
        incident=case.incident.id,
        attempt=len(case.tried) + 1,
        why=why,
        verify_s=remedy.verify_s,
    )
    return Act(plan=plan, hypotheses=hypotheses(findings))


def _tell(runbook: Runbook, findings: Findings, reason: str) -> Escalate:
    """Hand over to a person, with what is known. What the log said last belongs into the note, and only there."""
    root = findings.root
    if root is not None:
        findings.want(("last_log", root.unit.id))
    return Escalate(why=note(findings, runbook, reason), hypotheses=hypotheses(findings))
