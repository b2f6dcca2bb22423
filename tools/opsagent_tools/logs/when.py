"""From the stamps of one source to moments: zone, year and order of day and month are settled by what arrives when.

A stamp without a zone is taken for the machine's own time until the source shows otherwise: lines are never written
after they arrive, so a stamp from the future moves the offset up at once; one that is behind by the same whole
quarters of an hour for a while moves it down. Constant memory. Standard library only.
"""

from __future__ import annotations

import calendar
import functools
import time
from collections.abc import Callable

from opsagent_tools.logs.stamps import Civil, StampKind, zone_offset

_DAY = 86_400
_QUARTER = 900
_EARLIEST, _LATEST = -12 * 3600, 14 * 3600
_LATE_S = 60.0
"""How far a line may be behind what it says, to speak for an offset."""
_EARLY_S = 5.0
"""How far it may be ahead: clocks of two machines, a look that was late."""
_AGREEING = 20
"""Stamps of different seconds that have to agree before the offset is moved down."""
_TENS = tuple(10.0**digits for digits in range(10))
_AHEAD_S = _DAY
"""How far in the future a stamp without a year (or day) may lie, to mean this one."""


class Moments:
    """Seconds since the epoch for the stamps of one source."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self.offset_s = time.localtime(clock()).tm_gmtoff
        """What is taken for the offset of stamps that state none, seconds ahead of UTC."""
        self.inferred = False
        """Whether lines have confirmed `offset_s`."""
        self.arrived: float | None = None
        """When the lines that are read now were there at the latest; None: they arrive as they are read."""
        self._clock = clock
        self._text, self._zone = "", None  # type: tuple[str, str | None]
        self._base: float | None = None
        self._day: tuple[str, str | None] = ("", "")
        self._midnight = 0.0
        self._behind = (0, 0)

    def at(self, kind: StampKind, text: str, fraction: str | None, zone: str | None) -> float | None:
        """Return the moment of a stamp; None where it names none that exists."""
        if text != self._text or zone != self._zone:
            self._text, self._zone, self._base = text, zone, self._settle(kind, text, zone)
        base = self._base
        if base is None or not fraction:
            return base
        return base + int(fraction) / _TENS[len(fraction)]

    def learn(self, kind: StampKind, text: str, at: float) -> None:
        """Settle the offset by a stamp that is known to have been written at `at` (the last line of a file, say)."""
        naive = self._naive(kind, text)
        if naive is not None and not kind.absolute:
            self._adopt(_rounded(naive - at))
        self._text, self._day = "", ("", "")

    def _settle(self, kind: StampKind, text: str, zone: str | None) -> float | None:
        day = (text[: -kind.clock_chars], zone) if kind.clock_chars else None
        if day is not None and day == self._day:
            naive = self._midnight + _clock_s(text, kind.clock_chars)
        else:
            whole = f"{text} {zone}" if kind.year_behind and zone else text
            known = self._naive(kind, whole)
            if known is None:
                return None
            naive = known
            if day is not None:
                self._day, self._midnight = day, known - _clock_s(text, kind.clock_chars)
        if kind.absolute:
            return naive
        offset = _zone_offset(zone) if zone and not kind.year_behind else None
        if offset is not None:
            return naive - offset
        self._compare(naive)
        return naive - self.offset_s

    def _now(self) -> float:
        return self._clock() if self.arrived is None else self.arrived

    def _naive(self, kind: StampKind, text: str) -> float | None:
        """Return the moment as if the stamp were of UTC."""
        there = self._now() + self.offset_s
        try:
            readings = [found for civil in kind.civil(text) if (found := _seconds(civil, there)) is not None]
        except (ValueError, IndexError, KeyError, OverflowError):
            return None
        return min(readings, key=lambda found: _distance(found - there), default=None)

    def _compare(self, naive: float) -> None:
        """Take in how far a stamp without a zone is ahead of its arrival."""
        ahead = naive - self._now()
        rounded = _rounded(ahead)
        if not _EARLIEST <= rounded <= _LATEST or not -_LATE_S <= ahead - rounded <= _EARLY_S:
            return
        if rounded >= self.offset_s:
            self._adopt(rounded)
        elif self.arrived is None:
            offset, seen = self._behind
            self._behind = (rounded, seen + 1 if offset == rounded else 1)
            if self._behind[1] >= _AGREEING:
                self._adopt(rounded)

    def _adopt(self, offset: int) -> None:
        if _EARLIEST <= offset <= _LATEST:
            self.offset_s, self.inferred, self._behind = offset, True, (0, 0)


@functools.lru_cache(maxsize=64)
def _zone_offset(zone: str) -> int | None:
    return zone_offset(zone)


def _clock_s(text: str, chars: int) -> int:
    """Return the second of the day of a text that ends in `HH:MM:SS` (8 characters) or `HHMMSS` (6)."""
    if chars == 6:
        return int(text[-6:-4]) * 3600 + int(text[-4:-2]) * 60 + int(text[-2:])
    return int(text[-8:-6]) * 3600 + int(text[-5:-3]) * 60 + int(text[-2:])


def _rounded(seconds: float) -> int:
    return round(seconds / _QUARTER) * _QUARTER


def _distance(ahead: float) -> float:
    """Order readings by how far they are from now; the future is unlikely."""
    return ahead * 100 if ahead > _AHEAD_S else abs(ahead)


def _seconds(civil: Civil, now: float) -> float | None:
    """Return the seconds since the epoch of a civil time, completed to the latest that is not in the future."""
    year, month, day, second = civil
    if not month:
        days = round((now - second) / _DAY)
        return float(days * _DAY + second)
    if year:
        return _utc(year, month, day, second)
    this = time.gmtime(now).tm_year
    for guess in (this + 1, this, this - 1, this - 2, this - 3, this - 4):  # the 29th of February
        found = _utc(guess, month, day, second)
        if found is not None and found <= now + _AHEAD_S:
            return found
    return None


def _utc(year: int, month: int, day: int, second: int) -> float | None:
    if not (1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1] and 1 <= year <= 9999):
        return None
    return float(calendar.timegm((year, month, day, 0, 0, 0)) + second)
