"""Headers of the usual formats: what is left of a line, how bad it is, and when it was written."""

from __future__ import annotations

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_evals.logs.labelled import load
from opsagent_tools.logs import header
from opsagent_tools.logs.reading import LineReader

_NOW = datetime(2026, 11, 28, 18, 0, tzinfo=UTC).timestamp()

LINES = [
    # line, level, message
    ("2026-11-28T17:59:00.123Z INFO started", "info", "started"),
    ("2026-11-28 17:59:00,978 INFO [main] org.apache.hadoop.MRAppMaster: Created it", "info", "Created it"),
    ("[Sat Nov 28 17:59:44 2026] [error] [client 1.2.3.4] File does not exist: /x", "error", "[client 1.2.3.4] File does not exist: /x"),
    ("[Sat Nov 28 17:59:00.123456 2026] [core:error] [pid 12:tid 34] AH00124: Request", "error", "AH00124: Request"),
    ("261128 175915 148 WARN dfs.DataNode$Xceiver: 10.2.7.1:50010:Got exception", "warn", "10.2.7.1:50010:Got exception"),
    ("Nov 28 17:59:01 combo sshd(pam_unix)[19939]: check pass; user unknown", "", "check pass; user unknown"),
    ("Nov 28 17:59:01 combo syslogd 1.4.1: restart.", "", "restart."),
    ("Nov 28 17:59:01 combo  -- root[2421]: ROOT LOGIN ON tty2", "", "ROOT LOGIN ON tty2"),
    ("Nov 28 17:59:01 web1 shop[12]: INFO shop.orders: placed 4", "info", "placed 4"),
    ("<11>Nov 28 17:59:01 web1 su: failed for lonvick", "error", "failed for lonvick"),
    ("<34>1 2026-11-28T17:59:15.003Z host su - ID47 [a@1 k=\"v\"] failed for lonvick", "fatal", "failed for lonvick"),
    ("2026-11-28T17:59:15+0000 web1 shop[99]: it works", "", "it works"),
    ("11-28 17:59:38.811  1702  2395 D WindowManager: printing", "debug", "printing"),
    ("11-28 17:59:38.811 E/ActivityManager( 1702): crashed", "error", "crashed"),
    ("[11.28 17:59:06] chrome.exe *64 - proxy.example.com:5070 open", "", "proxy.example.com:5070 open"),
    ("26/11/28 17:59:40 INFO spark.SecurityManager: Changing acls", "info", "Changing acls"),
    ("2026-11-28 17:59:00,123 - my.app - ERROR - it failed", "error", "it failed"),
    ("2026-11-28 17:59:00.123  INFO 12345 --- [  restartedMain] c.e.App   : Started App in 3 s", "info", "Started App in 3 s"),
    ("2026-11-28T17:59:00.1+00:00 WARN 4711 --- [shop] [nio-8080-exec-1] c.e.Orders : slow", "warn", "slow"),
    ("2026/11/28 17:59:00 main.go:12: listening", "", "listening"),
    ("2026/11/28 17:59:00 [error] 123#456: *789 connect() failed", "error", "connect() failed"),
    ("[2026-11-28 17:59:00 +0000] [123] [INFO] Booting worker", "info", "Booting worker"),
    ("[2026-11-28 17:59:00,123: WARNING/MainProcess] Task x received", "warn", "Task x received"),
    ("2026-11-28 17:59:00.123 UTC [123] LOG:  database system is ready", "info", "database system is ready"),
    ("2026-11-28T17:59:00.000000Z 0 [Note] [MY-010116] [Server] starting", "info", "[Server] starting"),
    ("2026-11-28T17:59:00.000Z\tERROR\tlogger\tmain.go:12\tfailed", "error", "main.go:12\tfailed"),
    ("2026-11-28 17:59:00.123 | INFO     | app.mod:func:12 - hello", "info", "hello"),
    ("2026-11-28T17:59:00: TypeError: x is not a function", "error", "TypeError: x is not a function"),
    ("2026-11-28 17:59:44,747 - INFO  [Peer[myid=1]/0:0:0:0:2181:Fast@774] - Time out: 3200", "info", "Time out: 3200"),
    ("2026-11-28T17:59:00Z error: it went wrong", "error", "it went wrong"),
    ("2026-11-28 17:59:00 request failed ERROR happened", "error", "request failed ERROR happened"),
    ("2026-11-28 17:59:00 ERROR KeyError: 'x'", "error", "KeyError: 'x'"),
    ("2026-11-28 17:59:00 ERROR java.lang.NullPointerException: foo", "error", "java.lang.NullPointerException: foo"),
    ("2026-11-28 17:59:00.000 [main] INFO  c.e.App - Started", "info", "Started"),
    ("17:59:00.000 [http-nio-8080-exec-1] ERROR com.e.OrderService - Failed: x", "error", "Failed: x"),
    ("E1128 17:59:00.123456   12345 server.go:123] it failed", "error", "it failed"),
    ("I, [2026-11-28T17:59:00.123456 #123]  INFO -- : started", "info", "started"),
    ("[Nest] 123  - 11/28/2026, 5:59:00 PM     LOG [RoutesResolver] mapped", "info", "[RoutesResolver] mapped"),
    ("123:M 28 Nov 2026 17:59:00.123 * Ready to accept connections", "", "* Ready to accept connections"),
    ("0|api  | 2026-11-28T17:59:00: ready", "", "ready"),
    ("shop-1  | 2026-11-28T17:59:00.5Z INFO ready", "info", "ready"),
    ("2026-11-28T17:59:00.5Z stdout F ready", "", "ready"),
    ("1795888740 WARN low on memory", "warn", "low on memory"),
    ("1795888740123 DEBUG tick", "debug", "tick"),
    ("28/Nov/2026:17:59:00 +0000 DEBUG tick", "debug", "tick"),
    ("28 Nov 2026 17:59:00,123 DEBUG tick", "debug", "tick"),
    ("28.11.2026 17:59:00 DEBUG tick", "debug", "tick"),
    ("2026-11-28 17:59:30, Info                  CBS    Loaded it", "info", "Loaded it"),
    ("[INFO] 2026-11-28T17:59:00Z ready", "info", "ready"),
    ("\x1b[32mINFO\x1b[0m ready", "info", "ready"),
    ("INFO:     127.0.0.1:5000 - \"GET / HTTP/1.1\" 200", "info", "127.0.0.1:5000 - \"GET / HTTP/1.1\" 200"),
    ("WARNING:root:careful", "warn", "careful"),
    ("Error: boom", "error", "Error: boom"),
    ("nothing to see here", "", "nothing to see here"),
    ("Started in 3 s", "", "Started in 3 s"),
    ("10.0.0.1 connected", "", "10.0.0.1 connected"),
]  # fmt: skip
_WITHOUT_STAMP = 7


