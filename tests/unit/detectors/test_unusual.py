"""Another level, a leak without a limit: noticed with their figures. A start, small change and short bursts are not."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest

from opsagent.detectors.metrics import MetricDetectors
from opsagent.notice import Notice, NoticeKind
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId
from tests.support.histories import MB, History, service, uid
from tests.support.measured import GB, noticed, run_host, run_unit

HOUR = 3600.0


def test_an_idle_service_that_is_busy_for_good_is_noticed() -> None:
    history = History(service("api"))
    run_unit(history, "api", lambda at: {"cpu": 0.01 if at < HOUR else 0.9}, 2 * HOUR)
    (notice,) = noticed(history)
    assert (notice.kind, notice.unit, notice.data["metric"]) == (NoticeKind.LEVEL_SHIFT, uid("api"), "cpu")
    assert notice.text == "api: processor is on another level: 90% (usual: 1% to 1%)"
    assert history.opened == []


def test_a_busy_service_that_is_far_busier_is_noticed_once() -> None:
    chance, history = random.Random(1), History(service("api"))
    run_unit(
        history,
        "api",
        lambda at: {"cpu": max(0.0, chance.gauss(0.4, 0.1) + (3.0 if at > 3 * HOUR else 0.0))},
        4 * HOUR,
    )
    found = [notice for notice in noticed(history) if notice.at.timestamp() > 0]
    assert len(found) == 1
    assert found[0].data["metric"] == "cpu"


QUIET: dict[str, Any] = {
    "in the first quarter of an hour": lambda at: {"cpu": 0.01 if at < 600 else 0.9},
    "a burst of half a minute": lambda at: {"cpu": 0.9 if 3600 <= at < 3630 else 0.01},
    "a little more memory": lambda at: {"rss": (50 if at < 3600 else 70) * MB},
    "some threads more": lambda at: {"threads": 4 if at < 3600 else 12},
    "noise": lambda at: {"cpu": 0.1 + 0.2 * ((at // 15) % 3), "rss": (80 + 10 * ((at // 15) % 5)) * MB},
}


@pytest.mark.parametrize("name", QUIET)
def test_what_is_no_news_is_not_noticed(name: str) -> None:
    history = History(service("api"))
    run_unit(history, "api", QUIET[name], 1.5 * HOUR)
    assert history.told == []


def test_another_process_is_no_shift() -> None:
    history = History(service("api"))
    run_unit(history, "api", lambda at: {"rss": 50 * MB}, HOUR)
    history.stop("api")
    history.put("api", processes=())
    history.spawn("api")
    run_unit(history, "api", lambda at: {"rss": 500 * MB}, HOUR)
    assert [notice for notice in noticed(history) if notice.kind is NoticeKind.LEVEL_SHIFT] == []


def leak(**more: Any) -> Any:
    chance = random.Random(2)
    return lambda at: {"rss": int((100 + 20 * at / HOUR + chance.uniform(0, 15)) * MB), **more}


def test_a_leak_without_a_limit_is_noticed_with_its_rate() -> None:
    history = History(service("api"))
    run_unit(history, "api", leak(uss=300 * MB), 6 * HOUR, every=15)
    found = [notice for notice in noticed(history) if notice.kind is NoticeKind.LEAK]
    assert found
    assert float(found[0].data["per_hour"]) == pytest.approx(20 * MB, rel=0.2)
    assert "300 MB its own; it has no limit" in found[0].text
    assert history.opened == []


def test_growth_that_is_not_its_own_memory_is_no_leak() -> None:
    history = History(service("api"))
    run_unit(history, "api", leak(uss=10 * MB), 6 * HOUR, every=15)
    assert [notice for notice in noticed(history) if notice.kind is NoticeKind.LEAK] == []


def test_with_a_limit_the_forecast_says_it_and_no_notice() -> None:
    history = History(service("api", max_memory=2 * GB))
    run_unit(history, "api", leak(), 6 * HOUR, every=15)
    assert [notice for notice in noticed(history) if notice.kind is NoticeKind.LEAK] == []


def test_the_machine_is_followed_too() -> None:
    history = History()
    run_host(history, lambda at: {"cpu": 0.1 if at < HOUR else 0.95, "cores": 4}, 2 * HOUR, every=5)
    (notice,) = noticed(history)
    assert notice.text.startswith("machine: processor is on another level")


def test_all_units_are_looked_at_in_a_round(monkeypatch: pytest.MonkeyPatch) -> None:
    history = History(*(service(f"s{number}") for number in range(40)))
    detectors = MetricDetectors()
    looked: list[UnitId] = []

    def unit(unit: Unit, world: World, now: datetime) -> Iterator[Notice]:
        looked.append(unit.id)
        yield from ()

    monkeypatch.setattr(detectors._unusual, "unit", unit)
    for _ in range(16):
        detectors.tick(history.world, history.now)
        history.wait(1, step=1)
    assert set(looked) == set(history.world.units)
    assert len(looked) <= 44
