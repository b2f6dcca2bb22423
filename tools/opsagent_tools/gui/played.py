"""One step of a run, as far as it has come, and how a run ends at it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

from opsagent_tools.gui.finding import Found, seconds_to_read
from opsagent_tools.gui.healing import healed
from opsagent_tools.gui.model import Look
from opsagent_tools.gui.procedure import ScreenOutcome, ScreenStep, StepReport, WindowRule

HALTED, NEEDS_PERSON = ScreenOutcome.HALTED, ScreenOutcome.NEEDS_PERSON


class Ended(Exception):
    """The run ends at this step."""

    def __init__(self, outcome: ScreenOutcome, why: str) -> None:
        super().__init__(why)
        self.outcome = outcome
        self.why = why


@dataclass(slots=True, kw_only=True)
class Playing:
    """One step, as far as it has come."""

    number: int
    step: ScreenStep
    """As it is done: parameters filled in."""
    written: ScreenStep
    rule: WindowRule
    said: str = ""
    done: bool = False
    why: str = ""
    found: Found | None = None
    before: bytes | None = None
    after: bytes | None = None
    value: str | None = None
    began: float = field(default_factory=time.monotonic)
    waited: float = 0.0

    @contextlib.contextmanager
    def waiting(self) -> Iterator[None]:
        """Count what is done inside as waiting, for the program or for a person."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.waited += time.monotonic() - start

    def read(self, look: Look) -> None:
        """Count what a look took as our own: it was read while the program was waited for."""
        self.waited -= min(seconds_to_read(look), self.waited)

    def report(self) -> StepReport:
        """Return how it went."""
        at = self.found.at if self.found else None
        better = None
        if self.done and self.found and at and self.written.on:
            better = healed(self.written.on, at, self.found.look, lower=self.found.lower)
        return StepReport(
            number=self.number,
            said=self.said,
            done=self.done,
            rung=at.rung if at else None,
            score=at.score if at else 0.0,
            margin=at.margin if at else 0.0,
            why=self.why or (at.why if at else ""),
            seconds=max(0.0, time.monotonic() - self.began - self.waited),
            waited_s=self.waited,
            before=self.before,
            after=self.after,
            healed=better,
        )
