"""Lines that say the same are shown once, with their number."""

from __future__ import annotations

from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from opsagent.views.folding import Folded, Folding


def folded(kinds: str) -> list[str]:
    folding = Folding()
    ended: list[Folded] = []
    for at, kind in enumerate(kinds):
        ended += folding.add(kind, f"{kind}{at}")
    return [one.prefix + one.text for one in [*ended, *folding.end()]]


def test_a_line_that_stands_alone_is_itself() -> None:
    assert folded("abc") == ["a0", "b1", "c2"]


def test_the_same_again_is_counted_and_the_last_of_it_shown() -> None:
    assert folded("aaab") == ["×3  a2", "b3"]


def test_kinds_that_alternate_are_folded_together() -> None:
    assert folded("abababab") == ["×4  a6", "×4  b7"]


def test_what_comes_much_later_is_a_line_of_its_own() -> None:
    assert folded("abcdefga") == ["a0", "b1", "c2", "d3", "e4", "f5", "g6", "a7"]


def test_thousands_are_readable() -> None:
    assert Folded("x", count=1204).prefix == "×1,204  "


@given(st.text(alphabet="abcdefghij", max_size=200))
def test_no_line_is_lost(kinds: str) -> None:
    folding = Folding()
    ended = [one for kind in kinds for one in folding.add(kind, kind)]
    counted: Counter[str] = Counter()
    for one in [*ended, *folding.end()]:
        counted[one.text] += one.count
    assert counted == Counter(kinds)
