"""What is asked when: the suspects' probes, cheapest first, side by side, and no more once the answer is clear. Pure.

A tier is asked as a whole; what would tell nothing here (a port of a unit that has none, processes of what ended) is
left out. Nothing is asked of a supervisor's daemon or of the machine but what their runbooks name.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from opsagent.causes import SUSPECTS
from opsagent.causes.suspect import Suspect
from opsagent.model import Fault
from opsagent.naming import is_host
from opsagent.probes.costs import QUICK, SLOW, cost_of
from opsagent.runbooks.common import wanted_at_first
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.library import cards_for, every_card
from opsagent.runbooks.remedy import Runbook

_SAYS_WHAT = frozenset({Fault.MEMORY_GROWTH, Fault.SATURATION})
"""Trouble that names what is short; the other kinds say nothing of their cause, and everybody is suspected."""
_FOR_A_NOTE = frozenset({"last_log", "clock"})
"""Asked when a person is called, not before: no decision rests on it."""


_AT_WORK = "who_is_at_work"


def suspects_of(findings: Findings, everybody: Iterable[Suspect] = SUSPECTS) -> tuple[Suspect, ...]:
    """Return who may be behind this kind of trouble."""
    incident = findings.case.incident
    if findings.root is None or is_host(incident.unit) or incident.fault in {Fault.ENGINE_DOWN, Fault.BAD_RELEASE}:
        return ()
    answering = {card.cause for card in cards_for(incident.fault, findings.case.own)}
    carded = {card.cause for card in every_card()}
    return tuple(
        suspect
        for suspect in everybody
        if suspect.may_explain(incident.fault)
        and (
            suspect.faults
            or suspect.kind in answering
            or (suspect.kind not in carded and incident.fault not in _SAYS_WHAT)
        )
    )


def tiers(findings: Findings, runbook: Runbook) -> Iterator[tuple[str, ...]]:
    """Yield the probes of the root that tell something of the suspects, a tier at a time, the cheapest first.

    First of all who is at work there: what was asked to see whether it is over may be clear enough for the rest.
    """
    if findings.root is not None:
        yield (_AT_WORK,)
    of_suspects = (probe for suspect in suspects_of(findings) for probe in suspect.probes)
    wanted = [probe for probe in dict.fromkeys((*runbook.first, *of_suspects)) if probe not in _FOR_A_NOTE]
    for dearest in range(QUICK, SLOW + 1):
        tier = tuple(probe for probe in wanted if cost_of(probe) <= dearest)
        if tier:
            yield tier


def look(findings: Findings, probes: Iterable[str]) -> None:
    """Have these probes of the root run side by side, as far as they can tell something. Raises NotAsked."""
    wanted_at_first(findings, *probes)
