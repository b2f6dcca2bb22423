"""Whether another remedy than the usual one is tried, for the sake of learning which helps. Pure.

Only where the usual one is in doubt, only among remedies whose own condition holds now, and only where policy calls all of
them safe and wants no question. Thompson sampling (Thompson 1933): of each remedy a success rate is drawn from what is
known of it, Beta(1 + successes, 1 + failures), and the best draw is tried. The draw depends on the incident alone, so that
the same case is decided in the same way.
"""

from __future__ import annotations

import random

from opsagent.model import RemedyOdds
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Fit, Remedy, Runbook

PROVEN = 0.5
"""A remedy whose expected success is at least this comes from memory."""
_SURE = 0.65
"""Expected success from which on nothing else is tried."""
_KNOWN_TRIES = 2
"""One outcome puts nothing in doubt."""
_MOST_TRIES = 8.0
"""More outcomes than this make a draw no narrower: what held for long may change."""
_STALE = 0.5


def is_proven(odds: RemedyOdds) -> bool:
    """Tell whether memory may propose it: it helped here, or a person accepted it, and nothing says that it ceased to."""
    return not odds.stale and odds.score >= PROVEN and (odds.accepted or odds.successes > 0)


def another(runbook: Runbook, findings: Findings, usual: Remedy) -> tuple[Remedy, Fit, RemedyOdds | None] | None:
    """Return the remedy to try instead, or None. Raises NotAsked."""
    case = findings.case
    known = {odds.remedy: odds for odds in case.odds}
    if case.may_try is None or not _in_doubt(known.get(usual.name)):
        return None
    if _fits(usual, findings, usual) is None:  # asked first: the others' conditions want probes of their own
        return None
    fitting = [(remedy, fit) for remedy in runbook.remedies if (fit := _fits(remedy, findings, usual)) is not None]
    if len(fitting) < 2 or all(remedy.name != usual.name for remedy, _ in fitting):
        return None
    chance = random.Random(f"{case.incident.id}/{len(case.tried)}")  # noqa: S311  # nothing secret
    draws = [(_draw(known.get(remedy.name), chance), -number) for number, (remedy, _) in enumerate(fitting)]
    remedy, fit = fitting[-max(draws)[1]]
    return None if remedy.name == usual.name else (remedy, fit, known.get(remedy.name))


def _in_doubt(odds: RemedyOdds | None) -> bool:
    if odds is None or odds.accepted or odds.tries < _KNOWN_TRIES:
        return False
    return odds.stale or odds.score < _SURE


def _fits(remedy: Remedy, findings: Findings, usual: Remedy) -> Fit | None:
    """Return how it fits, if it may be tried without a question."""
    root, may_try = findings.case.incident.unit, findings.case.may_try
    if remedy.after and remedy.name != usual.name and not findings.tried_any(remedy.after, root):
        return None
    fit = remedy.fits(findings)
    return fit if isinstance(fit, Fit) and may_try is not None and may_try(remedy.steps(fit), fit.target) else None


def _draw(odds: RemedyOdds | None, chance: random.Random) -> float:
    tries = min(float(odds.tries), _MOST_TRIES) if odds is not None else 0.0
    score = (odds.score * (_STALE if odds.stale else 1.0)) if odds is not None else PROVEN
    return chance.betavariate(1.0 + tries * score, 1.0 + tries * (1.0 - score))
