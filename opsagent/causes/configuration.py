"""Causes that lie in what a service was given: its configuration, its release, its environment."""

from __future__ import annotations

from collections.abc import Iterator

from opsagent.causes.suspect import SOME, WEAK, Reason, Suspect, weigh
from opsagent.model import Cause, Hypothesis
from opsagent.runbooks.findings import Facts, Findings

_SHORTLY_S = 600.0
"""A change explains trouble that began at most this much later."""
_SLACK_S = 1.0


def bad_config(findings: Findings) -> Hypothesis | None:
    """Its configuration is another than the one with which it was last well."""
    change = findings.known("config_changed", findings.case.incident.unit)
    if change is None or not change.answered or not change.flag("changed"):
        return None
    return _changed(Cause.BAD_CONFIG, findings, change, "the content kept when it was last well")


def bad_release(findings: Findings) -> Hypothesis | None:
    """Its release is another than the one with which it was last well."""
    change = findings.known("release_changed", findings.case.incident.unit)
    if change is None or not change.answered or not change.flag("changed"):
        return None
    return _changed(Cause.BAD_RELEASE, findings, change, "the release kept when it was last well")


def _changed(kind: Cause, findings: Findings, change: Facts, source: str) -> Hypothesis | None:
    unit = findings.case.incident.unit
    return weigh(
        kind,
        unit,
        change.words("said"),
        speaks_for=[(source, SOME), *_in_time(findings, change)],
        speaks_against=list(_out_of_time(findings, change)),
    )


def _in_time(findings: Findings, change: Facts) -> Iterator[Reason]:
    """Yield what the order of change, start and trouble says for it."""
    changed_at, began = change.number("changed_at"), findings.case.incident.began_at.timestamp()
    if not changed_at or not 0 <= began + _SLACK_S - changed_at <= _SHORTLY_S:
        return
    yield f"it changed {max(0.0, began - changed_at):.0f} s before the trouble began", SOME
    lives = findings.lives(findings.case.incident.unit)
    if lives and lives[-1].born >= changed_at - _SLACK_S:
        yield "what died had been started with it", SOME


def _out_of_time(findings: Findings, change: Facts) -> Iterator[Reason]:
    changed_at, began = change.number("changed_at"), findings.case.incident.began_at.timestamp()
    if changed_at > began + _SLACK_S:
        yield "it changed after the trouble began", SOME
    elif changed_at and began - changed_at > _SHORTLY_S:
        yield "it changed long before the trouble began", WEAK


SUSPECTS: tuple[Suspect, ...] = (
    Suspect(Cause.BAD_CONFIG, ("config_changed", "unit_state"), bad_config),
    Suspect(Cause.BAD_RELEASE, ("release_changed", "unit_state"), bad_release),
)
