"""What a runbook of one's own in Python needs (docs/runbooks.md). These names stay."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from opsagent.runbooks.case import Target
from opsagent.runbooks.findings import Facts, Findings
from opsagent.runbooks.own_python import FITS
from opsagent.runbooks.remedy import Against, Fit

__all__ = ["Against", "Facts", "Findings", "Fit", "Target", "fits"]

_F = TypeVar("_F", bound=Callable[[Findings, Target], Fit | Against])


def fits(remedy: str) -> Callable[[_F], _F]:
    """Mark a function as the condition of the remedy of that name in `RUNBOOK`.

    It is told what was found and which unit is meant, returns Fit or Against, and changes nothing: it is asked again and
    again. `findings.of(PROBE, unit)` has a probe run where it did not run yet.
    """

    def mark(function: _F) -> _F:
        setattr(function, FITS, remedy)
        return function

    return mark
