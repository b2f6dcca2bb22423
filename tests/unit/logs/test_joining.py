"""Stack traces become one event, whatever stands before each of their lines; nothing is lost."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_evals.logs.labelled import load, score
from opsagent_tools.logs.event import LogEvent
from opsagent_tools.logs.joining import MAX_LINES
from opsagent_tools.logs.reading import EventReader, LineReader

_LOGS = load()
_NODE = """\
Error: connect failed
    at inner (/srv/shop/src/db.js:1:29)
    at node:internal/main/run_main_module:28:49 {
  code: 'ECONN',
  [cause]: TypeError: bad port
      at parse (/srv/shop/src/url.js:1:65)
}"""
_PYTHON = """\
Traceback (most recent call last):
  File "/srv/shop/app.py", line 6, in place
    pay(0)
ZeroDivisionError: division by zero

The above exception was the direct cause of the following exception:

Traceback (most recent call last):
  File "/srv/shop/app.py", line 9, in checkout
    place()
  File "/srv/shop/.venv/lib/python3.11/site-packages/x/y.py", line 9, in call
    raise
RuntimeError: payment failed"""
_JAVA = """\
com.example.OrderException: not placed
	at org.springframework.web.Servlet.service(Servlet.java:1)
	at com.example.OrderService.place(OrderService.java:42)
	Suppressed: java.lang.IllegalArgumentException: close failed
		at com.example.Carrier.close(Carrier.java:5)
		... 8 more
Caused by: java.lang.IllegalStateException: locked
	at com.example.Repository.save(Repository.java:3)
	... 9 more"""
_GO = """\
panic: runtime error: index out of range [9] with length 2

goroutine 1 [running]:
panic({0x66b360, 0x737a00})
	/usr/local/go/src/runtime/panic.go:884 +0x212
main.(*store).pick(0x689ac0?, {0x6cee6b?, 0x6cee6b?}, 0x9)
	/srv/shop/cmd/main.go:22 +0x65
main.main()
	/srv/shop/cmd/main.go:105 +0xae6
