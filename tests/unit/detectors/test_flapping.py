"""A probe that answers and fails in turn: noticed, and when it lasts an incident; a blip or a deploy is nothing."""

from __future__ import annotations

from opsagent.detectors.saturation import lasts
from opsagent.model import EvidenceKind, Fault, SignalKind
from opsagent.notice import NoticeKind
from tests.support.histories import History, service, uid
from tests.support.measured import noticed


def toggle(history: History, times: int, seconds: float) -> None:
    """Let one probe fail and the next ones be answered, again and again."""
    for _ in range(times):
        history.fail("api")
        history.wait(1, step=1)
        history.ok("api")
        history.wait(seconds - 1, step=5)


def test_some_blips_are_noticed_once_and_wake_nobody() -> None:
    history = History(service("api"))
    toggle(history, 7, 60)
    assert history.opened == []
    (notice,) = noticed(history)
    assert (notice.kind, notice.unit, notice.evidence) == (NoticeKind.FLAPPING, uid("api"), EvidenceKind.PROBE)
    assert "answered and failed in turn" in notice.text


def test_what_goes_on_for_ten_minutes_is_an_incident() -> None:
    history = History(service("api"))
    toggle(history, 30, 45)
    incident = history.only()
    assert (incident.fault, incident.unit) == (Fault.FLAPPING, uid("api"))
    assert {symptom.kind for symptom in incident.symptoms} <= {SignalKind.PROBE_FAILED, SignalKind.PROBE_OK}
    assert incident.summary == "api is well and not well in turn"


def test_it_is_over_after_five_calm_minutes() -> None:
    history = History(service("api"))
    toggle(history, 30, 45)
    incident = history.only()
    assert lasts(incident, history.world, history.now)
    history.ok("api")
    history.wait(400, step=10)
    assert not lasts(incident, history.world, history.now)


def test_one_that_a_person_stopped_begins_anew() -> None:
    history = History(service("api"))
    for _ in range(4):
        toggle(history, 3, 40)
        history.stop("api")
        history.put("api", processes=())
        history.spawn("api")
    assert history.opened == []
    assert noticed(history) == []


def test_one_outage_is_a_hang_and_no_flapping() -> None:
    history = History(service("api"))
    history.ok("api")
    history.failing(["api"], 30)
    assert history.open == ["hang of api"]
    assert noticed(history) == []
