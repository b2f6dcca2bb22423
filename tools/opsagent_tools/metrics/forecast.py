"""When something will be used up: a disk, inodes, descriptors, memory. Told only where the rate is steady.

The floor of equal spans of time is looked at on several scales. The rate is Theil and Sen's, the median of the slopes
between all pairs of spans (Sen 1968, J. Am. Stat. Assoc. 63:1379). A step (a file that was copied, a release that was
unpacked) is no rate: the few largest rises are taken away, and what is left has to carry most of the growth. What grows
must do so in each third of the time, about as fast in each: the slowest and the fastest third are the range that is
told. What slows down levels off. A forecast looks a few times as far ahead as it saw behind, and no further.

Something that is emptied by itself again and again (a spool, a nightly backup) is no alarm below where it came down from.

How to use it, one per thing that can be used up:

    filling = Filling()
    prospect = filling.add(at, used, limit)     # at: seconds; every 1 to 60 s; the limit may change
    if prospect is not None: ...                # it is steady, and will be full in prospect.full_in_s
"""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import median


@dataclass(frozen=True, slots=True, kw_only=True)
class FillingSettings:
    """What counts as steady."""

    widths: tuple[float, ...] = (10.0, 60.0, 600.0)
    """Seconds of a span, one scale each."""
    kept: int = 36
    """Spans of a scale that are kept."""
    least: int = 12
    """Spans of a scale before it says anything."""
    ahead: float = 6.0
    """How many times as far ahead as was seen behind."""
    uneven: float = 3.0
    """The fastest third may be so many times as fast as the slowest."""
    slower: float = 0.5
    """If the last third is slower than this share of the first one, it levels off."""
    steps: float = 0.1
    """Share of all rises that is taken away, the largest ones first …"""
    carried: float = 0.4
    """… and the share of the growth that must be left."""
    grown: float = 0.005
    """Growth of less than this share of the limit is none."""
    sure: int = 3
    """So many judgements in a row must come to the same."""
    fall: float = 0.05
    """It came down when it fell by this share of the limit."""
    above: float = 1.02
    """Where it came down from by itself is passed when it is so many times as high."""
    forget_s: float = 3 * 86_400.0
    """A height that was not reached again for so long is not known to be harmless any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """It grows steadily, and this is when it is full if it goes on so. Times in seconds from `at`."""

    at: float
    used: float
    limit: float
    rate: float
    """Units of the value per second."""
    full_in_s: float
    soonest_s: float
    latest_s: float
    seen_s: float
    """For how long the growth was watched."""

    @property
    def share(self) -> float:
        """How much is used now, 0..1."""
        return self.used / self.limit

    def later(self, at: float, used: float) -> Prospect:
        """Return what is left of it some time later."""
        passed = at - self.at
        full_in_s, soonest_s, latest_s = (
            max(0.0, left - passed) for left in (self.full_in_s, self.soonest_s, self.latest_s)
        )
        return replace(self, at=at, used=used, full_in_s=full_in_s, soonest_s=soonest_s, latest_s=latest_s)


@dataclass(slots=True)
class _Scale:
    width_s: float
    floors: deque[float]
    span: int = -1
    low: float = math.inf
    sure: int = 0
    prospect: Prospect | None = None
    """As it was when the last span was over."""

    def add(self, at: float, value: float) -> bool:
        """Take one value; tell whether a span is over."""
        span = int(at // self.width_s)
        if span == self.span:
            self.low = min(self.low, value)
            return False
        passed = span - self.span
        if self.span >= 0:
            self.floors.append(self.low)
            if passed < 0 or passed > (self.floors.maxlen or 1):
                self.floors.clear()  # the clock went back, or nobody looked for long
            elif passed > 1:  # nobody looked because nothing moved
                self.floors.extend([self.low] * (passed - 1))
        over, self.span, self.low = self.span >= 0, span, value
        return over

    def forget(self) -> None:
        self.floors.clear()
        self.span, self.low, self.sure, self.prospect = -1, math.inf, 0, None


@dataclass(slots=True)
class _Heights:
    """From where it came down by itself."""

    high: float = -math.inf
    harmless: float = -math.inf
    reached_at: float = -math.inf
    mended: float = -math.inf
    """Where it came down from after it had been told: somebody may have made room. If it does so again, it is its way."""


class Filling:
    """One thing that can be used up. State is a fixed number of numbers."""

    __slots__ = ("_heights", "_prospect", "_scales", "_settings", "told")

    def __init__(self, settings: FillingSettings | None = None) -> None:
        self._settings = settings or FillingSettings()
        self._scales = tuple(
            _Scale(width_s=width, floors=deque(maxlen=self._settings.kept)) for width in self._settings.widths
        )
        self._prospect: Prospect | None = None
        self._heights = _Heights()
        self.told = False
        """Set by whoever acts on a prospect: what makes room then may be a person. Back to False when it came down."""

    def add(self, at: float, used: float, limit: float) -> Prospect | None:
        """Take one value; return when it will be full, None where that cannot be told. Never raises."""
        if not (math.isfinite(at) and math.isfinite(used) and math.isfinite(limit)) or limit <= 0 or used < 0:
            return None
        if self._came_down(at, used, limit):
            for scale in self._scales:
                scale.forget()
            self._prospect = None
        over = [scale for scale in self._scales if scale.add(at, used)]
        for scale in over:
            scale.prospect = self._look(scale, at, used, limit)
            scale.sure = scale.sure + 1 if scale.prospect is not None else 0
        if over:
            sure = (scale.prospect for scale in self._scales if scale.sure >= self._settings.sure)
            found = (prospect.later(at, used) for prospect in sure if prospect is not None)
            self._prospect = min(found, key=lambda one: one.full_in_s, default=None)
        return self._prospect if used >= self._settings.above * self._heights.harmless else None

    def _look(self, scale: _Scale, at: float, used: float, limit: float) -> Prospect | None:
        settings, floors = self._settings, list(scale.floors)
        if len(floors) < settings.least:
            return None
        if not _carried(floors, settings, limit):
            return None
        third = len(floors) // 3
        rates = [_slope(part) / scale.width_s for part in (floors[:third], floors[third:-third], floors[-third:])]
        slowest, fastest = min(rates), max(rates)
        if slowest <= 0 or fastest > settings.uneven * slowest or rates[2] < settings.slower * rates[0]:
            return None
        rate = _slope(floors) / scale.width_s
        left, seen_s = max(0.0, limit - used), scale.width_s * len(floors)
        latest_s = _slowing(left, rates[0], rates[2], seen_s) if rates[2] < rates[0] else left / slowest
        full_in_s = left / rate if rates[2] >= rates[0] else latest_s
        if full_in_s > settings.ahead * seen_s:
            return None
        return Prospect(
            at=at,
            used=used,
            limit=limit,
            rate=rate,
            full_in_s=full_in_s,
            soonest_s=min(full_in_s, left / fastest),
            latest_s=max(full_in_s, latest_s),
            seen_s=seen_s,
        )

    def _came_down(self, at: float, used: float, limit: float) -> bool:
        heights, settings = self._heights, self._settings
        if at - heights.reached_at > settings.forget_s:
            heights.harmless = -math.inf
        if used >= 0.9 * heights.harmless:
            heights.reached_at = at
        if used > heights.high - settings.fall * limit:
            heights.high = max(heights.high, used)
            return False
        if not self.told or abs(heights.mended - heights.high) <= settings.fall * limit:
            heights.harmless, heights.reached_at = max(heights.harmless, heights.high), at
        else:
            heights.mended = heights.high
        heights.high, self.told = used, False
        return True


def _carried(floors: list[float], settings: FillingSettings, limit: float) -> bool:
    """Tell whether the growth is more than a few steps."""
    rises = sorted(after - before for before, after in pairwise(floors))
    grown = floors[-1] - floors[0]
    if grown < settings.grown * limit:
        return False
    steps = max(1, math.ceil(settings.steps * len(rises)))
    return sum(rises[:-steps]) >= settings.carried * grown


def _slowing(left: float, first: float, last: float, seen_s: float) -> float:
    """Return when `left` more is reached by what slowed down from one rate to another, as a curve that levels off does."""
    tau = 2 / 3 * seen_s / math.log(first / last)
    reached = left / (last * tau)
    return -tau * math.log1p(-reached) if reached < 1 else math.inf


def _slope(floors: list[float]) -> float:
    """Return Theil and Sen's slope, per span."""
    slopes = [(floors[b] - floors[a]) / (b - a) for a in range(len(floors)) for b in range(a + 1, len(floors))]
    return median(slopes) if slopes else 0.0
