"""Bursts of error lines, measured against the unit's own past."""

from __future__ import annotations

from tests.support.histories import History, service


def quiet(history: History, seconds: float, per_second: int = 0) -> None:
    for _ in range(int(seconds)):
        if per_second:
            history.error("api", "the usual", per_second)
        history.ok("api")
        history.wait(1)


def test_far_more_errors_than_usual() -> None:
    history = History(service("api"))
    quiet(history, 60)
    quiet(history, 10, per_second=5)
    assert history.open == ["error_burst of api"]


def test_what_is_usual_for_a_unit_is_no_burst() -> None:
    history = History(service("api"))
    quiet(history, 300, per_second=5)
    assert history.told == []


def test_a_few_lines_are_none() -> None:
    history = History(service("api"))
    quiet(history, 60)
    quiet(history, 10, per_second=1)
    assert history.told == []


def test_before_its_past_is_known_nothing_is_told() -> None:
    history = History(service("api"))
    quiet(history, 20, per_second=50)
    assert history.told == []


def test_errors_of_a_unit_in_trouble_are_its_symptoms() -> None:
    history = History(service("api"))
    quiet(history, 60)
    history.die("api", 1, respawn=True)
    quiet(history, 10, per_second=20)
    assert history.open == ["crash of api"]
    assert "the usual" in {symptom.data.get("signature") for symptom in history.only().symptoms}


def test_errors_because_of_an_upstream_are_its_symptoms_and_its_tail_is_none() -> None:
    history = History(service("store"), service("api", "store"))
    quiet(history, 60)
    history.die("store")
    quiet(history, 10, per_second=20)
    assert history.open == ["crash of store (api)"]
    history.spawn("store")
    history.mend()
    quiet(history, 5, per_second=20)
    assert len(history.opened) == 1


def test_a_burst_that_goes_on_has_one_incident_until_it_is_over() -> None:
    history = History(service("api"))
    quiet(history, 60)
    quiet(history, 10, per_second=10)
    history.mend(mended=False)
    quiet(history, 20, per_second=10)
    assert len(history.opened) == 1
    quiet(history, 120)
    quiet(history, 10, per_second=10)
    assert [incident.fault.value for incident in history.opened] == ["error_burst"] * 2


def test_a_burst_after_a_repair_is_another_one() -> None:
    history = History(service("api"))
    quiet(history, 60)
    quiet(history, 10, per_second=10)
    history.mend()
    quiet(history, 20, per_second=10)
    assert len(history.opened) == 2


def test_a_flood_of_kinds_stays_bounded() -> None:
    history = History(service("api"))
    quiet(history, 40)
    history.die("api", 1, respawn=True)
    for number in range(500):
        history.error("api", f"kind {number}")
    assert len(history.only().symptoms) <= history.detector.config.symptoms_kept
