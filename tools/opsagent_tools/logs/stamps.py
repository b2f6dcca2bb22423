"""The timestamps that lines begin with: what each kind looks like, and which moment it means.

A kind knows nothing of a source: what a stamp leaves open (zone, year, day before month) is settled by `when.py`.
Patterns have three groups: the text down to the second, the digits of its fraction, the zone. Standard library only.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable
from dataclasses import dataclass

Civil = tuple[int, int, int, int]
"""Year (0: not stated), month (0: not stated), day, second of that day."""

_MONTHS = {name.lower(): number for number, name in enumerate(calendar.month_abbr) if name}
_MONTH = "(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)"
_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
_FRACTION = r"(?:[.,:](\d{1,9}))?"
_ZONE = r"(?: ?(Z|UTC|GMT|CES?T|EES?T|WES?T|E[SD]T|P[SD]T|C[SD]T|M[SD]T|MSK|JST|[+-]\d\d:?\d\d)(?![\w:]))?"
_CLOCK = r"\d\d:\d\d:\d\d"
_ZONES = {
    "Z": 0, "UTC": 0, "GMT": 0, "WET": 0, "WEST": 3600, "CET": 3600, "CEST": 7200, "EET": 7200, "EEST": 10800,
    "MSK": 10800, "JST": 32400, "EST": -18000, "EDT": -14400, "CDT": -18000, "MST": -25200, "MDT": -21600,
    "PST": -28800, "PDT": -25200,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class StampKind:
    """One way to write a moment at the head of a line."""

    name: str
    """What is shown as the format of a source: an example."""
    pattern: str
    civil: Callable[[str], tuple[Civil, ...]]
    """All readings of the text down to the second, the likelier first. Raises ValueError, IndexError, KeyError."""
    syslog: bool = False
    """A host and a program follow."""
    logcat: bool = False
    """A process, a thread, a letter and a tag follow."""
    clock_chars: int = 8
    """How many characters at its end are the time of day (8: `HH:MM:SS`, 6: `HHMMSS`); 0: it cannot be told so."""
    absolute: bool = False
    """It counts from the epoch and needs no zone."""
    introduces: bool = False
    """Level and message stand on the next line (java.util.logging)."""
    year_behind: bool = False
    """The third group is the year, behind the fraction."""


def zone_offset(zone: str) -> int | None:
    """Return the seconds that a zone is ahead of UTC; None where its name does not say."""
    if zone[0] in "+-":
        seconds = int(zone[1:3]) * 3600 + int(zone[-2:]) * 60
        return -seconds if zone[0] == "-" else seconds
    return _ZONES.get(zone)


def _clock(text: str) -> int:
    """Return the second of the day of `HH:MM:SS`, with AM or PM behind it or not."""
    hours, minutes, seconds = text[:8].strip().split(":")
    hour = int(hours)
    half = text[-2:].upper()
    if half in {"AM", "PM"}:
        hour = hour % 12 + (12 if half == "PM" else 0)
    return hour * 3600 + int(minutes) * 60 + int(seconds[:2])


def _ymd(text: str) -> tuple[Civil, ...]:
    return ((int(text[:4]), int(text[5:7]), int(text[8:10]), _clock(text[11:])),)


def _epoch(text: str) -> tuple[Civil, ...]:
    return ((1970, 1, 1, int(text)),)


def _syslog(text: str) -> tuple[Civil, ...]:
    parts = text.split()
    year = int(parts[2]) if ":" not in parts[2] else 0
    return ((year, _MONTHS[parts[0].lower()], int(parts[1].rstrip(",")), _clock(text[text.index(":") - 2 :])),)


def _named(text: str) -> tuple[Civil, ...]:
    day, month, rest = re.split(r"[ /-]", text, maxsplit=2)
    return ((int(rest[:4]), _MONTHS[month.lower()], int(day), _clock(rest[5:])),)


def _ctime(text: str) -> tuple[Civil, ...]:
    parts = text.split()
    year = int(parts[4]) if len(parts) > 4 else 0
    return ((year, _MONTHS[parts[1].lower()], int(parts[2]), _clock(parts[3])),)


def _three(text: str) -> tuple[Civil, ...]:
    """Read `17/06/09 20:10:40` and `28.11.2026, 10:00:00 PM`: the order of the three numbers is not stated."""
    one, two, three, rest = re.split(r"[./-]|,? ", text, maxsplit=3)
    first, second, third, clock = int(one), int(two), int(three), _clock(rest)
    if len(three) == 4:
        american, european = (third, first, second, clock), (third, second, first, clock)
        return (european, american) if "." in text or "-" in text else (american, european)
    return (
        (2000 + first, second, third, clock),
        (2000 + third, first, second, clock),
        (2000 + third, second, first, clock),
    )


def _day_month(text: str) -> tuple[Civil, ...]:
    one, two, clock = int(text[:2]), int(text[3:5]), _clock(text[6:])
    return ((0, one, two, clock), (0, two, one, clock))


def month_day(text: str) -> tuple[Civil, ...]:
    """Read klog's `0131 23:59:59`."""
    return ((0, int(text[:2]), int(text[2:4]), _clock(text[5:])),)


