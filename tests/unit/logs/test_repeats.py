"""What is read by one look-up is what is read line by line, and has the same signature."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_evals.logs.labelled import load
from opsagent_tools.logs import repeats
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.miner import Miner
from opsagent_tools.logs.pipeline import LogPipeline
from opsagent_tools.logs.reading import EventReader
from tests.unit.logs.test_header import LINES as HEADERS
from tests.unit.logs.test_joining import PREFIXES, TRACES

_NOW = 1_796_000_000.0
_MESSAGES = (
    "user 12 of 10.0.0.1 not found", "GET /items/12 200 3 ms", "GET /items/12 HTTP/1.1 500 3 ms", "status=503 of 12",
    "<12> it failed: Error: x", "1234567890 12 taken", "a12 2026-11-28 18:00:00 INFO placed", "*64 - ready 1", "k=1 level=info",
    '{"a": 10}', "+0100 it is", "  indented 1", "Error: boom 1", "    at a (/b.js:1:2)", "Warning: 5 left", "E1128 17:59:00.1 Error", "<3> an Xerror",
    "Boom: 1 of 2",
    "1|2|three 4", "panic: 5", "12", "", "\u0663 tries, \u00e9t\u00e9 12", "{", "}",
)  # fmt: skip
_STAMPS = (
    "2026-11-28 18:00:00 ", "2026-11-28T18:00:00.123Z INFO ", "Nov 28 17:59:01 combo sshd[19939]: ", "1795888740 WARN ",
    "1795888740 ", "261128 175915 148 INFO dfs.DataNode$Xceiver: ", "Sat Nov 28 17:59:44 2026 [error] ", "11-28 17:59:38.811  17  23 D Tag: ",
    "[11.28 17:59:06] chrome.exe *64 - ", "<34>1 2026-11-28T17:59:15.003Z host su - ID47 - ", "17:59:00 ERROR ", "",
    "1731566461 2024.11.14 web7 Nov 14 12:01:01 web7/web7 cron(root)[29]: ", "9731566461 2024.11.14 web7 Nov 14 12:01:01 web7/web7 ",
    "- 1731566461 2024.11.14 web7 2024-11-14-12.01.01.000001 web7 NET LINK INFO ", "17315664611 a.b 2024-11-14 12:01:01 INFO ",
    "app-1.log 2024-05-16 00:00:00.008 257 ERROR a.b.c [req-3f25 - -] ", "20240516-9:15:29:606|Steps|3000|",
    "2024-05-16 09:15:29.606|Steps|3000|", "0|api  | 2026-11-28T17:59:00: ", "2026-11-28T17:59:00.5Z stdout F ",
    "2026-11-28T17:59:00.5Z stdout F 2026-11-28 17:59:00 INFO ", "2026-11-28 17:59:00 1731566461 web7 INFO ",
    '10.0.0.1 - - [28/Nov/2026:17:59:00 +0000] "GET /a HTTP/1.1" 200 5 ', "E1128 17:59:00.123456   12345 server.go:123] ", "INFO ",
)  # fmt: skip
_MADE_UP = [f"{stamp}{message}".encode() for stamp in _STAMPS for message in _MESSAGES]
_TRACED = [put(line).encode() for put in PREFIXES.values() for text, *_ in TRACES.values() for line in text.split("\n")]
_ALL = [*_MADE_UP, *_TRACED, *(line.encode() for line, *_ in HEADERS), *(line for log in load() for line in log.lines)]
_DIGIT = re.compile(rb"\d")
_KINDS = list({_DIGIT.sub(b"0", line): line for line in _ALL}.values())


def _like(line: bytes, chance: random.Random) -> bytes:
    """Return the line with other digits, more or less of them."""
    share = chance.choice((0.0, 0.1, 1.0))
    return _DIGIT.sub(lambda one: b"%d" % chance.randrange(10) if chance.random() < share else one[0], line)


def _slowly(lines: list[bytes]) -> list[LogEvent]:
    reader, miner = EventReader(lambda: _NOW), Miner()
    events = [*reader.take(lines), *reader.flush()]
    for event in events:
        event.signature = miner.add(event.message)
    return events


def _quickly(lines: list[bytes], cuts: list[int]) -> list[LogEvent]:
    pipeline, events, at = LogPipeline(Miner(), EventReader(lambda: _NOW)), list[LogEvent](), 0
    for cut in [*sorted(cuts), len(lines)]:
        events += pipeline.take(lines[at:cut])
        at = max(at, cut)
    return [*events, *pipeline.flush()]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from(_KINDS), st.binary(max_size=40)), min_size=1, max_size=12),
    st.randoms(use_true_random=False),
    st.lists(st.integers(0, 100), max_size=4),
)
def test_it_makes_no_difference_to_any_lines(kinds: list[bytes], chance: random.Random, cuts: list[int]) -> None:
    lines = [_like(chance.choice(kinds), chance) for _ in range(10 * len(kinds))]
    assert _quickly(lines, cuts) == _slowly(lines)


def test_each_kind_of_line_has_the_same_with_other_digits() -> None:
    chance = random.Random(3)
    for line in _KINDS:
        lines = [_like(line, chance) for _ in range(6)]
        assert _quickly(lines, [3]) == _slowly(lines), line


def test_whole_logs_read_the_same() -> None:
    chance = random.Random(4)
    for log in load():
        lines = [line if chance.random() < 0.5 else _like(line, chance) for _ in range(4) for line in log.lines]
        assert _quickly(lines, [5, 50, 51]) == _slowly(lines)


@pytest.mark.parametrize(
    ("line", "known"),
    [
        ("2026-11-28 18:00:00 INFO placed {}", True),
        ("2026-11-28 18:00:00 placed {} of them", True),
        ("Nov 28 17:59:01 combo sshd[{}]: check pass", True),
        ("17958887{}4 WARN it may be a stamp or not", False),
        ("2026-11-28 18:00:00 of 12345678{}0 who knows", False),
        ('{{"level":"info","msg":"placed {}"}}', False),
        ("2026-11-28 18:00:00 level=info msg=placed n={}", False),
        ("2026-11-28 18:00:00 INFO \x1b[3{}mred", False),
        ("no header {}", True),
        ("web{} 1731566461 2024.11.14 a1 2024-11-14 12:01:01 a1 INFO up", True),
        ("<{}>Nov 28 17:59:01 web1 su: failed", False),
    ],
)
def test_what_may_depend_on_the_digits_is_not_remembered(line: str, known: bool) -> None:
    pipeline = LogPipeline(Miner(), EventReader(lambda: _NOW))
    events = pipeline.take([line.format(number).encode() for number in range(10, 20)])
    assert [event.repeat is not None for event in events[3:]] == [known] * 6


def test_what_is_json_only_with_some_digits_is_read_anew() -> None:
    lines = [b'2026-11-28 18:00:00 INFO {"msg": "it is", "a": %d%d}' % (int(n > 3), n % 10) for n in range(12)]
    events = _quickly(lines, [])
    assert events == _slowly(lines)
    assert events[-1].message == "it is"
    assert events[0].message != "it is"


def test_what_may_be_an_exception_below_an_error_is_not_taken_for_another_line() -> None:
    lines = [b"2026-11-28 18:00:00 Boom: it is %d" % (n % 10) for n in range(4)]
    lines += [b"2026-11-28 18:00:00 ERROR it failed", lines[0], b"    at a (/b.js:1:2)"] * 4
    events = _quickly(lines, [])
    assert events == _slowly(lines)
    assert sum(event.trace is not None for event in events) == 4


def test_a_line_within_a_trace_is_no_example() -> None:
    lines = ["Traceback (most recent call last):", "    2026", "ValueError: 1", "2026-11-28 18:00:00 INFO placed 1"] * 9
    raw = [line.encode() for line in lines]
    assert _quickly(raw, [7, 8, 9]) == _slowly(raw)


def test_one_line_that_is_two_is_read_as_one() -> None:
    lines = [b"2026-11-28 18:00:00 INFO placed %d\nand more" % number for number in range(9)]
    assert _quickly(lines, []) == _slowly(lines)


def test_a_server_error_is_told_from_what_looks_like_it() -> None:
    lines = [b"2026-11-28 18:00:00 INFO GET /items/%d %d 3 ms" % (n, 500 if n % 3 else 200) for n in range(30)]
    events = _quickly(lines, [])
    assert events == _slowly(lines)
    keys = [event.signature.key for event in events if event.signature is not None]
    assert len({*keys[::3]}) == len({*keys[1::3], *keys[2::3]}) == 1
    assert keys[0] != keys[1]


def test_what_is_remembered_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(repeats, "_KEPT", 50)
    chance, miner = random.Random(6), Miner()
    pipeline = LogPipeline(miner, EventReader(lambda: _NOW))
    words = ["".join(chance.choices("abcdefgh", k=9)) for _ in range(400)]
    lines = [f"2026-11-28 18:00:00 INFO {word} {number}" for word in words for number in range(10, 14)]
    for at in range(0, len(lines), 100):
        pipeline.take([line.encode() for line in lines[at : at + 100]])
        kept = miner.repeats
        assert len(kept.latest) + len(kept._before) + len(kept._once) <= 4 * 50
    assert miner.repeats.latest
