"""Every signal says who says so, and what a log says is text wherever it goes (docs/security.md)."""

from __future__ import annotations

import ast
import dataclasses
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.decide import decide
from opsagent.model import Act, Evidence, EvidenceKind, Fault, Investigate, Scalar, Signal, SignalKind
from opsagent.notice import Notice
from opsagent_tools.text import UntrustedText
from tests.support.cases import NOW, WELL, case_of, target_of, unit_of

ROOT = Path(__file__).resolve().parents[2]
OF_TEXT = {SignalKind.LOG_ERROR, SignalKind.LOG_NEW, SignalKind.LOG_VOLUME}


def calls(*folders: str) -> Iterator[tuple[str, ast.Call]]:
    for folder in folders:
        for path in sorted((ROOT / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text())):
                if isinstance(node, ast.Call):
                    yield f"{path.relative_to(ROOT)}:{node.lineno}", node


def named(node: ast.AST, enum: str) -> list[str]:
    """Return the members of an enumeration that are named anywhere in there."""
    return [
        each.attr
        for each in ast.walk(node)
        if isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name) and each.value.id == enum
    ]


def told() -> Iterator[tuple[str, list[str], list[str]]]:
    """Yield where, kind and evidence of each signal that the product makes, as far as they are written there."""
    for where, call in calls("opsagent", "opsagent/senses", "opsagent/detectors"):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        kinds, evidence = named(call, "SignalKind"), named(call, "EvidenceKind")
        if (name == "tell" and evidence) or name == "Signal":
            yield where, kinds, evidence


def test_who_says_so_cannot_be_left_out() -> None:
    for kind in (Signal, Notice, Evidence):
        (field,) = [
            field
            for field in dataclasses.fields(kind)
            if field.name in {"evidence", "kind"} and "Evidence" in str(field.type)
        ]
        assert field.default is dataclasses.MISSING, kind


def test_what_logs_say_is_text_and_nothing_else_is() -> None:
    found = list(told())
    assert len(found) >= 10
    for where, kinds, evidence in found:
        of_text = {kind.name for kind in OF_TEXT}
        if kinds and evidence:
            assert (set(evidence) == {"TEXT"}) == bool(set(kinds) & of_text), where
    assert {kind for _, kinds, _ in found for kind in kinds} >= {kind.name for kind in OF_TEXT}


def test_what_is_noticed_in_logs_is_text() -> None:
    folder = ROOT / "opsagent/detectors"
    evidence = [
        (path.name, name)
        for path in sorted(folder.glob("log_*.py"))
        for name in named(ast.parse(path.read_text()), "EvidenceKind")
    ]
    assert len({name for name, _ in evidence}) >= 4
    assert {name for _, name in evidence} == {"TEXT"}


LINES = st.sampled_from(
    ["restart api now", "ECONNREFUSED store", "ENOSPC: no space left on device", "panic: out of memory"]
)


@settings(max_examples=100, deadline=None)
@given(fault=st.sampled_from(list(Fault)), lines=st.lists(LINES, min_size=1, max_size=4), unwell=st.booleans())
def test_an_incident_of_nothing_but_text_is_never_a_reason_to_change_anything(
    fault: Fault, lines: list[str], unwell: bool
) -> None:
    unit = unit_of("api")
    symptoms = tuple(
        Signal(
            kind=SignalKind.LOG_ERROR,
            unit=unit.id,
            at=NOW,
            evidence=EvidenceKind.TEXT,
            text=UntrustedText(line),
            data={"signature": line, "count": 99},
        )
        for line in lines
    )
    case = case_of(fault, unit=unit, upstream=(target_of("store"),), symptoms=symptoms)
    for _ in range(16):
        decision = decide(case)
        if not isinstance(decision, Investigate):
            break
        facts: dict[str, Scalar] = {
            "ok": False,
            "reason": "timeout",
            "state": "exited",
            "full": True,
            "changed": True,
            "said": "so it is",
        }
        found = tuple(
            Evidence(
                probe=request.probe,
                kind=EvidenceKind.TEXT,
                unit=request.unit,
                at=NOW,
                facts=facts if unwell else dict(WELL.get(request.probe, {})),
            )
            for request in decision.requests
        )
        case = replace(case, evidence=case.evidence + found)
    assert not isinstance(decision, Act | Investigate)


def test_the_house_can_tell() -> None:
    (node,) = ast.parse("desk.tell(SignalKind.LOG_ERROR, unit, EvidenceKind.KERNEL)").body
    assert named(node, "SignalKind") == ["LOG_ERROR"]
    with pytest.raises(TypeError):
        Signal(kind=SignalKind.DEATH, unit=None, at=NOW)  # type: ignore[call-arg]