exit status 2"""
TRACES = {
    "node": (_NODE, "Error", "TypeError: bad port", "shop/src/db.js:1 inner"),
    "python": (_PYTHON, "RuntimeError", "ZeroDivisionError: division by zero", "srv/shop/app.py:9 checkout"),
    "java": (_JAVA, "com.example.OrderException", "java.lang.IllegalStateException: locked", "OrderService.java:42 OrderService.place"),
    "go": (_GO, "panic", "", "shop/cmd/main.go:22 main.(*store).pick"),
}  # fmt: skip
PREFIXES: dict[str, Callable[[str], str]] = {
    "nothing": lambda line: line,
    "PM2's time": lambda line: f"2026-11-28T17:59:00: {line}",
    "journald": lambda line: f"Nov 28 17:59:00 web1 shop[12]: {line}",
    "docker": lambda line: json.dumps({"log": line + "\n", "stream": "stderr", "time": "2026-11-28T17:59:00Z"}),
    "CRI": lambda line: f"2026-11-28T17:59:00.5Z stderr F {line}",
}


def _events(lines: list[str]) -> list[LogEvent]:
    reader = EventReader()
    return [*reader.take([line.encode() for line in lines]), *reader.flush()]


@pytest.mark.parametrize(
    "before",
    ["2026-11-28 18:00:00,123 INFO starting", "INFO:root:starting", '{"level": "info", "msg": "starting"}'],
    ids=["stamped", "bare", "json"],
)
@pytest.mark.parametrize("language", ["python", "node"])
def test_what_ends_a_process_is_no_part_of_the_good_news_before_it(language: str, before: str) -> None:
    """The last line of many services is `INFO`, and what the runtime prints behind it is why they are gone."""
    text, exception, _, frame = TRACES[language]
    good, bad = _events([before, *text.split("\n")])
    assert (good.level, good.message, good.lines) == ("info", "starting", 1)
    assert bad.level == "error"
    assert bad.trace is not None
    assert (bad.trace.exception, bad.trace.frame) == (exception, frame)
    assert bad.message == _events(text.split("\n"))[0].message, "the same whatever stands before it"


def test_a_trace_that_is_cut_in_two_has_a_message_all_the_same() -> None:
    lines = ["Traceback (most recent call last):", '  File "/a.py", line 1, in f', "2026-11-28 18:00:00 INFO b"]
    assert [(event.level, event.message) for event in _events(lines)] == [
        ("error", "Traceback without an end"),
        ("info", "b"),
    ]


@pytest.mark.parametrize("prefix", PREFIXES)
@pytest.mark.parametrize("language", TRACES)
def test_a_trace_is_one_event(language: str, prefix: str) -> None:
    text, exception, cause, frame = TRACES[language]
    lines = [PREFIXES[prefix](line) for line in ["listening on 3000", *text.split("\n"), "listening on 3001"]]
    before, event, after = _events(lines)
    assert (before.message, after.message) == ("listening on 3000", "listening on 3001")
    assert event.trace is not None
    assert (event.trace.language, event.trace.exception) == (language, exception)
    assert (event.trace.cause, event.trace.frame) == (cause, frame)
    assert event.level == ("fatal" if language == "go" else "error")
    assert event.message == f"{exception}: {event.trace.message}"
    assert event.lines == len(text.split("\n"))


@pytest.mark.parametrize("language", ["node", "python", "java"])
def test_the_line_that_a_logger_writes_above_a_trace_belongs_to_it(language: str) -> None:
    text, exception, _, _ = TRACES[language]
    first, event, last = _events(
        [
            "2026-11-28 18:00:00 INFO a",
            "2026-11-28 18:00:00 WARN checkout failed",
            *text.split("\n"),
            "2026-11-28 18:00:00 INFO b",
        ]
    )
    assert (first.message, last.message) == ("a", "b")
    assert event.trace is not None
    assert (event.level, event.message) == ("warn", f"checkout failed: {exception}: {event.trace.message}")
    assert event.at == first.at


def test_a_level_that_is_stated_ends_a_trace() -> None:
    events = _events(["Error: a", "    at x (/srv/a.js:1:2)", "2026-11-28 18:00:00 INFO b", "    at y (/srv/b.js:1:2)"])
    assert [event.lines for event in events] == [2, 2] or sum(event.lines for event in events) == 4
    assert events[0].message == "Error: a"


def test_two_processes_in_one_file_lose_nothing() -> None:
    lines = [*_NODE.split("\n")[:2], "GET / 200", *_NODE.split("\n")[2:]]
    assert sum(event.lines for event in _events(lines)) == len(lines)


def test_an_event_is_bounded() -> None:
    lines = ["Error: deep", *(f"    at f{n} (/srv/a.js:{n}:1)" for n in range(3 * MAX_LINES))]
    events = _events(lines)
    assert max(event.lines for event in events) <= MAX_LINES + 1
    assert sum(event.lines for event in events) == len(lines)


def test_an_exception_with_a_message_of_several_lines() -> None:
    lines = ["PrismaClientError: ", "Invalid invocation:", "", "Unique constraint failed", "    at x (/srv/a.js:1:2)"]
    (event,) = _events(lines)
    assert event.trace is not None
    assert event.trace.exception == "PrismaClientError"


def test_what_only_looks_like_the_begin_of_a_trace_is_given_out() -> None:
    reader = EventReader()
    assert [event.message for event in reader.take([b"Error: a", b"something else", b"and more"])] == []
    assert [event.message for event in reader.flush()] == ["Error: a", "something else", "and more"]
    assert reader.flush() == []


@pytest.mark.parametrize("log", _LOGS, ids=[log.name for log in _LOGS])
def test_the_labelled_logs_are_read_as_they_are_labelled(log: object) -> None:
    found = score(log)  # type: ignore[arg-type]
    # logger.critical and, right behind it, the interpreter's own traceback: nothing tells them from logger.exception.
    known = {"python-logging": 2, "python-journal": 2}
    assert len(found.wrong) <= known.get(getattr(log, "name", ""), 0), found.wrong


_UNITS = [
    "a()",
    "(",
    "a(",
    ".a",
    "Error: ",
    "aError",
    "Aa",
    " ",
    "a ",
    "/a",
    "a: ",
    "|",
    "+-",
    '"',
    "[a]",
    "{",
    "- ",
    "^",
    "[",
    "1 ",
    "A|",
]
_BEFORE = [
    "",
    "  ",
    "    at ",
    "\tat ",
    '  File "',
    "main.",
    "Caused by: ",
    "2026-11-28 18:00:00 ",
    "Nov 28 18:00:00 ",
    "2026-11-28 18:00:00 INFO ",
]


@pytest.mark.parametrize(
    "head", ["Error: x", "goroutine 1 [running]:", "Traceback (most recent call last):", "java.lang.X: y", "/a/b.js:12"]
)
def test_hostile_lines_cannot_make_it_slow(head: str) -> None:
    for before in _BEFORE:
        for unit in _UNITS:
            line = (before + unit * (20_000 // len(unit))).encode()
            reader, start = EventReader(), time.thread_time()
            reader.take([head.encode(), line, line + b"!", b"    at x (/srv/a.js:1:2)"])
            reader.flush()
            assert time.thread_time() - start < 0.5, (before, unit)


_LINE = st.one_of(
    st.binary(max_size=60),
    st.sampled_from([line.encode() for text, *_ in TRACES.values() for line in text.split("\n")]),
    st.sampled_from([PREFIXES[name](line).encode() for name in PREFIXES for line in ("INFO ok", "Error: x", "    at a (/b.js:1:2)", "")]),
    st.sampled_from([b"2026-11-28 18:00:00 ERROR failed", b"{", b"  a: 1", b"}", b"/srv/a.js:3", b"^", b"\0", b"\xff\xfe", b"goroutine 1 [x]:"]),
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(_LINE, max_size=40), st.lists(st.integers(0, 40), max_size=6))
def test_joins_do_not_depend_on_how_the_lines_arrive(lines: list[bytes], cuts: list[int]) -> None:
    whole = EventReader(lambda: 1e9)
    expected = [*whole.take(lines), *whole.flush()]
    pieces, events, at = EventReader(lambda: 1e9), [], 0
    for cut in [*sorted(cuts), len(lines)]:
        events += pieces.take(lines[at:cut])
        at = max(at, cut)
    assert [*events, *pieces.flush()] == expected
    says_something = sum(1 for line in lines if LineReader(lambda: 1e9).read(line).message)
    assert says_something <= sum(event.lines for event in expected) <= len(lines)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=400))
def test_nothing_is_raised_for_any_bytes(line: bytes) -> None:
    event = LineReader().read(line)
    assert event.level in {"", "trace", "debug", "info", "warn", "error", "fatal"}
