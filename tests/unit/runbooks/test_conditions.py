"""The little language of conditions: what it reads, what it refuses, and what fulfils nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent.model import Evidence, EvidenceKind, Fault, Scalar
from opsagent.runbooks.findings import Findings, NotAsked
from opsagent.runbooks.library.conditions import Broken, ConditionError, Held, holds, parse, parse_fact
from tests.support.cases import NOW, case_of, unit_of

UNIT = unit_of("api")


def judged(
    *conditions: str, facts: dict[str, Scalar] | None, kind: EvidenceKind = EvidenceKind.KERNEL
) -> Held | Broken:
    evidence = () if facts is None else (Evidence(probe="look", kind=kind, unit=UNIT.id, at=NOW, facts=facts),)
    findings = Findings(case_of(Fault.CRASH, unit=UNIT, evidence=evidence))
    return holds([parse(text) for text in conditions], findings, UNIT.id, findings.root)


@pytest.mark.parametrize(
    ("condition", "told", "expected"),
    [
        ("look.fact is true", True, True),
        ("look.fact is true", 1, False),
        ("look.fact is true", "true", False),
        ("look.fact is false", False, True),
        ("look.fact is 3", 3, True),
        ("look.fact is 3", 3.0, True),
        ("look.fact is 3", "3", False),
        ("look.fact is api server", "api server", True),
        ("look.fact is '3'", "3", True),
        ("look.fact is not api", "store", True),
        ("look.fact is not api", "api", False),
        ("look.fact is nothing", "nothing", True),
        ("look.fact in own engine", "engine", True),
        ("look.fact in own, engine", "stranger", False),
        ("look.fact not in own engine", "stranger", True),
        ("look.fact in 1 2", 2, True),
        ("look.fact >= 0.9", 0.9, True),
        ("look.fact>=0.9", 0.9, None),
        ("look.fact < 0.9", 0.9, False),
        ("look.fact <0.9", 0.5, True),
        ("look.fact > -1", 0, True),
        ("look.fact > 1", "2", False),
        ("look.fact > 0", True, False),
        ("look.fact exists", "", True),
        ("look.fact absent", "", False),
    ],
)
def test_a_comparison_is_by_value_and_kind(condition: str, told: Scalar, expected: bool | None) -> None:
    if expected is None:
        with pytest.raises(ConditionError):
            parse(condition)
        return
    assert isinstance(judged(condition, facts={"fact": told}), Held) is expected


@pytest.mark.parametrize("op", ["is not x", "not in x y", "< 1", "exists", "is x"])
def test_what_a_probe_does_not_tell_fulfils_nothing(op: str) -> None:
    assert isinstance(judged(f"look.fact {op}", facts={"other": 1}), Broken)
    assert isinstance(judged(f"look.fact {op}", facts={"failed": "no answer", "fact": "x"}), Broken)


def test_only_absent_holds_where_it_is_not_told() -> None:
    assert isinstance(judged("look.fact absent", facts={"other": 1}), Held)
    assert isinstance(judged("look.fact absent", facts={"failed": "no answer"}), Broken)


@pytest.mark.parametrize("op", ["is x", "is not y", "exists", "absent"])
def test_text_fulfils_nothing(op: str) -> None:
    assert isinstance(judged(f"look.fact {op}", facts={"fact": "x"}, kind=EvidenceKind.TEXT), Broken)


def test_a_probe_that_has_not_run_is_asked_for_unless_another_condition_is_broken_already() -> None:
    with pytest.raises(NotAsked) as asked:
        judged("look.fact is x", "other.fact is y", facts=None)
    assert [request.probe for request in asked.value.requests] == ["look", "other"]
    assert isinstance(judged("other.fact is y", "look.fact is x", facts={"fact": "z"}), Broken)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ("unit.name is api", True),
        ("unit.instances > 1", False),
        ("unit.has_port is true", True),
        ("unit.state is running", True),
        ("unit.surges is true", False),
        ("incident.fault is crash", True),
        ("incident.attempts is 0", True),
        ("incident.age_s >= 0", True),
        ("root.unit.name is api", True),
    ],
)
def test_unit_and_incident_are_known_without_asking(condition: str, expected: bool) -> None:
    assert isinstance(judged(condition, facts=None), Held) is expected


@pytest.mark.parametrize(
    ("condition", "told"),
    [
        ("", "names no fact"),
        ("look", "names no fact"),
        ("look.fact", "is no comparison"),
        ("look.fact = 1", "is no comparison"),
        ("look.fact == 1", "is no comparison"),
        ("look.fact exist", "did you mean exists?"),
        ("look.fact is", "a value is missing"),
        ("look.fact is not", "a value is missing"),
        ("look.fact in", "a value is missing"),
        ("look.fact exists true", "nothing may follow"),
        ("look.fact < many", "compares numbers"),
        ("look.fact < true", "compares numbers"),
        ("look.__class__ is x", "names no fact"),
        ("look.fact.real is x", "names no fact"),
        ("Look.fact is x", "names no fact"),
        ("unit.nam is api", "did you mean name?"),
        ("look.fact is x\x1b[31m", "not printable"),
        ("look.fact is " + "x" * 300, "longer than"),
    ],
)
def test_what_cannot_be_read_is_named(condition: str, told: str) -> None:
    with pytest.raises(ConditionError, match=told.replace("?", r"\?")):
        parse(condition)


@given(st.text(max_size=250))
def test_any_text_is_read_or_refused_in_words(text: str) -> None:
    told = ""
    try:
        read = parse(text)
    except ConditionError as error:
        told = str(error)
    assert len(told) < 600
    if not told:
        assert not f"{read.probe} {read.fact}".startswith("_")
        assert all(isinstance(value, str | float | bool) for value in read.values)


@given(st.text(max_size=60))
def test_a_fact_is_two_or_three_plain_names(text: str) -> None:
    try:
        fact = parse_fact(text)
    except ConditionError:
        return
    assert text in (f"{fact.probe}.{fact.name}", f"root.{fact.probe}.{fact.name}")
