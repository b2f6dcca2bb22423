"""Each trap is found where it stands, and not where it was avoided."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent_tools.findings import Severity
from opsagent_tools.lint.graceful import ProcessFacts
from opsagent_tools.lint.subject import LogSeen, Room
from tests.unit.lint.subjects import found

MB = 1 << 20
GRACEFUL = """
const http = require("http"), net = require("net");
const server = http.createServer((request, response) => response.setHeader("Connection", "close"));
server.listen(process.env.PORT, () => process.send("ready"));
process.on("SIGINT", () => net.Server.prototype.close.call(server, () => process.exit(0)));
"""
SOCKETS = "const { Server } = require('socket.io');\nserver.listen(1);\n"
SESSIONS = "const session = require('express-session');\napp.use(session({ secret: s }));\napp.listen(1);\n"
JOBS = "const cron = require('node-cron');\n\ncron.schedule('* * * * *', work);\n"
ESM = "import http from 'http';\nhttp.createServer().listen(1);\n"
GUARD = ESM + "if (import.meta.url === pathToFileURL(process.argv[1]).href) main();\n"
SLOW_END = GRACEFUL + "process.on('SIGTERM', () => {\n  setTimeout(() => process.exit(1), 10_000).unref();\n});\n"
EXITS = "require('http').createServer(work).listen(1);\nprocess.on('SIGINT', () => { db.close(); process.exit(0); });\n"
END = "net.Server.prototype.close.call(server, () => process.exit(0))"
SERVES = "server.listen(1); response.setHeader('Connection', 'close');\n"
WAYS_TO_HANDLE = {
    "a list": f"const signals = ['SIGINT', 'SIGTERM'];\n{SERVES}signals.forEach((one) => process.on(one, () => {END}));",
    "an object": f"const ends = {{ SIGINT: 2 }};\n{SERVES}for (const one of Object.keys(ends)) process.once(one, () => {END});",
    "a chain": f"{SERVES}const end = () => {END};\nprocess.once('SIGTERM', end).once('SIGINT', end);",
    "TypeScript's output": f"{SERVES}node_process_1.default.on('SIGINT', () => node_net_1.default.{END.removeprefix('net.')});",
    "behind what looks like a comment": f"const any = '*/*', all = '/api/*';\n{SERVES}process.on('SIGINT', () => {END});\n/** a */",
}


@pytest.mark.parametrize("how", WAYS_TO_HANDLE)
def test_a_handler_is_seen_however_it_is_set(how: str, tmp_path: Path) -> None:
    script = tmp_path / "main.js"
    script.write_text(WAYS_TO_HANDLE[how])
    assert set(found(script)) == set()


def test_a_timer_that_ends_nothing_is_no_drain(tmp_path: Path) -> None:
    script = tmp_path / "main.js"
    script.write_text(GRACEFUL + "setTimeout(refresh, 60_000);\n")
    assert "reload/stop_timeout_too_short" not in found(script, stop_timeout_s=1.6)


@pytest.mark.parametrize(
    ("check", "text", "line", "how"),
    [
        ("reload/in_memory_sessions", SESSIONS, 2, {}),
        ("reload/sticky_sockets", SOCKETS, 1, {}),
        ("reload/jobs_in_every_instance", JOBS, 3, {}),
        ("reload/close_drops_keepalive", GRACEFUL.replace("net.Server.prototype.close.call(", "server.close("), 5, {}),
        ("reload/never_says_ready", GRACEFUL.replace('"ready"', '"no"'), 4, {"says_ready": True}),
        ("reload/ignores_stop_signal", ESM, 2, {}),
        ("reload/stop_timeout_too_short", SLOW_END, 7, {"stop_timeout_s": 1.6}),
        ("reload/ends_without_closing", EXITS, 2, {}),
        ("reload/stop_timeout_too_short", SLOW_END.replace("10_000", "10 * 1000"), 7, {"stop_timeout_s": 1.6}),
        ("reload/fork_where_cluster_would_do", GRACEFUL, 4, {"shape": "fork", "instances": 1}),
        ("reload/fork_for_a_reason", SOCKETS, 1, {"shape": "fork", "instances": 1}),
        ("reload/esm_main_guard", GUARD, 3, {"ports": ()}),
    ],
)
def test_a_trap_is_found_where_it_stands(
    check: str, text: str, line: int, how: dict[str, object], tmp_path: Path
) -> None:
    script = tmp_path / ("main.mjs" if text.startswith("import") else "main.js")
    script.write_text(text)
    findings = found(script, **how)
    assert check in findings, sorted(findings)
    assert findings[check].facts["line"] == line
    assert findings[check].facts["file"] == str(script)
    assert findings[check].facts["sure"] in {"likely", "possible"}
    assert findings[check].mend


@pytest.mark.parametrize(
    ("check", "text", "how"),
    [
        ("reload/in_memory_sessions", SESSIONS.replace("secret: s", "secret: s, store: new RedisStore()"), {}),
        ("reload/sticky_sockets", SOCKETS, {"instances": 1}),
        ("reload/sticky_sockets", SOCKETS + "require('@socket.io/sticky');", {}),
        ("reload/sticky_sockets", SOCKETS + "const o = { transports: ['websocket'] };", {}),
        ("reload/jobs_in_every_instance", JOBS + "if (process.env.NODE_APP_INSTANCE === '0') start();", {}),
        ("reload/close_drops_keepalive", GRACEFUL, {}),
        ("reload/close_drops_keepalive", EXITS, {}),
        ("reload/ends_without_closing", GRACEFUL, {}),
        ("reload/never_says_ready", GRACEFUL, {"says_ready": True}),
        ("reload/ignores_stop_signal", GRACEFUL, {}),
        ("reload/stop_timeout_too_short", SLOW_END, {"stop_timeout_s": 20.0}),
        ("reload/fork_where_cluster_would_do", GRACEFUL, {"shape": "cluster", "instances": 1}),
        ("reload/fork_where_cluster_would_do", JOBS + GRACEFUL, {"shape": "fork", "instances": 1}),
        ("reload/esm_fails_silently", GRACEFUL, {}),
        ("reload/esm_main_guard", GUARD, {}),
    ],
)
def test_a_trap_that_was_avoided_is_none(check: str, text: str, how: dict[str, object], tmp_path: Path) -> None:
    script = tmp_path / ("main.mjs" if text.startswith("import") else "main.js")
    script.write_text(text)
    assert check not in found(script, **how)


def test_a_handler_in_a_file_that_the_script_loads_is_seen(tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text("require('./end');\nrequire('http').createServer().listen(1);\n")
    (tmp_path / "end.js").write_text("process.once('SIGINT', bye);\n")
    assert "reload/ignores_stop_signal" not in found(tmp_path / "main.js")


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ("const { createTerminus } = require('@godaddy/terminus');", "@godaddy/terminus"),
        ("import closeWithGrace from 'close-with-grace';", "close-with-grace"),
        ("app.enableShutdownHooks();", "a framework"),
    ],
)
def test_what_a_library_may_do_is_no_warning(more: str, named: str, tmp_path: Path) -> None:
    (tmp_path / "main.js").write_text(f"server.listen(1);\n{more}\n")
    finding = found(tmp_path / "main.js")["reload/ignores_stop_signal"]
    assert (finding.severity, finding.facts["line"], finding.facts["sure"]) == (Severity.NOTE, 2, "possible")
    assert f"{named} is loaded" in finding.says


def test_es_modules_and_the_ecosystem_file_beside_them(tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"type": "module"}')
    (tmp_path / "ecosystem.config.js").write_text("module.exports = {}")
    (tmp_path / "main.js").write_text(ESM)
    findings = found(tmp_path / "main.js")
    assert {"reload/esm_fails_silently", "reload/ecosystem_is_esm"} <= set(findings)
    (tmp_path / "ecosystem.config.js").rename(tmp_path / "ecosystem.config.cjs")
    assert "reload/ecosystem_is_esm" not in found(tmp_path / "main.js")


def test_python_traps(tmp_path: Path) -> None:
    script = tmp_path / "web.py"
    script.write_text("import uvicorn\napp.run(debug=True)\nuvicorn.run(app)\n")
    findings = found(script, runtime="python", shape="program", family="supervisord", stop_timeout_s=10.0)
    assert findings["reload/development_server"].facts["line"] == 2
    assert "timeout_graceful_shutdown=9" in findings["reload/waits_for_streams"].mend
    script.write_text("import uvicorn\nuvicorn.run(app, timeout_graceful_shutdown=5)\n")
    assert found(script, runtime="python").keys() & {"reload/development_server", "reload/waits_for_streams"} == set()


@pytest.mark.parametrize(
    ("room", "check", "severity"),
    [
        (Room(pid=7, files=800, files_limit=1024, files_most=4096), "limits/open_files", Severity.SERIOUS),
        (Room(pid=7, files=10, files_limit=1024, files_most=4096), "limits/open_files", Severity.NOTE),
        (Room(pid=7, files=10, files_limit=65536, files_most=65536), "limits/open_files", None),
        (Room(pid=7, tasks=95, tasks_limit=100), "limits/tasks", Severity.SERIOUS),
        (Room(pid=7, tasks=9, tasks_limit=100), "limits/tasks", None),
        (Room(pid=7, memory_limit=300 * MB), "limits/memory", Severity.WARNING),
        (Room(pid=7, memory_limit=600 * MB), "limits/memory", None),
    ],
)
def test_limits(room: Room, check: str, severity: Severity | None, tmp_path: Path) -> None:
    how = {"runtime": "python", "family": "systemd", "max_memory": 200 * MB}
    finding = found(tmp_path / "none.py", rooms=(room,), **how).get(check)
    assert (finding.severity if finding is not None else None) == severity


def test_logs_boot_and_watching(tmp_path: Path) -> None:
    large = LogSeen(path=tmp_path / "x.log", size=60 * MB)
    how = {"runtime": "python", "at_boot": False, "watches": True}
    findings = found(tmp_path / "none.py", logs=(large,), **how)
    assert {"logs/unrotated", "boot/not_at_boot", "reload/watches_files"} <= set(findings)
    rotated = LogSeen(path=tmp_path / "x.log", size=60 * MB, rotated_by="logrotate")
    small = LogSeen(path=tmp_path / "y.log", size=MB)
    assert "logs/unrotated" not in found(tmp_path / "none.py", logs=(rotated, small), runtime="python")


def test_what_could_not_be_read_is_said(tmp_path: Path) -> None:
    finding = found(tmp_path / "gone.js")["reload/handler_not_seen"]
    assert "gone.js" in finding.says
    assert finding.severity is Severity.NOTE


def test_the_worst_comes_first_and_nothing_twice(tmp_path: Path) -> None:
    from opsagent_tools.lint.rules import judge
    from tests.unit.lint.subjects import subject

    (tmp_path / "main.js").write_text(SOCKETS + SESSIONS + SLOW_END)
    slow = ProcessFacts(pid=1, runtime="node")
    findings = judge(subject(tmp_path / "main.js", stop_timeout_s=1.6, watches=True, processes=(slow,)))
    order = [Severity.SERIOUS, Severity.WARNING, Severity.NOTE]
    ranks = [order.index(one.severity) for one in findings]
    assert ranks == sorted(ranks)
    assert len({one.check for one in findings}) == len(findings)
    assert {0, 1, 2} == set(ranks)
