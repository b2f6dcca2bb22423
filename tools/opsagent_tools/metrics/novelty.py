"""How unusual the newest value of a series is: seven views of it, each ranked among its own past, added up.

No view knows what an anomaly looks like; each turns the newest value into an error (0: as expected), and
`opsagent_tools.metrics.rarity` says how rare an error of that size is *for this series and this view*. So nothing needs
a scale, a unit or a distribution. The sum of the seven, in decimal digits, is high where several views agree, or where
one sees what it never saw.

The idea of contexts of quantised values is CAD OSE's (Smirnov, NAB 2016), that of ranking errors among their own past
HTM's anomaly likelihood (Ahmad et al. 2017, Neurocomputing 262:134); both in the cheapest form that works.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from math import log

from opsagent_tools.metrics.rarity import GENERATION, Rarity

_LEVELS = 8
"""Values are told apart as so many parts of their range."""
_SCALE = _LEVELS * 0.9999
_BASE = _LEVELS + 1
_LONGEST = 3
"""The longest context, in values; a context is a number with a digit per value."""
_SLOTS = 48
_SLOT_S = 86400 // _SLOTS
_TINY = 1e-12
_GREATEST = 1e150


@dataclass(slots=True)
class _Mean:
    """A mean that forgets, and how far values lie from it; a plain mean until it has seen `over` values."""

    over: int
    mean: float = 0.0
    off: float = 0.0
    seen: int = 0

    def add(self, value: float) -> float:
        """Learn a value; returns how far it lay from the mean, in usual distances (0 while there are none)."""
        seen = self.seen
        if not seen:
            self.mean = value
        gain = 1.0 / (seen + 1) if seen < self.over else 1.0 / self.over
        self.seen = seen + 1
        distance = value - self.mean
        self.mean += gain * distance
        if distance < 0:
            distance = -distance
        off = self.off
        self.off = off + gain * (distance - off)
        return distance / (off + _TINY) if off > 0 else 0.0


@dataclass(slots=True)
class _Past:
    """The range of values and the contexts of this generation and the last one: what came long ago is forgotten."""

    low: float
    high: float
    young_low: float
    young_high: float
    seen: bytearray = field(default_factory=lambda: bytearray(_BASE**_LONGEST))
    """By context: 2 in this generation, 1 in the last one, 0 never or long ago."""
    before: int = 0
    """The two values before, as levels."""
    left: int = GENERATION

    def outside(self, value: float) -> float:
        """Learn a value; returns how far it lies outside of what there was, as a share of the range."""
        self.left -= 1
        if self.left <= 0:
            self._turn(value)
        if value < self.young_low:  # noqa: PLR1730  # a call costs more
            self.young_low = value
        if value > self.young_high:  # noqa: PLR1730  # the same
            self.young_high = value
        low, high = self.low, self.high
        if low <= value <= high:
            return 0.0
        if value > high:
            self.high, beyond = value, value - high
        else:
            self.low, beyond = value, low - value
        return beyond / (high - low) if high > low else 0.0

    def unseen(self, value: float) -> float:
        """Learn the contexts that a value makes with those before it; returns the share of them that are new."""
        low = self.low
        level = int((value - low) / (self.high - low + _TINY) * _SCALE) + 1
        two = self.before % _BASE * _BASE + level
        three = self.before * _BASE + level
        self.before = two
        seen = self.seen
        new = (not seen[level]) + (not seen[two]) + (not seen[three])
        seen[level] = seen[two] = seen[three] = 2
        return new / _LONGEST

    def _turn(self, value: float) -> None:
        self.left = GENERATION
        self.low, self.high, self.young_low, self.young_high = self.young_low, self.young_high, value, value
        self.seen = bytearray(max(0, mark - 1) for mark in self.seen)


@dataclass(slots=True)
class _Day:
    """What is expected at each half hour of the day, from the days before."""

    expected: list[float | None] = field(default_factory=lambda: [None] * _SLOTS)
    slot: int = -1
    total: float = 0.0
    count: int = 0

    def off(self, at: float, value: float, otherwise: float) -> float:
        """Learn a value; returns how far it lies from what is expected now (`otherwise`: on the first day)."""
        slot = int(at // _SLOT_S) % _SLOTS
        if slot != self.slot:
            self._close()
            self.slot = slot
        self.total += value
        self.count += 1
        expected = self.expected[slot]
        return value - (otherwise if expected is None else expected)

    def _close(self) -> None:
        if self.count:
            mean, before = self.total / self.count, self.expected[self.slot]
            self.expected[self.slot] = mean if before is None else before + 0.6 * (mean - before)
        self.total, self.count = 0.0, 0


class Novelty:
    """One series. State is a fixed number of numbers, some 750 and 729 bytes, however long it is."""

    __slots__ = (
        "_day",
        "_fast",
        "_last",
        "_long",
        "_middle",
        "_moves",
        "_moves_long",
        "_past",
        "_rank",
        "_season",
        "_unseen",
    )

    def __init__(self) -> None:
        self._fast, self._middle, self._long = _Mean(12), _Mean(150), _Mean(600)
        self._moves, self._moves_long = _Mean(144), _Mean(1000)
        self._past: _Past | None = None
        self._day = _Day()
        self._last = self._season = self._unseen = 0.0
        self._rank = tuple(Rarity().of for _ in range(7))

    @property
    def seen(self) -> int:
        """How many values there were."""
        return self._long.seen

    @property
    def recent(self) -> float:
        """The mean of the last dozen values or so."""
        return self._fast.mean

    @property
    def usual(self) -> tuple[float, float]:
        """Between these most of the last 150 values or so lay."""
        middle = self._middle
        return middle.mean - 3 * middle.off, middle.mean + 3 * middle.off

    def add(self, at: float, value: float) -> float:
        """Take one value (finite; `at` is Unix time, seconds). Returns how unusual it is, in decimal digits."""
        if not -_GREATEST < value < _GREATEST:
            value = math.copysign(_GREATEST, value)
        past, fast, middle, long = self._past, self._fast, self._middle, self._long
        if past is None:
            past = self._past = _Past(low=value, high=value, young_low=value, young_high=value)
            self._last = value
        off_day = self._day.off(at, value, long.mean if long.seen else value)
        self._season = season = 0.85 * self._season + 0.15 * off_day
        outside = past.outside(value)
        self._unseen = unseen = 0.8 * self._unseen + 0.2 * past.unseen(value)
        fast.add(value)
        level = middle.add(value)
        long.add(value)
        move, self._last = abs(value - self._last), value
        self._moves.add(move)
        self._moves_long.add(move)
        near, now, scale = middle.off + _TINY, middle.mean, long.off + _TINY
        of_level, of_shift, of_drift, of_day, of_moves, of_context, of_range = self._rank
        return (
            of_level(level)
            + of_shift(abs(fast.mean - now) / near)
            + of_drift(abs(now - long.mean) / scale)
            + of_day(abs(season) / scale)
            + of_moves(self._restless())
            + of_context(unseen)
            + of_range(outside)
        )

    def _restless(self) -> float:
        """Return how far the size of moves from value to value is from what it was for long (0: the same)."""
        usual = self._moves_long.mean
        return abs(log((self._moves.mean + 1e-3 * usual + _TINY) / (usual + _TINY)))
