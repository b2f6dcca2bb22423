"""Decides what to do about an incident: a plan, a question to the world, a person, or nothing. Pure.

In this order: reasons to do nothing; what a person accepted or memory says helped before, if its own condition holds
now; the library's remedies of the causes that are likely, the surest first; reasons to call a person; the remedies of
the fault's own runbook; a person. Probes are asked cheapest first, and no more of them once the answer is clear.

Every change rests on what kernel, supervisor and probes say. Text never authorises one, and when nothing is sure, a
person is told what is known: one wrong action costs more than ten that were not taken.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from opsagent import casenote, choosing, exploring, planning
from opsagent.causes.judging import CLEAR, LIKELY, clear, judge
from opsagent.exploring import is_proven
from opsagent.looking import look, tiers
from opsagent.model import (
    Act,
    Cause,
    Decision,
    Escalate,
    EvidenceKind,
    Fault,
    Hypothesis,
    Investigate,
    LeaveAlone,
    RemedyOdds,
    RemedySource,
)
from opsagent.naming import is_host
from opsagent.probes.costs import PROBE_COSTS
from opsagent.runbooks import RUNBOOKS, learnt, upstream
from opsagent.runbooks.case import Case, Target
from opsagent.runbooks.common import is_somebody_elses, somebody_is_at_work
from opsagent.runbooks.findings import Findings, NotAsked
from opsagent.runbooks.library import calls_for, cards_for, remedies_for
from opsagent.runbooks.library.making import calls_of
from opsagent.runbooks.remedy import Fit, Remedy, Runbook

__all__ = ["Case", "Target", "decide"]

_HOPELESS_TRIES = 3
"""A remedy that failed this often here, and never helped, is not proposed at all."""
_MAINTENANCE_LOOK_S = 10.0
"""Between two looks at trouble in a maintenance window: it may be over, or a person may have ordered something."""
_MOMENT_S = 0.1
_FOR_THE_NOTE = ("last_log", "changes", "clock")
"""What is asked for a person's sake when one is called."""


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
    library = remedies_for(findings.case.incident.fault, findings.case.own)
    remembered = _remembered(runbook, library, findings)
    if remembered is not None:
        return remembered
    for probes in tiers(findings, runbook):
        look(findings, probes)
        at_work = somebody_is_at_work(findings)
        if at_work is not None:
            return at_work
        found = judge(findings)
        if clear(found) is not None:
            decision = _of_the_clear(runbook, library, findings, found)
            if decision is not None:
                return decision
    found = judge(findings)
    return (
        _by_cause(runbook, library, findings, found)
        or _by_fault(runbook, findings, found)
        or runbook.patience(findings)
        or _tell(runbook, findings, "")
    )


def _of_the_clear(
    runbook: Runbook, library: tuple[Remedy, ...], findings: Findings, found: tuple[Hypothesis, ...]
) -> Decision | None:
    """Decide by what is clear already; None where nothing fits that: more is asked then."""
    kinds = {one.kind for one in found if one.weight >= CLEAR and not one.speaks_against}
    sure = tuple(remedy for remedy in library if remedy.cause in kinds or choosing.is_own(remedy))
    act = _by_cause(runbook, sure, findings, found)
    if act is not None:
        return act
    cards = cards_for(findings.case.incident.fault, findings.case.own)
    calls = tuple(call for card in cards if card.cause in kinds for call in calls_of(card))
    reason = _for_a_person(findings, (*runbook.person, *calls))
    if reason is not None:
        return _tell(runbook, findings, reason)
    above = upstream.REMEDIES if Cause.DEPENDENCY_DOWN in kinds else ()
    fitting = [remedy for remedy in runbook.remedies if remedy.cause in kinds or remedy in above]
    return _generic(runbook, findings, found, fitting)


def _by_cause(
    runbook: Runbook, library: tuple[Remedy, ...], findings: Findings, found: tuple[Hypothesis, ...]
) -> Act | None:
    """Return the library's best remedy of a likely cause."""
    chosen = choosing.choose(library, findings, found, least=_least(findings))
    if chosen is None:
        return None
    return _tried(runbook, findings, found, chosen.remedy) or _act(findings, found, chosen.remedy, chosen.fit)


def _least(findings: Findings) -> float:
    """Return how sure a cause must be: where only a log complains and its probe is well, it must be proved.

    Whoever can write into a log could else have taken back what a person changed a moment ago.
    """
    incident = findings.case.incident
    if not incident.symptoms or any(symptom.evidence is not EvidenceKind.TEXT for symptom in incident.symptoms):
        return LIKELY
    health = findings.known("health_now", incident.unit)
    well = health is None or not health.answered or not health.flag("configured") or health.flag("ok")
    return CLEAR if well else LIKELY


def _by_fault(runbook: Runbook, findings: Findings, found: tuple[Hypothesis, ...]) -> Decision | None:
    """Return what the fault's own runbook says: a person, or one of its remedies."""
    case = findings.case
    reason = _for_a_person(findings, (*runbook.person, *calls_for(case.incident.fault, case.own)))
    if reason is not None:
        return _tell(runbook, findings, reason)
    return _generic(runbook, findings, found, list(runbook.remedies))


