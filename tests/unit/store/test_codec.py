"""What goes into the store or over the local API comes back equal."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.api.protocol import decode, encode
from opsagent.model import Evidence, Hypothesis, Incident, Plan, Signal, Step
from opsagent.store.codec import SYMPTOMS_FIRST, SYMPTOMS_LAST, TEXT_MAX, bounded, from_plain, to_plain, utc
from opsagent_tools.text import UntrustedText
from tests.unit.store import values

_KINDS: dict[type[Any], st.SearchStrategy[Any]] = {
    Plan: values.plans,
    Step: values.steps,
    Signal: values.signals,
    Incident: values.incidents,
    Evidence: values.evidence,
    Hypothesis: values.hypotheses,
}


@pytest.mark.parametrize("kind", _KINDS, ids=lambda kind: kind.__name__)
@settings(deadline=None, max_examples=50)
@given(data=st.data())
def test_every_value_round_trips_through_json(kind: type[Any], data: st.DataObject) -> None:
    value = data.draw(_KINDS[kind])
    assert from_plain(json.loads(json.dumps(to_plain(value))), kind) == value
    assert from_plain(decode(encode({"value": value}))["value"], kind) == value


@settings(deadline=None, max_examples=50)
@given(values.plans)
def test_numbers_keep_their_kind(plan: Plan) -> None:
    again = from_plain(json.loads(json.dumps(to_plain(plan))), Plan)
    for before, after in zip(plan.steps, again.steps, strict=True):
        assert [type(value) for value in after.action.args.values()] == [
            type(value) for value in before.action.args.values()
        ]


def test_what_is_no_such_value_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError):
        from_plain({"id": "p"}, Plan)
    with pytest.raises(TypeError, match="cannot be stored: object"):
        to_plain({"x": object()})


def test_numbers_that_json_does_not_have_become_text() -> None:
    assert to_plain({"a": math.inf, "b": [math.nan], "c": 1.5}) == {"a": "inf", "b": ["nan"], "c": 1.5}


def test_an_incident_keeps_its_first_and_its_latest_symptoms() -> None:
    one = values.incident()
    many = tuple(
        replace(one.symptoms[0], data={"n": number}, text=UntrustedText("x" * (TEXT_MAX + 100)))
        for number in range(500)
    )
    kept = bounded(replace(one, symptoms=many)).symptoms
    assert [symptom.data["n"] for symptom in kept[:SYMPTOMS_FIRST]] == list(range(SYMPTOMS_FIRST))
    assert kept[-1].data["n"] == 499
    assert len(kept) == SYMPTOMS_FIRST + SYMPTOMS_LAST
    assert all(symptom.text is not None and len(symptom.text.raw) == TEXT_MAX for symptom in kept)


def test_times_are_aware() -> None:
    with pytest.raises(ValueError, match="without a zone"):
        utc(datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point
    assert utc(datetime(2026, 1, 1, 9, tzinfo=timezone(timedelta(hours=9)))).hour == 0
