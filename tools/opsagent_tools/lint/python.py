"""What a Python service would not survive, read from its source."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.lint.subject import Subject, finding

_RELOADER = re.compile(r"\.run\s*\([^)]*\b(?:debug|reload|use_reloader)\s*=\s*True")
_UVICORN_RUN = re.compile(r"\buvicorn\s*\.\s*run\s*\(")
_GRACEFUL = "timeout_graceful_shutdown"
_IN_MEMORY = re.compile(r"SESSION_TYPE['\"]?\]?\s*=\s*['\"](?:cachelib|filesystem|simple|memory)['\"]|SimpleCache\s*\(")


def python_findings(subject: Subject) -> Iterator[Finding]:
    """Judge one service that Python runs, as far as its source could be read."""
    if subject.runtime != "python" or not subject.project.sources:
        return
    yield from _reloader(subject)
    yield from _endless_wait(subject)
    yield from _sessions(subject)


def _reloader(subject: Subject) -> Iterator[Finding]:
    found = subject.project.find(_RELOADER)
    if found is not None and len(subject.processes) and subject.ports:
        yield finding(
            subject,
            "reload/development_server",
            Severity.WARNING,
            "it runs with a development reloader: the process that the supervisor knows is not the one that serves, and a stop "
            "ends both without waiting",
            "debug=False, reload=False, behind gunicorn or uvicorn",
            "likely",
            found,
        )


def _endless_wait(subject: Subject) -> Iterator[Finding]:
    """Uvicorn waits for open connections as long as it may: a stream that never ends has it killed."""
    run = subject.project.find(_UVICORN_RUN)
    command = subject.setup.command
    by_command = any(part.rpartition("/")[2] == "uvicorn" for part in command)
    told = any("graceful" in part for part in command) or _GRACEFUL in subject.project.text
    if told or not (run or by_command):
        return
    limit = subject.setup.stop_timeout_s
    wait = f"{limit - 1:.0f}" if limit is not None and limit > 2 else "8"
    yield finding(
        subject,
        "reload/waits_for_streams",
        Severity.NOTE,
        "uvicorn waits without end for connections that are open (server-sent events, websockets), and is killed with all "
        f"others' requests{f' after {limit:g} s' if limit is not None else ''}",
        f"--timeout-graceful-shutdown {wait}" if by_command else f"uvicorn.run(…, {_GRACEFUL}={wait})",
        "likely",
        run,
    )


def _sessions(subject: Subject) -> Iterator[Finding]:
    found = subject.project.find(_IN_MEMORY)
    if found is not None and "Simple" in found.text and subject.unit.instances > 1:
        yield finding(
            subject,
            "reload/in_memory_cache",
            Severity.WARNING,
            f"each of its {subject.unit.instances} processes has a cache of its own, which a reload empties",
            "a cache outside the process (Redis)",
            "likely",
            found,
        )
