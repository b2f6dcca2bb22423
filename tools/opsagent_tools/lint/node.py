"""What a Node service would not survive, read from its source: state in the process, the shape it runs in, ES modules."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.lint.graceful import read_script
from opsagent_tools.lint.subject import Subject, finding

_SESSION = re.compile(r"\bsession\s*\(\s*\{")
_STORE = re.compile(r"\bstore\s*[:,}]|[Ss]tore\s*\(")
_LISTENS = re.compile(r"\.\s*listen\s*\(")
_JOBS = re.compile(
    r"\bcron\s*\.\s*schedule\s*\(|\bnew\s+CronJob\s*\(|\bschedule\s*\.\s*scheduleJob\s*\(|\bnew\s+Cron\s*\("
)
_OWN_NUMBER = re.compile(r"NODE_APP_INSTANCE|\bpm_id\b|cluster\s*\.\s*worker")
_ONLY_WEBSOCKET = re.compile(r"transports\s*:\s*\[\s*['\"`]websocket['\"`]\s*,?\s*\]")
_MAIN_GUARD = re.compile(
    r"import\s*\.\s*meta\s*\.\s*main\b|import\s*\.\s*meta\s*\.\s*url[^\n;]*argv\s*\[\s*1|argv\s*\[\s*1[^\n;]*import\s*\.\s*meta\s*\.\s*url"
)
_DELAY = re.compile(r"setTimeout\s*\((?:[^()]|\((?:[^()]|\([^()]*\))*\))*?,\s*(\d[\d_]*)(?:\s*\*\s*(\d[\d_]*))?\s*\)")
_ENDS = re.compile(r"exit|\bkill\s*\(", re.IGNORECASE)


def node_findings(subject: Subject) -> Iterator[Finding]:
    """Judge one service that Node runs, as far as its source could be read."""
    if subject.runtime != "node" or not subject.project.sources:
        return
    yield from _sessions(subject)
    yield from _sticky(subject)
    yield from _jobs(subject)
    yield from _drain(subject)
    if subject.family == "pm2":
        yield from _shape(subject)
        yield from _modules(subject)


def _sessions(subject: Subject) -> Iterator[Finding]:
    for package in ("express-session", "@fastify/session", "koa-generic-session"):
        if subject.project.loads(package) is None:
            continue
        call = subject.project.find(_SESSION)
        if call is None or _stored(call.source.text, call.line) or _STORE.search(subject.project.text):
            return
        several = subject.unit.instances > 1
        yield finding(
            subject,
            "reload/in_memory_sessions",
            Severity.SERIOUS if several else Severity.WARNING,
            f"sessions of {package} are kept in the process's memory (no `store`): "
            + ("with several instances a user is logged in at one of them only" if several else "")
            + ("; " if several else "")
            + "each reload or restart logs everybody out",
            "give it a store outside the process (connect-redis, connect-pg-simple)",
            "likely",
            call,
        )


def _stored(text: str, line: int) -> bool:
    return _STORE.search("\n".join(text.splitlines()[line - 1 : line + 20])) is not None


def _sticky(subject: Subject) -> Iterator[Finding]:
    loaded = subject.project.loads("socket.io", "sockjs")
    if loaded is None or subject.unit.instances < 2 or not (subject.is_cluster or subject.unit.shares_socket):
        return
    if subject.project.loads("@socket.io/sticky", "@socket.io/pm2", "sticky-session") is not None:
        return
    if subject.project.find(_ONLY_WEBSOCKET) is not None:
        return
    yield finding(
        subject,
        "reload/sticky_sockets",
        Severity.SERIOUS,
        f"socket.io begins with several HTTP requests that must reach the same process; {subject.unit.instances} instances "
        "share one port and take turns: most handshakes fail with 400",
        "run it with @socket.io/pm2 and its sticky adapter, or set transports: ['websocket'] on both sides, or one instance",
        "likely",
        loaded,
    )


def _jobs(subject: Subject) -> Iterator[Finding]:
    job = subject.project.find(_JOBS)
    if job is None or subject.unit.instances < 2 or subject.project.find(_OWN_NUMBER) is not None:
        return
    yield finding(
        subject,
        "reload/jobs_in_every_instance",
        Severity.WARNING,
        f"it schedules jobs in the process: each of its {subject.unit.instances} instances runs them, and one more while a "
        "reload has two beside each other",
        "schedule only where process.env.NODE_APP_INSTANCE is '0', or in a service of its own",
        "likely",
        job,
    )


def _drain(subject: Subject) -> Iterator[Finding]:
    """A handler that gives itself longer than its supervisor does is killed in the middle of it."""
    limit, script = subject.setup.stop_timeout_s, read_script(subject.project.text)
    if limit is None or not (script.handles or script.takes_messages):
        return
    for delay in subject.project.every(_DELAY):
        match = _DELAY.fullmatch(delay.text)
        if match is None or _ENDS.search(delay.text) is None:
            continue
        wants = int(match[1].replace("_", "")) * int((match[2] or "1").replace("_", "")) / 1000
        if wants > limit:
            yield finding(
                subject,
                "reload/stop_timeout_too_short",
                Severity.WARNING,
                f"it gives what was begun {wants:g} s before it ends by itself, and it is killed after {limit:g} s",
                f"raise {_key_of(subject)} above {wants:g} s",
                "likely",
                delay,
            )
            return


def _key_of(subject: Subject) -> str:
    keys = {"pm2": "kill_timeout", "supervisord": "stopwaitsecs", "systemd": "TimeoutStopSec"}
    return keys.get(subject.family, "stop_timeout_s")


def _shape(subject: Subject) -> Iterator[Finding]:
    listens = subject.project.find(_LISTENS)
    state = subject.project.find(_JOBS) or subject.project.loads("socket.io", "sockjs", "express-session", "ws")
    if subject.is_cluster or listens is None or not subject.ports:
        return
    if subject.unit.instances > 1:
        return
    if state is None:
        yield finding(
            subject,
            "reload/fork_where_cluster_would_do",
            Severity.WARNING,
            "it runs in fork mode: for PM2 a reload is a restart then, and requests fail until the new one listens; "
            f"nothing in its source ({_files(subject)}) keeps it from cluster mode",
            f"exec_mode: 'cluster', instances: {max(2, min(subject.cores, 4))} in its ecosystem file",
            "possible",
            listens,
            facts={"cores": subject.cores},
        )
    else:
        yield finding(
            subject,
            "reload/fork_for_a_reason",
            Severity.NOTE,
            f"it runs in fork mode, where a reload is a restart; cluster mode would need its state ({_word(state.text)}) "
            "outside the process first",
            "move the state out, then exec_mode: 'cluster'; until then reload it when few are there",
            "likely",
            state,
        )


def _word(text: str) -> str:
    return " ".join(text.split())[:40]


def _modules(subject: Subject) -> Iterator[Finding]:
    script, package = subject.project.sources[0].path, subject.project.package
    module = package.get("type") == "module"
    is_esm = script.suffix == ".mjs" or (script.suffix in {".js", ".ts"} and module)
    if is_esm and subject.is_cluster:
        yield finding(
            subject,
            "reload/esm_fails_silently",
            Severity.WARNING,
            f"{script.name} is an ES module in cluster mode: a release that throws while it loads does not end, PM2 calls it "
            "online, and it serves nothing (`pm2 reload` replaces every working one by it)",
            "start it through a file of three lines: import('./" + script.name + "').catch(e => { console.error(e); "
            "process.exit(1) }) in start.cjs, with wait_ready and process.send('ready')",
            "certain",
        )
    guard = subject.project.find(_MAIN_GUARD)
    if is_esm and guard is not None and not subject.ports:
        yield finding(
            subject,
            "reload/esm_main_guard",
            Severity.WARNING,
            "it begins its work only where it is the main module; under PM2 it never is (PM2's own container is)",
            "start the server without that condition in the file that PM2 runs",
            "likely",
            guard,
        )
    ecosystem = (script.parent / "ecosystem.config.js", (subject.setup.cwd or script.parent) / "ecosystem.config.js")
    if module and any(file.is_file() for file in ecosystem):
        yield finding(
            subject,
            "reload/ecosystem_is_esm",
            Severity.WARNING,
            'ecosystem.config.js lies in a package with "type": "module": PM2 requires it, which fails unless it is an ES '
            "module of a Node that can require those",
            "rename it to ecosystem.config.cjs",
            "possible",
        )


def _files(subject: Subject) -> str:
    count = len(subject.project.sources)
    return f"{count} file{'' if count == 1 else 's'} read"
