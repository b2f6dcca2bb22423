"""Whose rights are given back: what a service is refused, and not what somebody closed while it was in other trouble."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.model import Act, Fault, Scalar
from tests.support.cases import BEGAN, HANGS, case_of, outcome

TAKEN: dict[str, Scalar] = {
    "known": True,
    "changed": True,
    "denied": True,
    "opened": False,
    "restorable": True,
    "used": False,
    "files": "[]",
    "restored": 1,
    "path": "/srv/api/dump.sql",
    "word": "read",
    "first_at": BEGAN.timestamp() - 2,
    "changed_at": BEGAN.timestamp() - 2,
    "said": "dump.sql changed its mode from 0644 to 0600",
}
FAILS: dict[str, Scalar] = {**HANGS["health_now"], "reason": "status", "said": "status 500"}


def done(answers: dict[str, Any]) -> list[str]:
    decision, _ = outcome(case_of(Fault.HANG), {**HANGS, **answers})
    return [str(step.action) for step in decision.plan.steps] if isinstance(decision, Act) else []


@pytest.mark.parametrize(
    ("change", "health", "given_back"),
    [(TAKEN, FAILS, True), ({**TAKEN, "used": True}, HANGS["health_now"], True), (TAKEN, HANGS["health_now"], False)],
    ids=["it is refused something", "it needs that file", "it is stuck, and may not even use it"],
)
def test_what_was_closed_is_opened_only_for_who_is_refused_it(
    change: dict[str, Scalar], health: dict[str, Scalar], given_back: bool
) -> None:
    assert ("restore_mode:api" in done({"modes_changed": change, "health_now": health})) is given_back
