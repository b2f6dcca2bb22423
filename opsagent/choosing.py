"""Which of the library's remedies is worth trying: the likelier its cause and the less it puts at stake, the sooner. Pure.

A remedy of the library is for one cause. It is weighed where that cause is likely by more than text, and taken where its
own condition holds. Its worth is what it is expected to do good, less the harm that it does where it is wrong:
p - (1 - p) * harm, with p = weight of the cause * expected success (of the memory's, else a middling one).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from opsagent.causes import SUSPECTS
from opsagent.causes.judging import CLEAR, LIKELY
from opsagent.causes.suspect import PROOF
from opsagent.model import Cause, Hypothesis, RemedyOdds, Step
from opsagent.runbooks.findings import Findings
from opsagent.runbooks.remedy import Fit, Remedy
from opsagent_tools.actions import Effect
from opsagent_tools.registry import TOOLS

_UNTRIED = 0.7
"""Expected success of a remedy that nobody tried here: its condition holds, and it was written for this cause."""
_HARM = {
    Effect.READS: 0.0,
    Effect.TELLS: 0.0,
    Effect.RESUMES: 0.05,
    Effect.STARTS: 0.1,
    Effect.REPLACES: 0.2,
    Effect.WRITES_FILES: 0.3,
    Effect.INTERRUPTS: 0.4,
}
"""What a step costs where it is the wrong one, against the good of the right one (1)."""
_DESTROYED = 1.5
_HOPELESS_TRIES = 3
_OWN = "own."
"""How the names of a person's own remedies begin."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """A remedy that fits, and how sure its cause is."""

    remedy: Remedy
    fit: Fit
    weight: float


def is_own(remedy: Remedy) -> bool:
    """Tell whether a person wrote it, for this machine."""
    return remedy.name.startswith(_OWN)


def weight_of(remedy: Remedy, hypotheses: Iterable[Hypothesis]) -> float:
    """Return how sure the remedy's cause is. A person's own runbook is their word that its condition means it."""
    if is_own(remedy):
        return PROOF
    judged = max((one.weight for one in hypotheses if one.kind is remedy.cause), default=0.0)
    return judged if judged or remedy.cause in _SUSPECTED else LIKELY


_SUSPECTED = frozenset(suspect.kind for suspect in SUSPECTS)
"""Causes that somebody judges; of another the remedy's own condition is all that there is."""


def choose(
    remedies: Iterable[Remedy], findings: Findings, hypotheses: tuple[Hypothesis, ...], *, least: float = LIKELY
) -> Chosen | None:
    """Return the best remedy of a cause that is at least so sure and whose condition holds now. Raises NotAsked."""
    for remedy, weight in _in_order(remedies, findings, hypotheses, least):
        if remedy.after and not findings.tried_any(remedy.after, findings.case.incident.unit):
            continue
        fit = remedy.fits(findings)
        if isinstance(fit, Fit) and worth(remedy.steps(fit), weight, _odds(findings, remedy.name)) > 0:
            return Chosen(remedy, fit, weight)
    return None


def worth(steps: Iterable[Step], weight: float, odds: RemedyOdds | None = None) -> float:
    """Return expected good less expected harm of steps against a cause of this weight."""
    tried = odds is not None and odds.tries > 0
    chance = weight * (odds.score if tried and odds is not None else _UNTRIED)
    harm = max((_harm(step) for step in steps), default=0.0)
    return chance - (1.0 - chance) * harm


def _harm(step: Step) -> float:
    tool = TOOLS.get(step.action.name)
    return _HARM.get(tool.effect, _DESTROYED) if tool is not None else _DESTROYED


def _in_order(
    remedies: Iterable[Remedy], findings: Findings, hypotheses: tuple[Hypothesis, ...], least: float
) -> Iterator[tuple[Remedy, float]]:
    """Yield them with the weight of their cause: the surest cause first, then the file's order; what ceased to work here
    comes behind the others, what only ever failed last, the hopeless not at all.
    """
    ranked = []
    for number, remedy in enumerate(remedies):
        weight, odds = weight_of(remedy, hypotheses), _odds(findings, remedy.name)
        failed = odds.tries if odds is not None and not odds.successes else 0
        stale = odds is not None and odds.stale
        if weight >= least and failed < _HOPELESS_TRIES:
            last = 2 if failed else int(stale)
            ranked.append((last, -round(weight, 1), remedy.order, number, remedy, weight))
    for *_, remedy, weight in sorted(ranked, key=lambda one: one[:4]):
        yield remedy, weight


def _odds(findings: Findings, remedy: str) -> RemedyOdds | None:
    return next((odds for odds in findings.case.odds if odds.remedy == remedy), None)


def cause_of(remedy: Remedy, hypotheses: Iterable[Hypothesis], fit: Fit) -> Cause:
    """Return what a remedy is against: what it was written for, else the likeliest cause at its target."""
    if remedy.cause is not None:
        return remedy.cause
    at_target = (one for one in hypotheses if one.unit == fit.target.unit.id and one.weight >= LIKELY)
    return next((one.kind for one in at_target), Cause.UNKNOWN)


__all__ = ["CLEAR", "LIKELY", "Chosen", "cause_of", "choose", "is_own", "weight_of", "worth"]
