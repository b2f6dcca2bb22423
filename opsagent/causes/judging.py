"""Judges all suspects by what is known, and tells when the answer is clear. Pure.

Topology decides between cause and symptom: where something upstream is surely at fault, what else is seen at the root
without proof of its own is likelier a symptom, and says so. Two causes that are each proved both stay.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from opsagent.causes import SUSPECTS
from opsagent.causes.suspect import MOST_OF_TEXT, SOME, Suspect
from opsagent.model import Cause, EvidenceKind, Hypothesis
from opsagent.runbooks.findings import Findings

CLEAR = 0.9
"""So sure, and nothing against it: nothing more is asked."""
LIKELY = 0.5
"""A cause at least this likely may have something done about it, if its remedy's own condition holds."""
_SYMPTOMS = frozenset(
    {Cause.CRASHED, Cause.UNKNOWN, Cause.POOL_EXHAUSTED, Cause.RETRY_STORM, Cause.DEADLOCK, Cause.SPINNING}
)
"""What a service shows that waits for somebody else, or retries."""


def judge(findings: Findings, suspects: Iterable[Suspect] = SUSPECTS) -> tuple[Hypothesis, ...]:
    """Return the possible causes, likeliest first. Uses what is known and asks for nothing."""
    found = _merged(_judged(findings, suspects))
    return tuple(sorted(_by_topology(found), key=lambda one: -one.weight))


def clear(hypotheses: Iterable[Hypothesis]) -> Hypothesis | None:
    """Return the cause that is clear: so sure, and with nothing that speaks against it. None: not yet."""
    sure = [one for one in hypotheses if one.weight >= CLEAR and not one.speaks_against]
    return max(sure, key=lambda one: one.weight, default=None)


def _judged(findings: Findings, suspects: Iterable[Suspect]) -> Iterator[Hypothesis]:
    for suspect in suspects:
        hypothesis = suspect.judge(findings)
        if hypothesis is None:
            continue
        if hypothesis.weight > MOST_OF_TEXT and not _rests_on_more_than_text(findings, suspect):
            hypothesis = replace(hypothesis, weight=MOST_OF_TEXT)
        yield hypothesis


def _rests_on_more_than_text(findings: Findings, suspect: Suspect) -> bool:
    """Tell whether any of its probes answered with evidence of kernel, supervisor or probe."""
    units = (findings.case.incident.unit, *(target.unit.id for target in findings.case.upstream))
    for probe in suspect.probes:
        for unit in units:
            facts = findings.known(probe, unit)
            if facts is not None and facts.answered and facts.evidence.kind is not EvidenceKind.TEXT:
                return True
    return False


def _merged(hypotheses: Iterable[Hypothesis]) -> list[Hypothesis]:
    """Return one hypothesis per kind and unit: two suspects that see the same thing do not make it two causes."""
    found: dict[tuple[Cause, object, str], Hypothesis] = {}
    for one in hypotheses:
        key = (one.kind, one.unit, one.cause if one.kind is Cause.UNKNOWN else "")
        other = found.get(key)
        if other is None:
            found[key] = one
            continue
        surer, less = (one, other) if one.weight > other.weight else (other, one)
        found[key] = replace(
            surer,
            speaks_for=tuple(dict.fromkeys((*surer.speaks_for, *less.speaks_for))),
            speaks_against=tuple(dict.fromkeys((*surer.speaks_against, *less.speaks_against))),
        )
    return list(found.values())


def _by_topology(hypotheses: list[Hypothesis]) -> Iterator[Hypothesis]:
    upstream = [one for one in hypotheses if one.kind is Cause.DEPENDENCY_DOWN and one.weight >= LIKELY]
    for one in hypotheses:
        above = next((up for up in upstream if up.unit != one.unit), None)
        if above is None or one.kind not in _SYMPTOMS:
            yield one
            continue
        against = (*one.speaks_against, f"{above.cause}: that explains it")
        yield replace(one, weight=round(one.weight * (1.0 - SOME), 3), speaks_against=against)
