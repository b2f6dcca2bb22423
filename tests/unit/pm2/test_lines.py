"""Chunks of output become lines again: the same lines however the chunks were cut, and never more than is allowed."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.supervisors.pm2.lines import Lines

TEXTS = st.text(alphabet=st.characters(exclude_characters="\n\r", exclude_categories=["Cs"]), max_size=30)


@given(st.lists(TEXTS, max_size=20), st.lists(st.integers(0, 1000), max_size=30), st.sampled_from(["\n", "\r\n"]))
def test_lines_are_those_that_were_written(lines: list[str], cuts: list[int], end: str) -> None:
    text = "".join(line + end for line in lines) + "rest"
    places = sorted({0, len(text), *(cut % (len(text) + 1) for cut in cuts)})
    reader, found = Lines(), []

    for begin, stop in itertools.pairwise(places):
        found += reader.feed("0", "out", text[begin:stop])

    assert found == lines
    assert reader.end("0") == [("out", "rest")]
    assert reader.end("0") == []
    assert reader.cut == 0


def test_two_streams_of_two_processes_are_not_mixed() -> None:
    reader = Lines()
    assert reader.feed("0", "out", "a") == []
    assert reader.feed("0", "err", "b\n") == ["b"]
    assert reader.feed("1", "out", "c\n") == ["c"]
    assert reader.feed("0", "out", "d\n") == ["ad"]


def test_a_line_without_an_end_is_cut_and_what_is_lost_is_counted() -> None:
    reader = Lines(longest=10)
    for _ in range(1000):
        assert reader.feed("0", "out", "x" * 100) == []
    assert reader.feed("0", "out", "\n") == ["x" * 10]
    assert reader.cut == 1000 * 100 - 10


def test_streams_are_bounded() -> None:
    reader = Lines(streams=3)
    for number in range(10):
        reader.feed(str(number), "out", "half")
    assert sum(len(reader.end(str(number))) for number in range(10)) == 3
    assert reader.cut == 7 * len("half")
