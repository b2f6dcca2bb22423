"""Tries a runbook on a case without changing anything: which conditions hold, which plan comes of it, what the guard says.

The case is an incident of the journal, or a unit as it is now: its probes are run then, which only look. What the guard
says is of now: the policy and how the unit is; budgets and breakers are as if nothing had been done yet.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from opsagent.evidence import gather
from opsagent.guard import Situation, rule_on_step
from opsagent.model import Evidence, Incident, ProbeRequest, Ruling, Scalar, Step
from opsagent.planning import new_plan
from opsagent.policy import Policy
from opsagent.runbooks.case import Case, Target
from opsagent.runbooks.findings import Findings, NotAsked
from opsagent.runbooks.library.card import Card, RemedyCard
from opsagent.runbooks.library.conditions import WITHOUT_PROBE, Broken, When, holds, without_probe
from opsagent.runbooks.library.making import aim_of, fits, steps_of
from opsagent.runbooks.remedy import Against, Fit
from opsagent.world import World
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import UnitId

_MOST_ROUNDS = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One condition, and what it was judged by."""

    text: str
    holds: bool | None
    """None: its probe was not asked then, or could not find out."""
    told: Scalar | None = None
    why: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What became of one remedy."""

    remedy: str
    unit: UnitId | None
    result: Literal["fits", "does not fit", "not known"]
    why: str
    conditions: tuple[Judged, ...] = ()
    steps: tuple[Step, ...] = ()
    rulings: tuple[Ruling, ...] = ()
    """The guard's, one for each step."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A runbook, tried on one case."""

    runbook: str
    answers: bool
    """Whether it is for this kind of incident at all."""
    remedies: tuple[Tried, ...]
    calls: tuple[str, ...] = ()
    """Reasons to call a person that hold."""


def try_on(card: Card, case: Case, policy: Policy) -> Trial:
    """Try a runbook on a case as it is known. Pure, but for code that the runbook names."""
    findings = Findings(case)
    return Trial(
        runbook=card.name,
        answers=case.incident.fault in card.answers,
        remedies=tuple(_remedy(one, findings, policy) for one in card.remedies),
        calls=tuple(call.say for call in card.escalate if call.when and _calls(call.when, findings)),
    )


def _calls(conditions: Sequence[When], findings: Findings) -> bool:
    try:
        return not isinstance(holds(conditions, findings, findings.case.incident.unit, findings.root), Broken)
    except NotAsked:
        return False


def _remedy(said: RemedyCard, findings: Findings, policy: Policy) -> Tried:
    try:
        target = aim_of(said.aim)(findings)
    except NotAsked as missing:
        return _not_known(said, None, missing)
    if isinstance(target, Against):
        return Tried(remedy=said.counts_as, unit=None, result="does not fit", why=target.why)
    conditions = tuple(_judged(one, findings, target) for one in said.when)
    try:
        fit = fits(said, "", findings, target)
    except NotAsked as missing:
        return replace(_not_known(said, target, missing), conditions=conditions)
    if isinstance(fit, Against):
        return Tried(
            remedy=said.counts_as, unit=target.unit.id, result="does not fit", why=fit.why, conditions=conditions
        )
    steps = steps_of(said, fit)
    return Tried(
        remedy=said.counts_as,
        unit=target.unit.id,
        result="fits",
        why=fit.why,
        conditions=conditions,
        steps=steps,
        rulings=_rulings(said, fit, steps, policy, findings),
    )


def _not_known(said: RemedyCard, target: Target | None, missing: NotAsked) -> Tried:
    asked = ", ".join(dict.fromkeys(f"{one.probe} of {one.unit.name}" for one in missing.requests))
    unit = target.unit.id if target is not None else None
    return Tried(remedy=said.counts_as, unit=unit, result="not known", why=f"not asked then: {asked}")


def _judged(when: When, findings: Findings, target: Target) -> Judged:
    whose = findings.case.incident.unit if when.of_root else target.unit.id
    if when.probe in WITHOUT_PROBE:
        told = without_probe(when.probe, when.fact, findings, findings.root if when.of_root else target)
    else:
        facts = findings.known(when.probe, whose)
        if facts is None:
            return Judged(text=when.text, holds=None, why="not asked then")
        if not facts.answered:
            return Judged(text=when.text, holds=None, why=facts.words("said") or "could not find out")
        told = facts.evidence.facts.get(when.fact)
    found = holds([when], findings, target.unit.id, target)
    broken = isinstance(found, Broken)
    return Judged(text=when.text, holds=not broken, told=told, why=found.why if broken else "")


def _rulings(
    said: RemedyCard, fit: Fit, steps: tuple[Step, ...], policy: Policy, findings: Findings
) -> tuple[Ruling, ...]:
    plan = new_plan(
        unit=fit.target.unit.id,
        steps=steps,
        remedy=said.counts_as,
        origin="agent",
        source="runbook",
        incident=findings.case.incident.id,
        verify_s=said.verify_s,
    )
    situation = Situation(unit=fit.target.unit, spec=fit.target.spec, own_uid=os.geteuid())
    return tuple(rule_on_step(step, plan, situation, policy) for step in steps)


async def try_live(
    cards: Sequence[Card],
    incident: Incident,
    world: World,
    supervisors: Mapping[str, Supervisor],
    policy: Policy,
    *,
    last_good_dir: Path | None = None,
) -> tuple[Trial, ...]:
    """Try runbooks on a unit as it is now. Only looks."""
    found: list[Evidence] = []
    case = Case.of(incident, world, now=datetime.now(UTC))
    for _ in range(_MOST_ROUNDS):
        case = replace(case, evidence=tuple(found))
        wanted = tuple(dict.fromkeys(one for card in cards for one in _wanted(card, case)))
        if not wanted:
            break
        found += await gather(wanted, world, supervisors, datetime.now(UTC), last_good_dir=last_good_dir)
    return tuple(try_on(card, case, policy) for card in cards)


def _wanted(card: Card, case: Case) -> list[ProbeRequest]:
    """Return what a runbook would ask next: of each remedy, and of each reason to call a person."""
    findings = Findings(case)
    wanted: list[ProbeRequest] = []

    def ask(question: Callable[[], object]) -> object:
        try:
            return question()
        except NotAsked as missing:
            wanted.extend(missing.requests)
            return None

    for said in card.remedies:
        target = ask(lambda said=said: aim_of(said.aim)(findings))  # type: ignore[misc]
        if isinstance(target, Target):
            for when in said.when:
                ask(lambda when=when, to=target: holds([when], findings, to.unit.id, to))  # type: ignore[misc]
            ask(lambda said=said, to=target: fits(said, "", findings, to))  # type: ignore[misc]
    for call in card.escalate:
        if call.when:
            ask(lambda call=call: holds(call.when, findings, case.incident.unit, findings.root))  # type: ignore[misc]
    return wanted
