"""It answers, but badly: slow for long, or failing part of the time. A pause, a start or a deploy is nothing."""

from __future__ import annotations

import random

import pytest

from opsagent.model import Fault, SignalKind
from tests.support.histories import History, service, uid


def answer(history: History, took_s: float, *, name: str = "api", every_s: float = 0.5) -> None:
    history.wait(every_s, step=0.5)
    history.signal(SignalKind.PROBE_OK, name, latency_s=took_s)


def well(history: History, times: int, *, took_s: float = 0.02, name: str = "api", every_s: float = 0.5) -> None:
    for _ in range(times):
        answer(history, took_s, name=name, every_s=every_s)


def told(history: History) -> list[Fault]:
    return [incident.fault for incident in history.opened]


@pytest.mark.parametrize("every_s", [0.5, 1.0, 5.0])
def test_what_is_slow_for_long_is_told_once(every_s: float) -> None:
    history = History(service("api"))
    well(history, 6, every_s=every_s)
    well(history, 30, took_s=1.2, every_s=every_s)
    incident = history.only()
    assert (incident.fault, incident.unit) == (Fault.DEGRADED, uid("api"))
    assert incident.summary == "api answers far more slowly than usual (1.20 s)"


def test_it_is_told_within_seconds() -> None:
    history = History(service("api"))
    well(history, 6)
    before = history.now
    while not history.opened:
        answer(history, 1.5)
    assert (history.now - before).total_seconds() < 8


@pytest.mark.parametrize("seconds", [1, 3, 4])
def test_a_pause_is_nothing(seconds: int) -> None:
    history = History(service("api"))
    for _ in range(5):
        well(history, 60)
        well(history, seconds, took_s=2.0, every_s=1.0)
    assert told(history) == []


@pytest.mark.parametrize(("usual", "slow"), [(0.001, 0.2), (0.2, 0.7), (1.0, 2.5)])
def test_a_little_slower_is_nothing(usual: float, slow: float) -> None:
    history = History(service("api"))
    well(history, 60, took_s=usual)
    well(history, 120, took_s=slow)
    assert told(history) == []


def test_a_cold_start_is_nothing() -> None:
    history = History(service("api"))
    well(history, 60)
    history.die("api", respawn=True)
    well(history, 15, took_s=2.0)
    well(history, 120)
    assert Fault.DEGRADED not in told(history)


def test_what_was_always_slow_is_usual() -> None:
    history = History(service("api"))
    well(history, 200, took_s=2.0)
    assert told(history) == []


@pytest.mark.parametrize("seed", range(5))
def test_one_bad_worker_of_four_is_told(seed: int) -> None:
    chance, history = random.Random(seed), History(service("web", instances=4))
    well(history, 8, name="web")
    for _ in range(80):
        if chance.random() < 0.25:
            history.wait(0.25)
            history.fail("web", "status", 0.01)
        else:
            answer(history, 0.02, name="web")
    incident = history.only()
    assert incident.fault in {Fault.DEGRADED, Fault.HANG}
    assert "part of the time" in incident.summary or incident.fault is Fault.HANG


@pytest.mark.parametrize("seed", range(5))
def test_rare_failures_are_nothing(seed: int) -> None:
    chance, history = random.Random(seed), History(service("api"))
    for number in range(600):
        if number % 150 == 100 + chance.randrange(20):
            history.fail("api", "timeout", 1.0)
        answer(history, chance.choice([0.01, 0.02, 0.05]))
    assert told(history) == []


def test_it_is_told_again_once_it_was_mended() -> None:
    history = History(service("api"))
    well(history, 10)
    well(history, 20, took_s=1.5)
    history.detector.close(history.only().id, mended=True)
    well(history, 130)
    well(history, 20, took_s=1.5)
    assert told(history) == [Fault.DEGRADED, Fault.DEGRADED]


def test_a_slow_upstream_is_where_the_cause_is() -> None:
    history = History(service("db"), service("api", "db"))
    for _ in range(10):
        well(history, 1, name="db")
        well(history, 1, name="api")
    for _ in range(20):
        answer(history, 1.5, name="db")
        answer(history, 1.6, name="api")
    incident = history.only()
    assert (incident.fault, incident.unit) == (Fault.DEGRADED, uid("db"))
    assert uid("api") in incident.affected
