"""What is unusual in one series of values: another level, a spike, or values that do not follow on what came before.

How to use it, one per series (CPU of a process, its threads, bytes written per second, …):

    detector = SeriesDetector(QUIET)      # or the defaults, where a finding too many costs little
    finding = detector.add(at, value)     # at: seconds (Unix time, so that the time of day means something)
    if finding is not None: ...           # finding.kind, .score, .low and .high (what is usual), .since

Values come at regular intervals, seconds to minutes; what is sampled faster than every 10 s is best given as means, so
that the warm-up and the refractory time (both counted in values) last long enough. What the process ends with it is
forgotten: a new process is a new detector. Quiet by default: nothing in the warm-up, and after a finding nothing for
the refractory time. State is bounded, whatever comes; a value costs some 12 µs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite

from opsagent_tools.metrics.novelty import Novelty


class FindingKind(StrEnum):
    """What is unusual about it."""

    LEVEL_SHIFT = "level_shift"
    """The values of the last while lie elsewhere than before."""
    SPIKE = "spike"
    """Far outside of what is usual, for now."""
    CONTEXT = "context"
    """Nothing unusual by itself, but not after what came before, or not at this time of day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was noticed."""

    kind: FindingKind
    at: float
    """When it was told."""
    value: float
    """What was unusual; of another level: the newest value there."""
    score: float
    """0 … 1."""
    low: float
    high: float
    """Between these most values lay of late."""
    since: float
    """When it began, as far as can be told."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesSettings:
    """How much it takes. The defaults were chosen on the development half of NAB (docs/metrics.md)."""

    digits: float = 9.0
    """How unusual a value must be, in decimal digits over all views (see `opsagent_tools.metrics.novelty`)."""
    warmup: int = 120
    """Values before anything is told."""
    refractory: int = 120
    """Values for which nothing is told after a finding."""
    shifted: int = 6
    """So many values in a row outside of what is usual are another level, fewer a spike."""
    wait: int = 0
    """So many values are waited for before a finding is told, so as to tell a spike from another level."""


QUIET = SeriesSettings(digits=13.0, refractory=360, wait=6)
"""For many series that nobody looks at: on noise it tells of none of 60,000 values, where the defaults tell of one in
1,300; of what NAB labels it finds about half as much."""


class SeriesDetector:
    """One series."""

    __slots__ = ("_novelty", "_outside", "_quiet", "_settings", "_since", "_stayed", "_waiting", "score")

    def __init__(self, settings: SeriesSettings | None = None) -> None:
        self._settings = settings or SeriesSettings()
        self._novelty = Novelty()
        self._quiet = self._settings.warmup
        self._outside = 0
        self._since = 0.0
        self._waiting: Finding | None = None
        self._stayed: list[bool] = []
        self.score = 0.0
        """How unusual the last value was, 0 … 1; from .5 on it is told."""

    def add(self, at: float, value: float) -> Finding | None:
        """Take one value, at regular intervals. Never raises: what is not finite is passed over.

        A gap, or a clock that goes back, matters to the time of day only.
        """
        if not (isfinite(at) and isfinite(value)):
            return None
        low, high = self._novelty.usual
        digits = self._novelty.add(at, value)
        self.score = 1.0 - 0.5 ** (digits / self._settings.digits)
        if low <= value <= high:
            self._outside = 0
        else:
            self._since = self._since if self._outside else at
            self._outside += 1
        if self._quiet > 0:
            self._quiet -= 1
            return self._settled(at, value)
        if digits < self._settings.digits:
            return None
        self._quiet = max(self._settings.refractory, self._settings.wait)
        since = self._since if self._outside else at
        found = Finding(kind=self._kind(), at=at, value=value, score=self.score, low=low, high=high, since=since)
        if not self._settings.wait:
            return found
        self._waiting, self._stayed = found, []
        return None

    def _settled(self, at: float, value: float) -> Finding | None:
        """Return what was waited for, once it is known whether it stayed."""
        found = self._waiting
        if found is None:
            return None
        self._stayed.append(not found.low <= value <= found.high)
        if len(self._stayed) < self._settings.wait:
            return None
        self._waiting = None
        if 2 * sum(self._stayed) > len(self._stayed):
            return replace(found, kind=FindingKind.LEVEL_SHIFT, at=at, value=value)
        return replace(found, at=at)

    def _kind(self) -> FindingKind:
        if not self._outside:
            return FindingKind.CONTEXT
        return FindingKind.LEVEL_SHIFT if self._outside >= self._settings.shifted else FindingKind.SPIKE
