"""How much is logged: another share of errors, silence, a flood. Only noticed, and only where it is beyond chance."""

from __future__ import annotations

import random
from datetime import timedelta

import pytest

from opsagent.detect import DetectorConfig
from opsagent.detectors.log_share import ShareDetector
from opsagent.detectors.log_silence import SilenceDetector
from opsagent.model import EvidenceKind, Signal, SignalKind
from tests.support.histories import START, History, service, uid

CONFIG = DetectorConfig()
API = uid("api")


def volume(second: float, lines: int, errors: int = 0) -> Signal:
    at = START + timedelta(seconds=second)
    data = {"seconds": 5.0, "lines": lines, "errors": errors}
    return Signal(kind=SignalKind.LOG_VOLUME, unit=API, at=at, evidence=EvidenceKind.TEXT, data=data)


def share(rows: list[tuple[float, int, int]]) -> list[float]:
    """Return at which second something was noticed."""
    detector = ShareDetector(CONFIG)
    told = [
        (second, detector.observe(volume(second, lines, errors), START + timedelta(seconds=second)))
        for second, lines, errors in rows
    ]
    return [second for second, notice in told if notice is not None]


def rows(seconds: range, lines: int, probability: float, chance: random.Random) -> list[tuple[float, int, int]]:
    return [(float(second), lines, sum(chance.random() < probability for _ in range(lines))) for second in seconds]


def test_a_share_that_grows_is_noticed_within_minutes() -> None:
    chance = random.Random(1)
    told = share(rows(range(0, 3600, 5), 50, 0.01, chance) + rows(range(3600, 4200, 5), 50, 0.2, chance))
    assert told
    assert 3600 < told[0] < 3900


@pytest.mark.parametrize("probability", [0.0, 0.001, 0.02, 0.3])
@pytest.mark.parametrize("lines", [1, 5, 200])
def test_what_is_usual_is_not(probability: float, lines: int) -> None:
    assert share(rows(range(0, 20_000, 5), lines, probability, random.Random(lines))) == []


def test_a_few_errors_among_few_lines_say_nothing() -> None:
    quiet = [(float(second), 1, 0) for second in range(0, 7200, 5)]
    assert share([*quiet, *((7200.0 + 5 * n, 1, 1) for n in range(8))]) == []


def test_one_burst_is_no_share() -> None:
    chance = random.Random(2)
    usual = rows(range(0, 3600, 5), 50, 0.01, chance)
    assert share([*usual, (3600.0, 400, 400), *rows(range(3605, 4200, 5), 50, 0.01, chance)]) == []


def test_what_is_not_learnt_yet_is_not_judged() -> None:
    assert share(rows(range(0, 900, 5), 50, 0.5, random.Random(3))) == []


def silence(gaps: list[float], then: float, config: DetectorConfig = CONFIG) -> bool:
    """Tell whether anything was noticed over these gaps, and in the silence after them."""
    detector, second = SilenceDetector(config), 0.0
    detector.observe(volume(0, 1), START)
    for gap in [*gaps, then]:
        second += gap
        if detector.tick([API], START + timedelta(seconds=second - 0.001)):
            return True
        detector.observe(volume(second, 1), START + timedelta(seconds=second))
    return False


DAY = 86_400.0


def test_a_unit_that_logs_all_the_time_is_missed() -> None:
    assert silence([30.0] * 3000, 600.0)


def test_only_when_a_whole_day_is_known() -> None:
    assert not silence([30.0] * 1000, 600.0)


def test_one_that_logs_at_day_only_is_not_missed_at_night() -> None:
    day = [60.0] * 600 + [DAY - 36_000.0]
    assert not silence(day * 4, 60.0)


@pytest.mark.parametrize("seed", range(8))
def test_gaps_with_a_heavy_tail_are_gaps(seed: int) -> None:
    chance = random.Random(seed)
    assert not silence([5.0 * chance.paretovariate(1.0) for _ in range(8_000)], 10.0)


def test_each_silence_is_told_once_and_not_of_what_does_not_run() -> None:
    history = History(service("api"), config=DetectorConfig(silence_learn_s=600.0))
    for _ in range(100):
        history.volume("api", 3)
        history.wait(10, step=5)
    history.wait(600, step=5)
    assert history.noticed == ["silence of api"]
    history.volume("api", 3)
    history.stop("api")
    history.wait(5000, step=50)
    assert history.noticed == ["silence of api"]
    assert history.opened == []


def test_beside_a_hang_it_is_a_symptom_long_before_that() -> None:
    history = History(service("api"))
    for _ in range(100):
        history.volume("api", 3)
        history.ok("api")
        history.wait(1)
    history.failing(["api"], 12, "timeout")
    assert history.open == ["hang of api"]
    history = History(service("api"))
    for _ in range(100):
        history.volume("api", 3)
        history.wait(1)
    history.wait(8)
    assert history.noticed == []
    history.failing(["api"], 4, "timeout")
    assert history.open == ["hang of api"]
    assert history.noticed == ["silence of api"]


@pytest.mark.parametrize(
    ("more", "noticed"), [({"sampled": 50}, 0), ({"sampled": 5000}, 1), ({"skipped": 1}, 1), ({}, 0)]
)
def test_a_flood_that_is_not_read_as_a_whole_is_told(more: dict[str, int], noticed: int) -> None:
    history = History(service("api"))
    history.volume("api", 100_000, **more)
    history.volume("api", 100_000, **more)
    assert len(history.noticed) == noticed
    assert history.opened == []
