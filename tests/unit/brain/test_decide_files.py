"""What files do to a service: whose rights are given back and whose not, and what follows when a full disk has room again."""

from __future__ import annotations

from typing import Any

import pytest

from opsagent.model import Act, Attempt, Escalate, Fault, Scalar
from tests.support.cases import BEGAN, HANGS, case_of, outcome, unit_of

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


STILL_REFUSES: dict[str, dict[str, Any]] = {
    "own_logs": {"full": False, "fills": False, "said": "no file system that it writes to is full"},
    "health_now": {"configured": True, "ok": False, "reason": "status", "failing_s": 9.0, "said": "status 500"},
}


def test_room_that_another_incident_made_and_that_is_not_enough_is_followed_by_a_restart() -> None:
    """The full disk was an incident of the machine, and mended; the service that suffered from it has one of its own."""
    made = Attempt(remedy="disk_full/rotate_log", unit=unit_of("api").id, better=True)
    decision, _ = outcome(case_of(Fault.HANG, beside=(made,)), STILL_REFUSES)
    assert isinstance(decision, Act)
    assert decision.plan.remedy == "disk_full/restart"
    assert "there is room again, and api does not serve all the same" in decision.plan.why


@pytest.mark.parametrize("beside", [(), (Attempt(remedy="hang/restart", unit=unit_of("api").id, better=True),)])
def test_who_answers_with_a_failure_is_not_restarted_for_that_alone(beside: tuple[Attempt, ...]) -> None:
    decision, _ = outcome(case_of(Fault.HANG, beside=beside), STILL_REFUSES)
    assert isinstance(decision, Escalate)
