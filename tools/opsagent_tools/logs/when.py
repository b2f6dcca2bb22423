"""From the stamps of one source to moments: zone, year and order of day and month are settled by what arrives when.

A stamp without a zone is taken for the machine's own time until the source shows otherwise: lines are never written
after they arrive, so a stamp from the future moves the offset up at once; one that is behind by the same whole
quarters of an hour for a while moves it down. Constant memory. Standard library only.
"""

from __future__ import annotations

import calendar
import time
from collections.abc import Callable

from opsagent_tools.logs.stamps import Civil, StampKind, zone_offset

_DAY = 86_400
_QUARTER = 900
_EARLIEST, _LATEST = -12 * 3600, 14 * 3600
_LATE_S = 60.0
"""How far a line may be behind what it says, to speak for an offset."""
_AGREEING = 20
"""Stamps of different seconds that have to agree before the offset is moved down."""
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
        self._text, self._zone, self._base = "", "", None  # type: tuple[str, str | None, float | None]
        self._second_choice = False
        self._behind: tuple[int, int] = (0, 0)

    def at(self, kind: StampKind, text: str, fraction: str | None, zone: str | None) -> float | None:
        """Return the moment of a stamp; None where it names none that exists."""
        if text != self._text or zone != self._zone:
            self._text, self._zone, self._base = text, zone, self._settle(kind, text, zone)
        base = self._base
        if base is None or not fraction:
            return base
        return base + int(fraction) / 10.0 ** len(fraction)

    def learn(self, kind: StampKind, text: str, at: float) -> None:
        """Settle the offset by a stamp that is known to have been written at `at` (the last line of a file, say)."""
        naive = self._naive(kind, text, at)
        if naive is not None:
            self._adopt(_rounded(naive - at))
        self._text = ""

    def _settle(self, kind: StampKind, text: str, zone: str | None) -> float | None:
        if kind.year_behind and zone:
            text, zone = f"{text} {zone}", None
        now = self._clock() if self.arrived is None else self.arrived
        naive = self._naive(kind, text, now)
        if naive is None or (text.isdigit() and len(text) == 10):
            return naive
        offset = zone_offset(zone) if zone else None
        if offset is not None:
            return naive - offset
        self._compare(naive - now)
        return naive - self.offset_s

    def _naive(self, kind: StampKind, text: str, now: float) -> float | None:
        """Return the moment as if the stamp were of UTC."""
        try:
            readings = [found for civil in kind.civil(text) if (found := _seconds(civil, now + self.offset_s))]
        except (ValueError, IndexError, KeyError, OverflowError):
            return None
        if len(readings) < 2:
            return readings[0] if readings else None
        return min(readings, key=lambda found: _distance(found - now - self.offset_s))

    def _compare(self, ahead: float) -> None:
        """Take in how far a stamp without a zone is ahead of its arrival."""
        rounded = _rounded(ahead)
        if not _EARLIEST <= rounded <= _LATEST or not -_LATE_S <= ahead - rounded <= 5.0:
            return
        if rounded >= self.offset_s:
            self._adopt(rounded)
            return
        offset, seen = self._behind
        self._behind = (rounded, seen + 1 if offset == rounded else 1)
        if self._behind[1] >= _AGREEING and self.arrived is None:
            self._adopt(rounded)

    def _adopt(self, offset: int) -> None:
        if _EARLIEST <= offset <= _LATEST:
            self.offset_s, self.inferred, self._behind = offset, True, (0, 0)


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
