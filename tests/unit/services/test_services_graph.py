"""Circles among dependencies, and the order in which to start."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.services.graph import find_cycle, start_order

GRAPHS = st.dictionaries(st.sampled_from("abcdef"), st.lists(st.sampled_from("abcdefg"), unique=True, max_size=4))


@given(GRAPHS)
def test_a_circle_is_one(needs: dict[str, list[str]]) -> None:
    cycle = find_cycle(needs)
    for name, following in pairwise(cycle):
        assert following in needs[name]
    assert cycle[:1] == cycle[-1:]


@given(GRAPHS)
def test_without_a_circle_everything_starts_after_what_it_needs(needs: dict[str, list[str]]) -> None:
    order = start_order(needs)
    assert sorted(order) == sorted(needs)
    if not find_cycle(needs):
        for name in order:
            assert all(order.index(other) < order.index(name) for other in needs[name] if other in needs)


def test_otherwise_the_order_is_that_of_the_file() -> None:
    assert start_order({"c": (), "a": ("b",), "b": (), "d": ()}) == ("c", "b", "a", "d")
