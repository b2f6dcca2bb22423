"""Trying another remedy: only in doubt, only what is safe and fits, the same for the same incident."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from opsagent import planning
from opsagent.exploring import another
from opsagent.model import Fault, RemedyOdds, Risk, Step
from opsagent.runbooks.case import Case, Target
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Against, Fit, Remedy, Runbook, at_root
from tests.support.cases import case_of, odds

DOUBTFUL = odds("crash/start", tries=6, successes=3, score=0.5)


def remedy(name: str, *, fits: bool = True, after: str = "", risky: bool = False) -> Remedy:
    def steps(fit: Fit) -> tuple[Step, ...]:
        unit = fit.target.unit
        return planning.restart_steps(unit) if risky else planning.start_steps(unit)

    return Remedy(
        name=name,
        does=name,
        aim=at_root,
        condition=lambda findings, target: Fit(target=target, why="it fits") if fits else Against("it does not"),
        steps=steps,
        after=after,
    )


USUAL, OTHER = remedy("crash/start"), remedy("crash/other")


def runbook(*remedies: Remedy) -> Runbook:
    return Runbook(
        fault=Fault.CRASH, looks_for="", recovered=lambda findings: None, first=(), person=(), remedies=remedies,
        never="",
    )  # fmt: skip


def safe(steps: tuple[Step, ...], target: Target) -> bool:
    from opsagent.guard import risk_of

    return all(risk_of(step.action, target.unit) is Risk.SAFE for step in steps)


def case(number: int = 1, **fields: Any) -> Case:
    found = case_of(Fault.CRASH, **{"odds": (DOUBTFUL,), "may_try": safe, **fields})
    return replace(found, incident=replace(found.incident, id=f"i{number}"))


def chosen(found: Case, *remedies: Remedy) -> str:
    other = another(runbook(*(remedies or (USUAL, OTHER))), Findings(found), USUAL)
    return other[0].name if other is not None else USUAL.name


def test_in_doubt_both_are_tried_and_the_same_incident_is_decided_in_the_same_way() -> None:
    first = [chosen(case(number)) for number in range(200)]
    assert first == [chosen(case(number)) for number in range(200)]
    counted = Counter(first)
    assert min(counted["crash/start"], counted["crash/other"]) > 40


def test_what_proves_better_is_tried_more_often() -> None:
    good = odds("crash/other", tries=6, successes=6, score=0.93)
    counted = Counter(chosen(case(number, odds=(DOUBTFUL, good))) for number in range(200))
    assert counted["crash/other"] > 160


@pytest.mark.parametrize(
    "known",
    [
        (),
        (odds("crash/start", tries=1, successes=0, score=0.3),),
        (odds("crash/start", tries=9, successes=8, score=0.85),),
        (replace(DOUBTFUL, accepted=True),),
    ],
    ids=["nothing is known", "one outcome", "it works", "a person accepted it"],
)
def test_without_doubt_nothing_else_is_tried(known: tuple[RemedyOdds, ...]) -> None:
    assert {chosen(case(number, odds=known)) for number in range(50)} == {"crash/start"}


@pytest.mark.parametrize(
    "other",
    [remedy("crash/other", risky=True), remedy("crash/other", fits=False), remedy("crash/other", after="crash/third")],
    ids=["it is not safe", "its condition does not hold", "it comes after another"],
)
def test_what_is_not_safe_or_does_not_fit_is_never_tried(other: Remedy) -> None:
    assert {chosen(case(number), USUAL, other) for number in range(50)} == {"crash/start"}


def test_where_policy_wants_a_question_nothing_is_tried_for_learning() -> None:
    assert {chosen(case(number, may_try=None)) for number in range(50)} == {"crash/start"}
    assert {chosen(case(number, may_try=lambda steps, target: False)) for number in range(50)} == {"crash/start"}
