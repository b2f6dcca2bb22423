"""Which lines report an error: the level that a line states wins over words in its message."""

from __future__ import annotations

import pytest

from opsagent_tools.logs.levels import ErrorLines, is_error, level_of, may_have_errors

ERRORS = [
    "ERROR:root:boom",
    "2026-01-01 10:00:00,123 ERROR app.db connection refused",
    "[2026-01-01 10:00:00] app.ERROR: thing",
    '{"level":50,"time":1700000000000,"msg":"db down"}',
    '{"level": 60, "msg": "fatal"}',
    '{"level":"error","ts":1.2,"msg":"x"}',
    '{"severity":"CRITICAL","message":"x"}',
    'time="2026" level=error msg="boom"',
    "2026/01/01 10:00:00 [crit] 12#12: nginx",
    "2026/01/01 10:00:00 [error] 12#12: *1 connect() failed",
    'FATAL:  password authentication failed for user "x"',
    "panic: runtime error: index out of range",
    "Error: connect ECONNREFUSED 127.0.0.1:5432",
    "TypeError: x is not a function",
    "Uncaught ReferenceError: y is not defined",
    "psycopg.errors.OperationalError: x",
    'Exception in thread "main" java.lang.NullPointerException',
    "E0102 15:04:05.678901 1 controller.go:1] boom",
    "CRITICAL:root:x",
    "error: could not open file",
    "<3>kernel thing",
    "2026-01-01T10:00:00.000Z\terror\tzap message",
    "Segmentation fault (core dumped)",
    "UnhandledPromiseRejectionWarning: x",
    "[10:00:00 ERR] serilog",
    "2026-01-01 ERROR [main] com.foo.Bar - failed",
]
HARMLESS = [
    "",
    "INFO all good, 0 errors",
    "2026-01-01 INFO retry after Error: x",
    "GET /error HTTP/1.1 200",
    '{"level":30,"msg":"error: not really"}',
    '{"error":null,"ok":true}',
    "errors=0 warnings=0",
    "WARN something error: x",
    '127.0.0.1 - - [01/Jan/2026:10:00:00 +0000] "GET /errors HTTP/1.1" 404 12',
    '    throw new Error("x")',
    'level=warn msg="ERROR in body"',
    "No errors found.",
]


@pytest.mark.parametrize("line", ERRORS)
def test_errors(line: str) -> None:
    assert may_have_errors(line.encode())
    assert is_error(line)


@pytest.mark.parametrize("line", HARMLESS)
def test_no_errors(line: str) -> None:
    assert not is_error(line)


@pytest.mark.parametrize(
    ("line", "level"),
    [("INFO x", "info"), ('{"level":40}', "info"), ("[warn] x", "warn"), ("level=debug", "debug"), ("nothing", None)],
)
def test_the_level_that_a_line_states(line: str, level: str | None) -> None:
    assert level_of(line) == level


def test_of_a_traceback_the_last_line_counts_also_when_it_comes_later() -> None:
    errors = ErrorLines()
    assert errors.pick([b"Traceback (most recent call last):", b'  File "x.py", line 1, in <module>']) == []
    assert errors.pick([b"    raise Boom('x')", b"mine.Boom: the disk said no", b"all is well"]) == [
        "mine.Boom: the disk said no"
    ]


def test_a_logged_traceback_tells_both_what_failed_and_why() -> None:
    lines = [b"ERROR:app:request failed", b"Traceback (most recent call last):", b"  File", b"KeyError: 'user'"]
    assert ErrorLines().pick(lines) == ["ERROR:app:request failed", "KeyError: 'user'"]
