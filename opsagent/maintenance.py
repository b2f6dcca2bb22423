"""Maintenance windows: when a person expects trouble, and nobody is to be woken for it. Pure; the clock is passed in.

A window is written by the clock on the wall of its zone: on weekdays from one time of day to another (`Sun 02:00-04:00`),
or from a cron expression on, for so long. Where clocks are put forward, a window that begins in the hour that is missing
begins when they have been put, and none is lost; where they are put back, it lasts from the first time that its beginning
is shown to the last time that its end is.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from opsagent.naming import full_name, is_daemon, short_name
from opsagent_tools.services.schedule import BadSchedule, next_due
from opsagent_tools.units import UnitId

if TYPE_CHECKING:  # whoever has no window does without
    from zoneinfo import ZoneInfo

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALL = "all"
LONGEST = timedelta(days=14)
"""No window is longer: what nobody ever wants to hear of is switched off by its mode, not by a window."""
_SPAN = re.compile(r"(?:(?P<days>[a-z][a-z, -]*?)\s+)?(?P<h1>\d\d?):(?P<m1>\d\d)\s*-\s*(?P<h2>\d\d?):(?P<m2>\d\d)")
_DAY_MINUTES = 24 * 60
_MINUTE = timedelta(minutes=1)


class BadWindow(ValueError):
    """It is no window. The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One time that a window is open. UTC."""

    begins: datetime
    ends: datetime


class When(Protocol):
    """How a window comes again."""

    def following(self, now: datetime) -> Occurrence | None:
        """Return the occurrence that is open at `now`, else the next one; None: there is none any more."""


@dataclass(frozen=True, slots=True)
class Weekly:
    """On weekdays, from one time of day to another; one that ends before it begins ends on the next day."""

    days: frozenset[int]
    """0 is Monday."""
    begins: int
    """Minutes after midnight."""
    ends: int
    zone: str
    """IANA name."""

    def following(self, now: datetime) -> Occurrence | None:
        from zoneinfo import ZoneInfo

        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        for shift in range(-2, 9):  # what began yesterday may still be open, and the next one is a week away at most
            day = today + timedelta(days=shift)
            found = self._on(day, zone) if day.weekday() in self.days else None
            if found is not None and found.ends > now:
                return found
        return None

    def _on(self, day: date, zone: ZoneInfo) -> Occurrence:
        midnight = datetime(day.year, day.month, day.day)  # noqa: DTZ001  # what the wall clock of its zone shows
        length = (self.ends - self.begins) % _DAY_MINUTES or _DAY_MINUTES
        wall = midnight + timedelta(minutes=self.begins)
        begins = _first(wall, zone)
        ends = _last(wall + timedelta(minutes=length), zone)
        if ends <= begins:  # all of it lies in the hour that is missing
            ends = begins + timedelta(minutes=length)
        return Occurrence(begins, ends)


@dataclass(frozen=True, slots=True)
class Scheduled:
    """From each time that a cron expression is due on, for so long. `next_due` says what cron does at changes of clocks."""

    expression: str
    zone: str
    lasts: timedelta

    def following(self, now: datetime) -> Occurrence | None:
        begins = now - self.lasts
        try:
            begins = next_due(self.expression, self.zone, begins)
        except BadSchedule:  # never due any more
            return None
        return Occurrence(begins, begins + self.lasts)


@dataclass(frozen=True, slots=True)
class Window:
    """One `[[maintenance]]` of config.toml (docs/config.md)."""

    units: tuple[str, ...]
    """Names as a unit answers to them; `all`: every unit, supervisors' daemons and the machine itself among them."""
    when: When
    why: str = ""

    def covers(self, unit: UnitId) -> bool:
        """Tell whether it is about this unit; a name that several have means all of them."""
        return any(name == ALL or name in names_of(unit) for name in self.units)


