"""Signatures: the same for the same thing, on every host, at every time; different for different things."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.logs.signature import signature


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (
            "2026-01-01 10:00:00,123 ERROR db: connect to 10.0.0.5:5432 failed after 31 ms",
            "2026-07-31 23:59:59,001 ERROR db: connect to 10.1.2.3:6543 failed after 2.5 s",
        ),
        ("open /var/lib/app/a1.db: no such file", "open /srv/data/other.db: no such file"),
        ("KeyError: 'alice'", "KeyError: 'bob'"),
        ("request 3f2504e0-4f89-11d3-9a0c-0305e82c3301 lost", "request 9a0c0305-4f89-11d3-9a0c-0305e82c3301 lost"),
        ("job 0x7f3a at deadbeef42", "job 0x1 at 12ab34cd56ef"),
        ('{"level":50,"time":1,"msg":"db down","pid":1}', '{"level":50,"time":2,"msg":"db down","pid":7}'),
        ("Jan  1 10:00:00 hosta app[12]: error: full", "Feb 12 11:11:11 hostb app[999]: error: full"),
        ("GET http://a.example/x?y=1 failed", "GET http://b.example/z failed"),
        ("used 512 MB of 1024 MB", "used 4 GB of 8 GB"),
    ],
)
def test_what_changes_is_masked(one: str, other: str) -> None:
    assert signature(one) == signature(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("KeyError: 'x'", "ValueError: 'x'"),
        ("connect refused", "connect timed out"),
        ('{"level":50,"msg":"db down"}', '{"level":50,"msg":"cache down"}'),
    ],
)
def test_what_is_another_thing_stays_another(one: str, other: str) -> None:
    assert signature(one) != signature(other)


@given(st.text(max_size=300))
def test_any_text_has_a_short_one_line_signature(line: str) -> None:
    found = signature(line)
    assert len(found) <= 200
    assert "\n" not in found


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_numbers_never_show(a: int, b: int) -> None:
    assert signature(f"worker {a} failed at step {b}") == "worker <n> failed at step <n>"
