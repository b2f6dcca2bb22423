"""Columns that a collector put before a line belong to its header; what a program says of itself does not."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.logs.columns import columns_end
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
    assert 0 <= columns_end(text) <= len(text)
