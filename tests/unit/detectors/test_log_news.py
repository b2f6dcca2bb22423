"""What is new in a log: told once, not of what is young or being worked on, and an error that comes back is known."""

from __future__ import annotations

from datetime import timedelta

import pytest

from opsagent.detect import DetectorConfig
from opsagent.maintenance import Window, Windows, weekly
from opsagent.model import EvidenceKind
from tests.support.histories import START, History, service, uid


def settled(seconds: float = 700, **values: float) -> History:
    history = History(service("api"), config=DetectorConfig(**values))  # type: ignore[arg-type]
    history.wait(seconds, step=10)
    return history


def test_a_new_error_is_noticed_once_and_opens_nothing() -> None:
    history = settled()
    history.new("api", "no table <n>")
    history.new("api", "no table <n>")
    assert history.noticed == ["new_signature of api"]
    assert history.notices[0].evidence is EvidenceKind.TEXT
    assert history.notices[0].text == "api logs a new error: no table <n>"
    assert history.opened == []


@pytest.mark.parametrize(
    ("level", "after_s", "noticed"),
    [
        ("error", 30, False),
        ("error", 90, True),
        ("fatal", 90, True),
        ("warn", 90, False),
        ("warn", 700, True),
        ("info", 700, False),
        ("", 700, False),
        ("info", 3700, True),
    ],
)
def test_the_milder_the_longer_the_unit_must_be_known(level: str, after_s: float, noticed: bool) -> None:
    history = settled(after_s)
    history.new("api", "something", level)
    assert bool(history.noticed) is noticed


def test_who_logs_something_new_all_the_time_has_no_news_but_errors() -> None:
    history = settled(3700)
    for number in range(20):
        history.new("api", f"word {number}", "info")
        history.wait(60, step=10)
    assert history.noticed == ["new_signature of api"]
    history.new("api", "bad", "error")
    assert len(history.noticed) == 2


def test_of_fifty_new_errors_a_few_are_told_and_then_the_number() -> None:
    history = settled()
    for number in range(50):
        history.new("api", f"kind {number}")
    assert len(history.noticed) == 5
    history.wait(700, step=10)
    assert len(history.noticed) == 6
    assert "45 more like it" in history.notices[-1].text


def test_of_hundreds_of_services_that_log_the_same_error_the_number_is_told() -> None:
    names = [f"s{number}" for number in range(200)]
    history = History(*map(service, names))
    history.wait(200, step=10)
    for name in names:
        history.new(name, "library broke")
    assert len(history.notices) == 30
    history.wait(700, step=10)
    told = [one.text for one in history.notices[30:]]
    assert told[0] == "s30 logs a new error: library broke"
    assert told[-1] == (
        "165 more things of 165 services were noticed in 10 min, the last: s199 logs a new error: library broke"
    )
    assert len(told) == 6


def test_after_a_release_it_is_laid_to_that() -> None:
    history = settled()
    history.detector.released(uid("api"), history.now - timedelta(minutes=2))
    history.new("api", "no column <n>")
    assert history.noticed == ["new_since_release of api"]
    assert history.notices[0].text == "api logs a new error since the release 2 min ago: no column <n>"
    history.wait(3600, step=10)
    history.new("api", "quite another one")
    assert history.noticed[1:] == ["new_signature of api"]


@pytest.mark.parametrize("why", ["on hold", "paused", "maintenance"])
def test_nothing_while_people_work_on_it_but_what_goes_on_afterwards(why: str) -> None:
    history = settled()
    history.detector.ordered({uid("api"): why} if why == "on hold" else {}, "by ann" if why == "paused" else "")
    if why == "maintenance":
        window = Window(units=("api",), when=weekly("00:00-24:00", "UTC"), why="moving the disk")
        history.world.maintenance = Windows([window])
    history.new("api", "no table <n>")
    history.error("api", "no table <n>")
    history.new("api", "only while it is deployed")
    history.volume("api", 9, skipped=1)
    assert history.noticed == []
    history.detector.ordered({})
    history.world.maintenance = Windows()
    history.wait(10)
    history.error("api", "no table <n>")
    history.error("api", "no table <n>")
    assert history.noticed == ["new_signature of api"]


def crashed_and_repaired(history: History) -> None:
    history.error("api", "cannot read <path>")
    history.die("api", 1)
    history.spawn("api")
    history.wait(5)
    history.mend()


def test_an_error_of_a_repaired_incident_that_comes_back() -> None:
    history = settled()
    crashed_and_repaired(history)
    history.wait(120)
    history.error("api", "cannot read <path>")
    history.error("api", "cannot read <path>")
    assert history.noticed == ["came_back of api"]
    assert "i1" in history.notices[0].text


def test_the_tail_of_an_incident_has_not_come_back() -> None:
    history = settled()
    crashed_and_repaired(history)
    history.wait(10)
    history.error("api", "cannot read <path>")
    assert history.noticed == []


def test_what_was_common_before_the_incident_does_not_come_back() -> None:
    history = settled()
    history.error("api", "cannot read <path>")
    history.wait(100)
    crashed_and_repaired(history)
    history.wait(120)
    history.error("api", "cannot read <path>")
    assert history.noticed == []


def test_an_incident_that_nobody_repaired_is_not_expected_to_be_over() -> None:
    history = settled()
    history.error("api", "cannot read <path>")
    history.die("api", 1)
    history.mend(mended=False)
    history.spawn("api")
    history.wait(120)
    history.error("api", "cannot read <path>")
    assert history.noticed == []


def test_incidents_of_an_earlier_life_are_remembered_but_not_what_is_common() -> None:
    earlier = settled()
    earlier.error("api", "cannot read <path>")
    earlier.error("api", "the usual")
    earlier.die("api", 1)
    incident = earlier.only()
    history = settled(1)
    history.detector.remember(incident, START - timedelta(hours=1))
    history.error("api", "the usual")
    history.wait(700, step=10)
    history.error("api", "the usual")
    history.error("api", "cannot read <path>")
    assert history.noticed == ["came_back of api"]
    assert history.notices[0].data["key"] == "cannot read <path>"


def test_foreign_text_in_a_notice_is_harmless() -> None:
    history = settled()
    history.new("api", "bad \x1b[31m\nthing password=hunter2hunter2 " + "x" * 500)
    (notice,) = history.notices
    assert "\x1b" not in notice.text
    assert "\n" not in notice.text
    assert "hunter2" not in notice.text
    assert len(notice.text) < 200
