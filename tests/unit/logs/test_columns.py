"""Columns that a collector put before a line belong to its header; what a program says of itself does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.logs.columns import ColumnReader, columns
from opsagent_tools.logs.reading import LineReader


@pytest.mark.parametrize(
    ("line", "message", "level"),
    [
        ("1731566461 2024.11.14 web7 Nov 14 12:01:01 web7/web7 cron(root)[29]: session over", "session over", ""),
        ("- 1731566461 2024.11.14 web7 2024-11-14-12.01.01.000001 web7 NET LINK INFO link is up", "link is up", "info"),
        (
            "app-1.log 2024-05-16 00:00:00.008 257 ERROR a.b.c [req-3f25 - -] request is lost",
            "request is lost",
            "error",
        ),
        ("20240516-9:15:29:606|Steps|3000|counted 35", "counted 35", ""),
        ("2024-05-16 09:15:29.606|Steps|3000|counted 35", "counted 35", ""),
        ("Jul  1 09:00:55 MyBook com.a.b[1] (com.a.c): Service exited", "Service exited", ""),
        ("Found 3 users at 2024-05-16 00:00:00 in all", "Found 3 users at 2024-05-16 00:00:00 in all", ""),
        ("12 jobs were done at 2024-05-16 00:00:00 by us", "12 jobs were done at 2024-05-16 00:00:00 by us", ""),
        ("key=0|com.a|b|c", "key=0|com.a|b|c", ""),
        ("CPU0 is hot", "CPU0 is hot", ""),
    ],
)
def test_only_columns_fall_away(line: str, message: str, level: str) -> None:
    event = LineReader().read(line.encode())
    assert (event.message, event.level) == (message, level)


@given(st.text(max_size=300))
def test_the_end_of_the_columns_lies_within_the_line(text: str) -> None:
    found = columns(text)
    assert found is None or (-1 <= found.stamp <= found.end <= len(text) and found.end > 0)


_WORDS = st.sampled_from(
    ("-", "WEB", "NULL", "web7", "db12", "17", "1731566461", "9731566461", "2024.11.14", "2024-11-14-12.01.01.000001", "of",
     "2024-11-14 12:01:01", "12:01:01,5", "Nov 14 12:01:01", "Nov  4 12:01:01", "Nov", "INFO", "ERROR", "Info", "cron(a)[7]:",
     "cron[7]", "cron:", "state.down", "is", "a|b|", "7|x|", "", "Up", "x]:", "#8#/#8#", "12345678")
)  # fmt: skip


@given(st.lists(st.lists(_WORDS, min_size=1, max_size=9).map(" ".join), min_size=1, max_size=6))
def test_what_the_last_line_looked_like_only_makes_it_quick(lines: list[str]) -> None:
    reader = ColumnReader()
    for line in [*lines, *(line.replace("1", "2").replace("7", "31") for line in lines), *reversed(lines)]:
        assert reader.read(line) == columns(line)
