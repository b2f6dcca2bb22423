"""JSON and logfmt: level, time, message, and the error with its stack."""

from __future__ import annotations

import json

import pytest

from opsagent_tools.logs.logfmt import parse_pairs
from opsagent_tools.logs.reading import LineReader

_AT = 1_795_888_740.0

LINES = [
    # what writes so, line, level, message
    ("pino", {"level": 30, "time": 1795888740000, "pid": 1, "hostname": "w", "msg": "ready", "port": 3000}, "info", "ready"),
    ("bunyan", {"name": "a", "level": 50, "msg": "it failed", "time": "2026-11-28T17:59:00.000Z", "v": 0}, "error", "it failed"),
    ("winston", {"level": "warn", "message": "slow", "timestamp": "2026-11-28T17:59:00Z"}, "warn", "slow"),
    ("structlog", {"event": "order placed", "order": 7, "level": "info", "timestamp": "2026-11-28T17:59:00Z"}, "info", "order placed"),
    ("zap", {"level": "error", "ts": 1795888740.0, "caller": "a.go:1", "msg": "dial failed", "error": "dial tcp: refused"},
     "error", "dial failed: dial tcp: refused"),
    ("slog", {"time": "2026-11-28T18:59:00+01:00", "level": "INFO", "msg": "served", "status": 200}, "info", "served"),
    ("ECS", {"@timestamp": "2026-11-28T17:59:00Z", "log.level": "error", "message": "no", "error.type": "ValueError",
             "error.message": "bad"}, "error", "no: ValueError: bad"),
    ("ECS, nested", {"@timestamp": "2026-11-28T17:59:00Z", "log": {"level": "warn"}, "message": "no"}, "warn", "no"),
    ("GCP", {"severity": "CRITICAL", "time": "2026-11-28T17:59:00Z", "message": "down"}, "fatal", "down"),
    ("GCP, payload", {"severity": "INFO", "timestamp": "2026-11-28T17:59:00Z", "jsonPayload": {"message": "up"}}, "info", "up"),
    ("GELF", {"version": "1.1", "short_message": "full", "level": 3, "timestamp": 1795888740}, "error", "full"),
    ("nothing in words", {"level": "info", "ts": 1795888740, "route": "home", "status": 204}, "info", "route=home status=204"),
    ("an error that says it already", {"level": 50, "time": 1795888740000, "msg": "bad port",
                                       "err": {"type": "TypeError", "message": "bad port"}}, "error", "bad port: TypeError"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "level", "message"), [row[1:] for row in LINES], ids=[row[0] for row in LINES])
def test_json(line: dict[str, object], level: str, message: str) -> None:
    reader = LineReader()
    event = reader.read(json.dumps(line).encode())
    assert (event.at, event.level, event.message) == (_AT, level, message)
    assert reader.format == "JSON"


def test_what_docker_wraps_is_read_as_if_it_were_not() -> None:
    inner = "2026-11-28T17:59:00Z ERROR it failed\n"
    event = LineReader().read(json.dumps({"log": inner, "stream": "stderr", "time": "2026-11-28T18:00:00Z"}).encode())
    assert (event.at, event.level, event.message) == (_AT, "error", "it failed")
    bare = LineReader().read(
        json.dumps({"log": "hello\n", "stream": "stdout", "time": "2026-11-28T17:59:00Z"}).encode()
    )
    assert (bare.at, bare.message) == (_AT, "hello")


def test_json_behind_the_header_of_a_supervisor() -> None:
    event = LineReader().read(b'2026-11-28T17:59:00: {"level":50,"msg":"it failed"}')
    assert (event.level, event.message) == ("error", "it failed")
    assert event.at is not None


def test_a_stack_in_a_field_is_a_trace() -> None:
    stack = "TypeError: bad port\n    at connect (/srv/shop/src/db.js:12:9)\n    at node:internal/main:1:2"
    event = LineReader().read(json.dumps({"level": 50, "msg": "no database", "err": {"stack": stack}}).encode())
    assert event.trace is not None
    assert (event.trace.exception, event.trace.frame) == ("TypeError", "shop/src/db.js:12 connect")
    assert event.message == "no database: TypeError: bad port"


@pytest.mark.parametrize(
    "line", ["{", '{"a":', "{}", '{"level": [1]}', "{" * 5000, '{"msg": 5}', '{"time": 1e400, "msg": "x"}']
)
def test_what_is_no_log_in_json_is_text(line: str) -> None:
    assert LineReader().read(line.encode()).level == ""


@pytest.mark.parametrize(
    "fields",
    [
        {"time": int("9" * 400)},
        {"timestamp": {"seconds": int("9" * 400)}},
        {"ts": -(10**300)},
        {"level": int("9" * 400)},
        {"level": True},
    ],
    ids=["time", "seconds", "negative", "level", "bool"],
)
def test_numbers_of_any_length_are_no_times_and_raise_nothing(fields: dict[str, object]) -> None:
    event = LineReader().read(json.dumps({**fields, "msg": "paid"}).encode())
    assert (event.at, event.message) == (None, "paid")


def test_logfmt() -> None:
    line = b'time="2026-11-28T17:59:00Z" level=warning msg="took \\"long\\"" order=17 error="dial tcp: refused"'
    event = LineReader().read(line)
    assert (event.at, event.level, event.message) == (_AT, "warn", 'took "long": dial tcp: refused')


def test_prose_with_an_equals_sign_is_no_logfmt() -> None:
    assert parse_pairs("check pass; level=3 user unknown") is None
    assert LineReader().read(b"check a=b level=error of the tank").message == "check a=b level=error of the tank"