def _compact(text: str) -> tuple[Civil, ...]:
    digits = re.sub(r"\D", "", text)
    if len(digits) == 12:
        digits = "20" + digits
    return (
        (int(digits[:4]), int(digits[4:6]), int(digits[6:8]),
         int(digits[8:10]) * 3600 + int(digits[10:12]) * 60 + int(digits[12:14])),
    )  # fmt: skip


def _of_day(text: str) -> tuple[Civil, ...]:
    return ((0, 0, 0, _clock(text)),)


_AFTER = r"(?![\d.:])"
KINDS: tuple[StampKind, ...] = (
    StampKind("2026-01-31 23:59:59", rf"(\d{{4}}[-/.]\d\d[-/.]\d\d[T _-]{_CLOCK}){_FRACTION}{_ZONE}", _ymd),
    StampKind("Jan 31 23:59:59", rf"({_MONTH} [ \d]?\d(?: \d{{4}})? {_CLOCK}){_FRACTION}()", _syslog, syslog=True),
    StampKind("01-31 23:59:59", rf"(\d\d[-.]\d\d {_CLOCK}){_FRACTION}()", _day_month, logcat=True),
    StampKind("26/01/31 23:59:59", rf"(\d\d/\d\d/\d\d {_CLOCK}){_FRACTION}{_ZONE}", _three),
    StampKind(
        "31.01.2026, 23:59:59",
        rf"(\d\d?[./-]\d\d?[./-]\d{{4}},? \d\d?:\d\d:\d\d(?: [AP]M)?){_FRACTION}{_ZONE}",
        _three,
        clock_chars=0,
    ),
    StampKind(
        "31/Jan/2026 23:59:59", rf"(\d\d?[ /-]{_MONTH}[ /-]\d{{4}}[ :]{_CLOCK}){_FRACTION}{_ZONE}", _named
    ),
    StampKind(
        "Sat Jan 31 23:59:59 2026",
        rf"({_DAY},? {_MONTH} [ \d]?\d {_CLOCK}){_FRACTION}(?: [A-Z]{{3,4}})?(?: (\d{{4}}))?",
        _ctime,
        year_behind=True,
    ),
    StampKind("Jan 31, 2026 11:59:59 PM", rf"({_MONTH} \d\d?, \d{{4}} \d\d?:\d\d:\d\d [AP]M)()()", _syslog, clock_chars=0, introduces=True),
    StampKind("20260131T23:59:59", rf"(\d{{8}}[T-]{_CLOCK}){_FRACTION}{_ZONE}{_AFTER}", _compact),
    StampKind(
        "20260131 235959",
        rf"((?:\d{{6}} |\d{{8}}[T-]?)\d{{6}}){_FRACTION}{_ZONE}{_AFTER}",
        _compact,
        clock_chars=6,
    ),
    StampKind("1769903999", r"([12]\d{9})(?:[.,]?(\d{3,9}))?()(?=[\s\]:|,])", _epoch, clock_chars=0, absolute=True),
    StampKind("23:59:59", rf"({_CLOCK}){_FRACTION}(){_AFTER}", _of_day, clock_chars=0),
)  # fmt: skip