def _for_a_person(findings: Findings, reasons: Iterable[Callable[[Findings], str | None]]) -> str | None:
    for needs_a_person in (is_somebody_elses, *reasons):
        reason = needs_a_person(findings)
        if reason is not None:
            return reason
    return None


def _generic(runbook: Runbook, findings: Findings, found: tuple[Hypothesis, ...], remedies: list[Remedy]) -> Act | None:
    for remedy in _in_order(remedies, findings.case.odds):
        if remedy.after and not findings.tried_any(remedy.after, findings.case.incident.unit):
            continue
        fit = remedy.fits(findings)
        if isinstance(fit, Fit):
            return _tried(runbook, findings, found, remedy) or _act(findings, found, remedy, fit)
    return None


def _remembered(runbook: Runbook, library: tuple[Remedy, ...], findings: Findings) -> Act | None:
    """Return the best remedy that worked for incidents like this one, if its own condition holds now."""
    remedies = {remedy.name: remedy for remedy in (*library, *runbook.remedies)}
    for odds in _by_promise(findings.case.odds):
        remedy = remedies.get(odds.remedy) or (learnt.remedy_of(odds.remedy) if odds.accepted else None)
        if remedy is None or not is_proven(odds):
            continue
        fit = remedy.fits(findings)
        if isinstance(fit, Fit):
            found = judge(findings)
            return _tried(runbook, findings, found, remedy) or _act(
                findings, found, remedy, fit, source="memory", remembered=odds.why
            )
    return None


def _tried(runbook: Runbook, findings: Findings, found: tuple[Hypothesis, ...], usual: Remedy) -> Act | None:
    """Return another remedy to try, where the usual one is in doubt and both are safe."""
    if usual not in runbook.remedies:
        runbook = replace(runbook, remedies=(usual, *runbook.remedies))
    other = exploring.another(runbook, findings, usual)
    if other is None:
        return None
    remedy, fit, odds = other
    source: RemedySource = "memory" if odds is not None and is_proven(odds) else "runbook"
    doubt = f"tried because {usual.name} is in doubt"
    return _act(findings, found, remedy, fit, source=source, remembered=doubt)


def _by_promise(odds: tuple[RemedyOdds, ...]) -> list[RemedyOdds]:
    """Return what a person accepted first, then by score.

    It was accepted for incidents like the one that was shown; where it was never tried for one like this, and another
    remedy worked for such, that one goes before it.
    """
    another_worked = any(one.successes for one in odds)
    return sorted(odds, key=lambda one: (not (one.accepted and (one.tries or not another_worked)), -one.score))


def _in_order(remedies: list[Remedy], odds: tuple[RemedyOdds, ...]) -> Iterator[Remedy]:
    """Yield the runbook's remedies: those that no longer work here behind the others, those that never did after them,
    the hopeless not at all.
    """
    failing = {row.remedy: row.tries for row in odds if row.tries and not row.successes}
    stale = {row.remedy for row in odds if row.stale} - failing.keys()
    yield from (remedy for remedy in remedies if remedy.name not in failing and remedy.name not in stale)
    yield from (remedy for remedy in remedies if remedy.name in stale)
    yield from (remedy for remedy in remedies if 0 < failing.get(remedy.name, 0) < _HOPELESS_TRIES)


def _act(
    findings: Findings,
    found: tuple[Hypothesis, ...],
    remedy: Remedy,
    fit: Fit,
    *,
    source: RemedySource = "runbook",
    remembered: str = "",
) -> Act:
    case = findings.case
    plan = planning.new_plan(
        unit=fit.target.unit.id,
        steps=remedy.steps(fit),
        remedy=remedy.name,
        origin="agent",
        source=source,
        incident=case.incident.id,
        attempt=len(case.tried) + 1,
        why=f"{fit.why}; {remembered}" if remembered else fit.why,
        verify_s=remedy.verify_s,
        verify=remedy.verify,
        cause=choosing.cause_of(remedy, found, fit),
    )
    return Act(plan=plan, hypotheses=found, note=casenote.note_of(findings, found, never=_never(findings, found)))


def _tell(runbook: Runbook, findings: Findings, reason: str) -> Escalate:
    """Hand over to a person, with what is known. What the log said last belongs into the note, and only there."""
    root = findings.root
    if root is not None:
        findings.want(*((probe, root.unit.id) for probe in _FOR_THE_NOTE if probe in PROBE_COSTS))
    found = judge(findings)
    never = _never(findings, found) or runbook.never
    note = casenote.note_of(findings, found, never=never, reason=reason)
    return Escalate(why=casenote.english(note), hypotheses=found, note=note)


def _never(findings: Findings, found: tuple[Hypothesis, ...]) -> str:
    """Return the tempting wrong remedy of a cause that is clear; nothing where none is, or its card says none."""
    sure = clear(found)
    if sure is None:
        return ""
    cards = cards_for(findings.case.incident.fault, findings.case.own)
    return next((card.never for card in cards if card.cause is sure.kind), "")
