"""Signals of one cause in one incident, at its unit and with the reason; two causes at once stay two. Tables."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.detectors.describe import summary
from opsagent.detectors.suspicion import Suspicion
from opsagent.model import EvidenceKind, Fault, Scalar, Signal, SignalKind
from opsagent.naming import host_unit
from opsagent.topology import Link, Node
from tests.support.histories import MB, History, line, service, uid


def three_on_a_store() -> History:
    return History(
        service("store", autorestart=False), service("a", "store"), service("b", "store"), service("c", "store")
    )


EVENTS: dict[str, Callable[[History], None]] = {
    "the store ends": lambda history: history.die("store", 1),
    "a fails": lambda history: history.fail("a"),
    "b fails": lambda history: history.fail("b", "status"),
    "c fails": lambda history: history.fail("c", "timeout", 2.0),
    "the store fails": lambda history: history.fail("store"),
    "a logs errors": lambda history: history.error("a", "no store", 30),
    "b ends for it": lambda history: history.die("b", 1, respawn=True),
}


@settings(max_examples=40, deadline=None)
@given(order=st.permutations(sorted(EVENTS)), pause=st.sampled_from([0.0, 0.3, 1.0]))
def test_a_store_that_is_down_is_one_incident_in_whatever_order_its_symptoms_come(
    order: list[str], pause: float
) -> None:
    history = three_on_a_store()
    for event in order:
        EVENTS[event](history)
        history.wait(pause)
    history.failing(["a", "store", "b", "c"], 5)
    (incident,) = history.detector.open
    assert line(incident) == "crash of store (a, b, c)"
    assert "depend on store" in incident.why_root


def test_two_crashes_in_the_same_second_are_two() -> None:
    history = History(service("a"), service("b"), service("x", "a"), service("y", "b"))
    history.die("a", 1)
    history.wait(0.3)
    history.die("b", 1)
    history.failing(["x", "y"], 4)
    assert sorted(history.open) == ["crash of a (x)", "crash of b (y)"]


def test_a_crash_and_a_leak_below_it_are_two_in_either_order() -> None:
    for crash_first in (True, False):
        history = History(service("a", autorestart=False), service("b", "a", max_memory=100 * MB))
        if crash_first:
            history.die("a", 1)
        for second in range(60):
            history.sample("b", 60 * MB + second * 0.6 * MB)
            history.wait(1)
            if second == 50 and not crash_first:
                history.die("a", 1)
        assert sorted(history.open) == ["crash of a", "memory_growth of b"], crash_first


def test_what_restarts_at_its_memory_limit_is_one_incident() -> None:
    history = History(service("a", max_memory=100 * MB), service("b", "a"))
    for second in range(60):
        history.sample("a", 60 * MB + second * 0.6 * MB)
        history.wait(1)
    history.die("a", -9, respawn=True)
    history.wait(3)
    assert [incident.unit.name for incident in history.detector.open] == ["a"]
    assert len(history.opened) == 1


def test_a_leak_explains_no_crash_below() -> None:
    history = History(service("a", max_memory=100 * MB), service("b", "a"))
    for second in range(60):
        history.ok("a")
        history.sample("a", 60 * MB + second * 0.6 * MB)
        history.wait(1)
    history.die("b", 1)
    assert sorted(history.open) == ["crash of b", "memory_growth of a"]


def test_symptoms_that_come_minutes_later_join() -> None:
    history = History(service("store", autorestart=False), service("api", "store"))
    history.die("store", 1)
    history.failing(["store"], 240)
    history.failing(["api", "store"], 5)
    assert history.open == ["crash of store (api)"]


def test_a_chain_of_four() -> None:
    history = History(
        service("d", autorestart=False), service("c", "d", health=None), service("b", "c"), service("a", "b")
    )
    history.failing(["a"], 4)
    history.failing(["a", "b"], 2)
    history.die("d", 1)
    history.failing(["a", "b"], 4)
    assert history.open == ["crash of d (a, b)"]


def test_in_a_circle_it_is_who_failed_first() -> None:
    for first, second in (("a", "b"), ("b", "a")):
        history = History(service("a", "b"), service("b", "a"))
        history.failing([first], 2.0)
        history.failing([first, second], 12)
        (incident,) = history.detector.open
        assert incident.unit.name == first


def test_what_stops_a_process_by_a_signal_is_nothing_further_up() -> None:
    history = History(service("store", autorestart=False), service("api", "store"))
    history.sample("api", state="T")
    history.failing(["api"], 4, "timeout")
    history.die("store", 1)
    assert sorted(history.open) == ["crash of store", "hang of api"]


def test_trouble_that_began_before_is_not_explained_by_what_came_after() -> None:
    history = History(service("store", autorestart=False), service("api", "store"))
    for name in ("store", "api"):
        history.ok(name)
    history.failing(["api"], 4)
    for _ in range(20):
        history.ok("store")
        history.failing(["api"], 1)
    history.die("store", 1)
    assert sorted(history.open) == ["crash of store", "hang of api"]


def test_a_probe_that_is_seldom_asked_tells_later_than_those_below() -> None:
    history = History(service("store"), service("api", "store"))
    history.ok("store")
    history.wait(2)
    history.failing(["api"], 20)
    assert history.open == ["hang of api"]
    history.fail("store", "timeout")
    history.failing(["api"], 4)
    history.fail("store", "timeout")
    assert history.open == ["hang of store (api)"]
    assert len(history.opened) == 1


def burst(history: History, name: str) -> None:
    for _ in range(8):
        history.error(name, f"{name} cannot", 10)
        history.wait(0.5)


def test_text_never_makes_a_root_of_what_is_well_by_every_other_word() -> None:
    history = History(service("store"), service("api", "store", autorestart=False))
    history.wait(60)
    history.ok("store")
    burst(history, "store")
    assert history.open == ["error_burst of store"]
    history.die("api", 1)
    assert sorted(history.open) == ["crash of api", "error_burst of store"]
    crash = next(incident for incident in history.detector.open if incident.fault is Fault.CRASH)
    assert crash.why_root == "perhaps because of store, which logs far more errors than usual; only its log says so"


def test_text_above_explains_text_below() -> None:
    history = History(service("store"), service("api", "store"))
    history.wait(60)
    burst(history, "store")
    burst(history, "api")
    assert history.open == ["error_burst of store (api)"]


def test_text_above_that_comes_later_takes_nothing_over() -> None:
    history = History(service("store"), service("api", "store"))
    history.wait(60)
    history.failing(["api"], 4)
    burst(history, "store")
    assert sorted(history.open) == ["error_burst of store", "hang of api"]


def well(history: History, seconds: int) -> None:
    for _ in range(seconds):
        history.signal(SignalKind.PROBE_OK, "store", latency_s=0.01)
        history.ok("api")
        history.wait(1, step=1)


def slow_store(history: History) -> None:
    well(history, 80)
    for _ in range(4):
        history.signal(SignalKind.PROBE_OK, "store", latency_s=1.5)
        history.wait(1, step=1)


def test_a_slow_upstream_explains_what_fails_below() -> None:
    history = History(service("store"), service("api", "store"))
    slow_store(history)
    assert history.noticed == ["level_shift of store"]
    assert history.opened == []
    history.failing(["api"], 4, "timeout")
    incident = history.only()
    assert line(incident) == "degraded of store (api)"
    assert incident.summary == "store answers far more slowly than usual; api affected"
    assert "is slow" in incident.why_root


def becomes_slow(history: History, seconds: int, answers_s: float) -> None:
    """What is below gives up before the upstream has answered slowly three times."""
    for second in range(seconds):
        history.fail("api", "timeout")
        if second % 2:
            history.signal(SignalKind.PROBE_OK, "store", latency_s=answers_s)
        history.wait(1, step=0.5)


def test_what_fails_below_first_waits_until_it_is_sure_that_the_upstream_is_slow() -> None:
    history = History(service("store"), service("api", "store"))
    well(history, 80)
    becomes_slow(history, 9, answers_s=1.5)
    assert [line(incident) for incident in history.opened] == ["degraded of store (api)"]


def test_what_fails_below_does_not_wait_where_the_upstream_is_quick() -> None:
    history = History(service("store"), service("api", "store"))
    well(history, 80)
    becomes_slow(history, 5, answers_s=0.01)
    assert history.open == ["hang of api"]


def test_it_waits_for_seconds_only() -> None:
    history = History(service("store"), service("api", "store"))
    well(history, 80)
    history.signal(SignalKind.PROBE_OK, "store", latency_s=1.5)
    history.failing(["api"], 7, "timeout")
    assert history.opened == []
    history.failing(["api"], 3, "timeout")
    assert history.open == ["hang of api"]


def test_one_that_is_quick_again_does_not() -> None:
    history = History(service("store"), service("api", "store"))
    slow_store(history)
    history.signal(SignalKind.PROBE_OK, "store", latency_s=0.01)
    history.failing(["api"], 4, "timeout")
    assert history.open == ["hang of api"]


def test_an_upstream_that_was_well_again_long_before_explains_nothing() -> None:
    history = History(service("store"), service("api", "store"))
    history.die("store", 1, respawn=True)
    for _ in range(30):
        history.ok("store")
        history.ok("api")
        history.wait(1)
    history.die("api", 1)
    assert sorted(history.open) == ["crash of api", "crash of store"]


def learn(history: History, source: str, target: str, times: int) -> None:
    link = Link(Node.of(uid(source)), Node.of(uid(target)), port=9)
    for number in range(times):
        history.world.topology.take([link], list(history.world.units), history.now + timedelta(seconds=number), 1.0)


def test_what_connections_say_explains_too_and_says_so() -> None:
    history = History(service("store", autorestart=False), service("api"))
    learn(history, "api", "store", 9)
    history.die("store", 1)
    history.failing(["api"], 4)
    assert history.open == ["crash of store (api)"]
    assert "as seen from their connections" in history.only().why_root


def test_never_against_the_direction_of_a_connection() -> None:
    history = History(service("store"), service("api", autorestart=False))
    learn(history, "api", "store", 9)
    history.die("api", -9)
    history.failing(["store"], 4)
    assert sorted(history.open) == ["crash of api", "hang of store"]


@pytest.mark.parametrize("why", ["seen once", "stale"])
def test_a_connection_that_is_not_sure_blames_nobody(why: str) -> None:
    history = History(service("store", autorestart=False), service("api"))
    learn(history, "api", "store", 1 if why == "seen once" else 9)
    if why == "stale":
        for _ in range(40):
            history.world.topology.take([], list(history.world.units), history.now, 86_400.0)
    history.die("store", 1)
    history.failing(["api"], 4)
    assert sorted(history.open) == ["crash of store", "hang of api"]


@pytest.mark.parametrize("well", [True, False])
def test_a_connection_to_what_was_stopped_blames_it_only_where_it_is_missed(well: bool) -> None:
    history = History(service("old"), service("api", autorestart=False))
    learn(history, "api", "old", 9)
    history.stop("old")
    fine = [uid("api")] if well else []
    history.world.topology.take([], [uid("api")], history.now, 4000.0, well=fine, absent=[uid("old")])
    history.die("api", 1)
    assert history.open == (["crash of api"] if well else ["dependency_down of old (api)"])


def full_disk(history: History) -> None:
    data: dict[str, Scalar] = {"resource": "disk", "mount": "/var", "size": 100, "used": 99, "share": 0.99}
    signal = Signal(
        kind=SignalKind.HOST_SAMPLE, unit=host_unit(), at=history.now, evidence=EvidenceKind.KERNEL, data=data
    )
    suspicion = Suspicion(fault=Fault.SATURATION, unit=host_unit(), began_at=history.now, symptoms=(signal,))
    history.told += history.detector._groups.settle(suspicion, history.world, history.now)


def test_what_ends_because_the_disk_is_full_belongs_to_the_machine() -> None:
    history = History(service("a", autorestart=False), service("b", autorestart=False))
    full_disk(history)
    history.error("a", "ENOSPC: no space left on device, write")
    history.die("a", 1)
    history.die("b", 1)
    assert sorted(history.open) == ["crash of b", "saturation of machine (a)"]


def test_a_full_disk_that_only_a_log_knows_of_is_none() -> None:
    history = History(service("a", autorestart=False))
    history.error("a", "ENOSPC: no space left on device, write")
    history.die("a", 1)
    assert history.open == ["crash of a"]


def test_the_reason_stays_as_it_was_while_nothing_is_new() -> None:
    history = History(service("store", autorestart=False), service("a", "store"), service("b", "store"))
    history.die("store", 1)
    history.failing(["a", "b"], 6)
    told = len(history.updated)
    history.wait(20)
    assert len(history.updated) == told
    assert history.only().why_root.startswith("a, b depend on store (as configured), which ended by itself")


def test_the_summary_names_who_is_affected() -> None:
    assert "api affected" in summary(Fault.CRASH, uid("store"), (), frozenset({uid("api")}))


def test_what_began_after_a_release_says_so_and_names_who_got_one_with_it() -> None:
    history = History(service("a"), service("b"), service("c"))
    for name in ("a", "b"):
        history.detector.released(uid(name), history.now)
    history.wait(60)
    history.die("a", 1)
    history.die("b", 1)
    history.die("c", 1)
    assert [incident.why_root for incident in history.detector.open] == [
        "it began 1 min after a got another release",
        "it began 1 min after b got another release; a got one with it, and is in trouble too",
        "",
    ]


def test_an_open_incident_is_not_told_anew_of_each_of_a_thousand_errors() -> None:
    history = History(service("api", autorestart=False))
    history.die("api", 1)
    for number in range(1000):
        history.error("api", f"error number {number}")
    assert 40 <= len(history.updated) <= 60
    assert history.only().symptoms[0].kind is SignalKind.DEATH
