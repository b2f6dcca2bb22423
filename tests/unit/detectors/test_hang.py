"""Hangs: the probe fails while the process lives."""

from __future__ import annotations

from opsagent.model import Fault
from opsagent_tools.units import UnitState
from tests.support.histories import History, service, uid


def test_failing_for_a_while_is_a_hang() -> None:
    history = History(service("api"))
    history.failing(["api"], 2.5)
    assert history.open == []
    history.failing(["api"], 1)
    assert history.open == ["hang of api"]
    assert history.only().summary == "api lives but does not serve (probe: refused)"


def test_it_began_when_the_first_failed_probe_was_asked() -> None:
    history = History(service("api"))
    history.wait(2)
    asked = history.now
    history.wait(2)
    history.fail("api", "timeout", 2.0)
    history.wait(2.25)
    history.fail("api", "timeout", 2.0)
    assert history.only().began_at == asked


def test_a_blip_is_none() -> None:
    history = History(service("api"))
    for _ in range(10):
        history.failing(["api"], 2)
        history.ok("api")
        history.wait(5)
    assert [incident for incident in history.opened if incident.fault is Fault.HANG] == []


def test_one_slow_probe_is_none_however_slow() -> None:
    history = History(service("api"))
    history.fail("api", "timeout", 10.0)
    history.wait(5)
    assert history.told == []


def test_stopped_by_a_signal_one_failed_probe_does() -> None:
    history = History(service("api"))
    history.sample("api", state="T")
    history.fail("api", "timeout", 2.0)
    history.wait(1.5)
    assert history.open == ["hang of api"]
    assert history.only().summary == "api lives but does not serve (stopped by a signal)"


def test_without_a_process_it_is_no_hang() -> None:
    history = History(service("api", autorestart=False))
    history.put("api", processes=(), state=UnitState.STOPPED)
    history.failing(["api"], 10)
    assert history.told == []


def test_a_new_process_counts_from_zero() -> None:
    history = History(service("api"))
    history.die("api")
    history.failing(["api"], 10)
    history.spawn("api")
    history.mend()
    history.failing(["api"], 2)
    assert history.open == []


def test_given_up_on_it_is_told_again_only_when_something_changed() -> None:
    history = History(service("api"))
    history.failing(["api"], 4)
    history.mend(mended=False)
    history.failing(["api"], 60)
    assert len(history.opened) == 1
    history.ok("api")
    history.failing(["api"], 4)
    assert len(history.opened) == 2


def test_given_up_on_it_is_told_again_after_a_long_time() -> None:
    history = History(service("api"))
    history.failing(["api"], 4)
    history.mend(mended=None)
    history.failing(["api"], 605)
    assert len(history.opened) == 2


def test_a_death_in_a_hang_makes_it_a_crash() -> None:
    history = History(service("api"))
    history.failing(["api"], 4)
    history.die("api")
    assert history.open == ["crash of api"]
    assert len(history.opened) == 1


def test_the_same_failure_again_is_no_news_and_recovery_is() -> None:
    history = History(service("api"))
    history.failing(["api"], 10)
    assert history.updated == []
    history.ok("api")
    history.ok("api")
    assert len(history.updated) == 1


def test_stopped_by_a_signal_it_hangs_even_where_the_port_still_answers() -> None:
    history = History(service("api", instances=2))
    frozen = history.world.units[uid("api")].processes[0].key
    for second in range(8):
        history.sample("api", state="T", process=frozen)
        history.ok("api")
        history.wait(1)
        if second < 4:
            assert history.open == []
    assert history.open == ["hang of api"]
    assert history.only().summary == "api lives but does not serve (stopped by a signal)"


def test_stopped_for_a_moment_is_none() -> None:
    history = History(service("api"))
    for state in "TTTSTTTS":
        history.sample("api", state=state)
        history.wait(1)
    assert history.told == []
