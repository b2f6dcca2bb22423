"""What a suspect is: one kind of cause, the probes that can tell, and how it is judged by what they found. Pure.

A weight is how sure one is that this *is* a cause, 0..1, by itself: weights of different causes do not add up to one,
because two causes may be at work at once. What speaks for a cause is joined as independent reasons (noisy or, Pearl
1988): 1 - product(1 - strength). Each reason against takes its share off what is left.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from opsagent.model import Cause, Fault, Hypothesis
from opsagent.runbooks.findings import Findings
from opsagent_tools.units import UnitId

PROOF = 0.95
"""The kernel or the supervisor shows the very thing, and it suffices to explain the trouble."""
STRONG = 0.8
"""It is seen, and mostly explains such trouble."""
SOME = 0.6
"""It is seen, and may explain it (a file that changed before the trouble began)."""
WEAK = 0.35
"""It fits, and much else would."""
TEXT = 0.15
"""A log line says so. Text only ever leads a look."""
MOST_OF_TEXT = 0.3
"""No hypothesis that rests on text alone is surer than this."""

Reason = tuple[str, float]
"""Why, in words for a person, and how strong that is (0..1)."""
Judge = Callable[[Findings], Hypothesis | None]


@dataclass(frozen=True, slots=True)
class Suspect:
    """One kind of cause that is looked for."""

    kind: Cause
    probes: tuple[str, ...]
    """What can tell, of the root; decide asks for them, cheapest first."""
    judge: Judge
    """Pure: reads `findings.known(...)`, asks for nothing, and returns None where nothing speaks for the cause."""
    faults: frozenset[Fault] = frozenset()
    """Kinds of trouble that it can explain; empty: any."""

    def may_explain(self, fault: Fault) -> bool:
        """Tell whether it is worth looking for where `fault` is what shows."""
        return not self.faults or fault in self.faults


def weigh(
    kind: Cause,
    unit: UnitId,
    cause: str,
    *,
    speaks_for: Iterable[Reason],
    speaks_against: Iterable[Reason] = (),
) -> Hypothesis | None:
    """Return the hypothesis with its weight; None where nothing speaks for it."""
    pro, contra = tuple(speaks_for), tuple(speaks_against)
    if not pro:
        return None
    doubt = 1.0
    for _, strength in pro:
        doubt *= 1.0 - strength
    weight = 1.0 - doubt
    for _, strength in contra:
        weight *= 1.0 - strength
    return Hypothesis(
        kind=kind,
        unit=unit,
        cause=cause,
        weight=round(min(max(weight, 0.0), 1.0), 3),
        speaks_for=tuple(why for why, _ in pro),
        speaks_against=tuple(why for why, _ in contra),
    )
