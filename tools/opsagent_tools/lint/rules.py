"""All judgements on one service, in one row. Pure: a subject in, findings out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.lint.graceful import CLOSES, graceful_findings
from opsagent_tools.lint.keeping import keeping_findings
from opsagent_tools.lint.limits import limit_findings
from opsagent_tools.lint.node import node_findings
from opsagent_tools.lint.python import python_findings
from opsagent_tools.lint.source import Hit
from opsagent_tools.lint.subject import Subject

_PLACES = {
    "reload/close_drops_keepalive": CLOSES,
    "reload/ignores_stop_signal": re.compile(r"\.\s*listen\s*\(|uvicorn\s*\.\s*run\s*\(|\.serve_forever\s*\("),
    "reload/ends_without_closing": re.compile(r"['\"`]SIG(?:INT|TERM)['\"`]|\bSIG(?:INT|TERM)\s*:"),
    "reload/never_says_ready": re.compile(r"\.\s*listen\s*\("),
}
"""Where in the source a judgement of `graceful.py` is to be mended."""
_ENDERS = (
    "@godaddy/terminus", "http-terminator", "http-graceful-shutdown", "stoppable", "close-with-grace", "node-graceful",
    "fastify-graceful-shutdown", "lightship", "graceful-http", "server-destroy", "express-graceful-shutdown", "exit-hook",
    "async-exit-hook",
)  # fmt: skip
_NEST = re.compile(r"\benableShutdownHooks\s*\(")
_ENDED_BY_LIBRARIES = frozenset(
    {"reload/ignores_stop_signal", "reload/close_drops_keepalive", "reload/ends_without_closing"}
)
_ABSENT = frozenset({"reload/handler_not_seen", "reload/ignores_stop_signal", "reload/ends_without_closing"})
_CERTAIN = frozenset({"reload/deaf_to_stop_signal", "reload/stop_timeout_too_short", "reload/behind_a_shell"})
_ORDER = {Severity.SERIOUS: 0, Severity.WARNING: 1, Severity.NOTE: 2}


def judge(subject: Subject) -> tuple[Finding, ...]:
    """Return what one service would not survive, the worst first; of two that are about the same, the first."""
    found: dict[str, Finding] = {}
    for rule in RULES:
        for one in rule(subject):
            found.setdefault(one.check, one)
    return in_order(found.values())


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Sort findings: the worst first, then by name."""
    return tuple(sorted(findings, key=lambda one: (_ORDER[one.severity], one.check, one.says)))


def _graceful(subject: Subject) -> Iterable[Finding]:
    text = subject.project.text if subject.project.sources else None
    for one in graceful_findings(subject.setup, subject.processes, text):
        pattern = _PLACES.get(one.check)
        at = subject.project.find(pattern) if pattern is not None else None
        place: dict[str, str | int] = {} if at is None else {"file": str(at.source.path), "line": at.line}
        facts = {**one.facts, "sure": _sure(one, subject), **place}
        says = _why_unread(one, subject)
        mild = one.check in _ABSENT and not subject.ports  # nobody is connected to it
        library = _ender(subject) if one.check in _ENDED_BY_LIBRARIES else None
        if library is not None:
            mild, says = True, f"{says}; {_named(library)} is loaded, which may do that"
            facts |= {"file": str(library.source.path), "line": library.line, "sure": "possible"}
        yield replace(one, facts=facts, says=says, severity=Severity.NOTE if mild else one.severity)


def _ender(subject: Subject) -> Hit | None:
    """Return where a library is loaded that ends a Node server gracefully."""
    if subject.runtime != "node":
        return None
    return subject.project.loads(*_ENDERS) or subject.project.find(_NEST)


def _named(hit: Hit) -> str:
    return (
        " ".join(hit.text.rpartition("(")[2].split()).strip("'\"` ").removeprefix("from ").strip("'\"` ")
        or "a framework"
    )


def _sure(one: Finding, subject: Subject) -> str:
    if one.check in _CERTAIN or (one.check == "reload/ignores_stop_signal" and subject.runtime != "node"):
        return "certain"
    return "possible" if one.check in _ABSENT else "likely"


def _why_unread(one: Finding, subject: Subject) -> str:
    if one.check != "reload/handler_not_seen" or not subject.project.unread:
        return one.says
    return f"{one.says} ({subject.project.unread})"


RULES: tuple[Callable[[Subject], Iterable[Finding]], ...] = (
    _graceful,
    node_findings,
    python_findings,
    limit_findings,
    keeping_findings,
)