class Windows:
    """All windows, with what is known of when each is open: asking often costs next to nothing."""

    def __init__(self, windows: Iterable[Window] = ()) -> None:
        self._windows = tuple(windows)
        self._known: dict[int, tuple[datetime, Occurrence | None]] = {}

    def __bool__(self) -> bool:
        return bool(self._windows)

    def open_for(self, unit: UnitId, now: datetime) -> tuple[str, datetime] | None:
        """Return why the unit is in a window and when the last of those that are open ends; None: it is in none."""
        found = [(window.why, occurrence.ends) for window, occurrence in self._open(now) if window.covers(unit)]
        if not found:
            return None
        why = ", ".join(dict.fromkeys(reason for reason, _ in found if reason)) or "no reason given"
        return why, max(ends for _, ends in found)

    def _open(self, now: datetime) -> Iterator[tuple[Window, Occurrence]]:
        for number, window in enumerate(self._windows):
            occurrence = self._following(number, window, now)
            if occurrence is not None and occurrence.begins <= now:
                yield window, occurrence

    def _following(self, number: int, window: Window, now: datetime) -> Occurrence | None:
        known = self._known.get(number)
        # a clock that was put back, and what has ended, are looked at anew
        if known is None or now < known[0] or (known[1] is not None and now >= known[1].ends):
            known = (now, window.when.following(now))
            self._known[number] = known
        return known[1]


def weekly(text: str, zone: str) -> Weekly:
    """Read `Sun 02:00-04:00`, `Mon-Fri, Sun 22:00-02:00` or `03:00-03:30` (every day). Raises BadWindow."""
    match = _SPAN.fullmatch(text.strip().lower())
    if match is None:
        raise BadWindow(f"{text!r} is no window")
    begins, ends = (_minutes(match[h], match[m]) for h, m in (("h1", "m1"), ("h2", "m2")))
    if begins in {_DAY_MINUTES, ends}:
        raise BadWindow(f"{text!r} ends where it begins" if begins == ends else f"{text!r} begins at 24:00")
    return Weekly(_days(match["days"] or "daily"), begins, ends, zone)


def scheduled(expression: str, zone: str, lasts: timedelta, now: datetime) -> Scheduled:
    """Read a cron expression with how long its windows are. Raises BadWindow."""
    try:
        next_due(expression, zone, now)
    except BadSchedule as error:
        raise BadWindow(str(error)) from None
    return Scheduled(expression, zone, lasts)


def is_span(text: str) -> bool:
    """Tell whether it is meant as weekdays and times of day, and not as a cron expression."""
    return ":" in text


def _minutes(hour: str, minute: str) -> int:
    found = int(hour) * 60 + int(minute)
    if int(minute) > 59 or found > _DAY_MINUTES:
        raise BadWindow(f"{hour}:{minute} is no time of day")
    return found


def _days(text: str) -> frozenset[int]:
    if text in {"daily", "every day"}:
        return frozenset(range(7))
    found: set[int] = set()
    for part in re.split(r"\s*,\s*|\s+", re.sub(r"\s*-\s*", "-", text)):
        first, dash, last = part.partition("-")
        begin, end = _day(first), _day(last if dash else first)
        found.update((begin + shift) % 7 for shift in range((end - begin) % 7 + 1))
    return frozenset(found)


def _day(name: str) -> int:
    for number, short in enumerate(DAYS):
        if name == short or (len(name) > 3 and name == _LONG[number]):
            return number
    raise BadWindow(f"{name!r} is no day of the week")


_LONG = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def _first(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment at which the clock shows `wall`; where it never does, when it has been put forward."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if after >= before:
        return before
    at = after  # in the gap: `fold` 1 reads it by the later offset, so that it lies before the change
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += _MINUTE
    return at


def _last(wall: datetime, zone: ZoneInfo) -> datetime:
    """Return the last moment at which the clock shows `wall`; where it never does, when it has been put forward."""
    before, after = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    return after if after >= before else _first(wall, zone)


def names_of(unit: UnitId) -> tuple[str, ...]:
    """Return the names by which a window may mean a unit."""
    own = (unit.name, short_name(unit.name), full_name(unit), str(unit))
    return (*own, unit.supervisor) if is_daemon(unit) else own
