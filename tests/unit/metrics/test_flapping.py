"""How often something has to change before that is a state of its own."""

from __future__ import annotations

from opsagent_tools.metrics.flapping import Flap, Flapping


def changes(*times: float) -> list[Flap]:
    flapping, found = Flapping(), []
    flapping.add(times[0] - 1, True)
    for number, at in enumerate(times):
        flap = flapping.add(at, bool(number % 2))
        found += [flap] if flap is not None else []
    return found


def test_some_changes_are_none_and_many_are_told_once() -> None:
    assert changes(*range(0, 7 * 60, 60)) == []
    found = changes(*range(0, 12 * 60, 60))
    assert [flap.lasts for flap in found] == [False]
    assert found[0].changes == 8


def test_it_lasts_after_ten_minutes_and_not_because_it_is_quick() -> None:
    assert changes(*range(0, 60, 1)) == []
    assert [flap.lasts for flap in changes(*range(0, 300, 1))] == [False]
    assert [flap.lasts for flap in changes(*range(0, 900, 1))] == [False, True]
    found = changes(*range(0, 1800, 45))
    assert [flap.lasts for flap in found] == [False, True]
    assert found[1].at - found[1].since >= 600


def test_slow_changes_are_no_flapping() -> None:
    assert changes(*range(0, 86_400, 600)) == []


def test_after_a_calm_it_can_be_told_again() -> None:
    first = list(range(0, 600, 60))
    again = [3000 + each for each in first]
    assert [flap.lasts for flap in changes(*first, *again)] == [False, False]


def test_the_same_again_is_no_change() -> None:
    flapping = Flapping()
    assert [flapping.add(at, True) for at in range(100)] == [None] * 100
