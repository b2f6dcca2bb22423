"""What came to mind for an incident: kept with its timeline, shown with why, and with what learning made of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from opsagent.model import RemedyOdds
from opsagent.recollected import KIND, data_of, line_of, recollections
from opsagent.views.incidents import page
from opsagent.views.terminal import Screen

START = RemedyOdds(
    remedy="crash/start",
    similarity=0.93,
    tries=4,
    successes=3,
    score=0.71,
    last_worked=datetime(2026, 3, 1, tzinfo=UTC),
    why="similarity 0.93, worked 3 of 4 times",
    without_learning=0.7,
    by_expert={"kernel": 0.75, "linear": 0.6},
)
STALE = RemedyOdds(remedy="crash/quarantine_lock", similarity=0.9, tries=9, successes=5, score=0.4, stale=True)


def event(odds: RemedyOdds) -> dict[str, Any]:
    return {"kind": KIND, "text": line_of(odds), "data": data_of(odds), "at": "2026-03-01T00:00:00+00:00", "by": ""}


def test_it_is_read_back_as_it_was_kept() -> None:
    found = recollections([event(START), {"kind": "opened", "text": "x", "data": {}}, event(STALE)])
    assert [one["remedy"] for one in found] == ["crash/start", "crash/quarantine_lock"]
    assert found[0]["by_expert"] == {"kernel": 0.75, "linear": 0.6}
    assert found[0]["why"] == "crash/start: similarity 0.93, worked 3 of 4 times"
    assert found[1]["why"] == "crash/quarantine_lock: stale"
    assert all(isinstance(value, str | int | float | bool) for value in data_of(START).values())


def test_what_an_older_agent_wrote_is_shown_too() -> None:
    old = {"kind": KIND, "text": "worked once", "data": {"remedy": "crash/start"}}
    assert recollections([old]) == [{"remedy": "crash/start", "by_expert": {}, "why": "worked once"}]


def test_a_person_sees_why_it_came_and_what_it_would_be_without_learning() -> None:
    incident = {
        "id": "inc-1", "fault": "crash", "name": "api", "status": "open", "summary": "api crashed", "affected": [],
        "began_at": "2026-03-01T00:00:00+00:00", "mttd_s": None, "mttr_s": None, "outcome": "", "evidence": [],
        "hypotheses": [], "plans": [], "timeline": [], "documents": ["from a.md: “x\x1b[31m”"],
        "recollections": recollections([event(START), event(STALE)]),
    }  # fmt: skip
    lines = "\n".join(page(incident, Screen()))
    assert "0.71  crash/start: similarity 0.93, worked 3 of 4 times" in lines
    assert "without learning 0.70; kernel 0.75, linear 0.60" in lines
    assert "0.40  crash/quarantine_lock: stale" in lines
    assert "from a.md" in lines
    assert "\x1b" not in lines