@pytest.mark.parametrize(("line", "level", "message"), LINES)
def test_what_is_left_of_a_line(line: str, level: str, message: str) -> None:
    event = LineReader(lambda: _NOW).read(line.encode())
    assert (event.level, event.message) == (level, message)


@pytest.mark.parametrize("line", [line for line, _, _ in LINES[:-_WITHOUT_STAMP]])
def test_when_it_was_written(line: str, monkeypatch: pytest.MonkeyPatch) -> None:
    reader = LineReader(lambda: _NOW)
    reader.moments.offset_s = 0
    event = reader.read(line.encode())
    assert event.at is not None
    assert 0 <= _NOW - event.at <= 61, datetime.fromtimestamp(event.at, UTC)


def test_an_access_log_keeps_the_request() -> None:
    line = b'10.1.2.3 - bob [28/Nov/2026:17:59:00 +0000] "GET /orders/17 HTTP/1.1" 500 12 "-" "curl/8"'
    reader = LineReader(lambda: _NOW)
    event = reader.read(line)
    assert event.message == '"GET /orders/17 HTTP/1.1" 500 12 "-" "curl/8"'
    assert event.at == _NOW - 60
    assert reader.format == "access log"


def test_the_order_of_lines_does_not_matter() -> None:
    raws = [line.encode() for line, _, _ in LINES]
    together = LineReader(lambda: _NOW)
    messages = [together.read(raw).message for raw in raws]
    backwards = LineReader(lambda: _NOW)
    assert [backwards.read(raw).message for raw in reversed(raws)] == messages[::-1]


_TOKENS = st.sampled_from(
    ["ERROR", "INFO", "[main]", "[x-1]", "- ", "com.example.App:", "com.example.App", "App - ", "failed:", "12", "main.go:7:",
     "[error]", "error:", "order", "17", "KeyError: x", "user@db", "a.B[3]:", "|", "to", "10.0.0.1:80", "host", "prog[12]:",
     "name -", "x.exe *64 -", "Order", "OrderService:", "  ", "{", "]"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(_TOKENS, min_size=1, max_size=7), st.sampled_from(["2026-11-28 18:00:00", "[2026-11-28 18:00:00]"]))
def test_the_quick_patterns_find_what_the_general_one_finds(tokens: list[str], stamp: str) -> None:
    _same(f"{stamp} {' '.join(tokens)}")


def test_the_quick_patterns_find_the_same_in_logs() -> None:
    for log in load():
        for line in log.lines:
            _same(f"2026-11-28 18:00:00 {line.decode()[24:]}")
            _same(line.decode())


_HEAD = header.HEADS[0]
_GENERAL = re.compile(rf"[\[(]?{_HEAD.stamp.pattern}(?: #\d+)?[\])]?{header._GENERAL}")


def _same(line: str) -> None:
    quick, general = _HEAD.pattern.match(line), _GENERAL.match(line)
    assert (quick is None) == (general is None)
    if quick is not None and general is not None:
        levels = [
            header.LEVELS.get(found[found.lastindex or 0]) if (found.lastindex or 0) > 3 else None
            for found in (quick, general)
        ]
        assert (quick.end(), levels[0]) == (general.end(), levels[1]), line
