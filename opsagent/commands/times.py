"""Times of commands in one written form, whichever language they were said in, and when such a time is next. Pure.

Forms (`at`): `03:00` (the next one), `today 23:00`, `tomorrow 03:00`, `friday 17:00` (the next one), `2026-12-01 03:00`,
`in 10m`, and those that come again: `every day 03:00`, `every weekday 08:00`, `every monday 03:00`, `every 2h`. A length
of time (`since`, `for`) is a number with its unit: `45s`, `30m`, `2h`, `3d`.

`times_en.py` and `times_ko.py` find them in texts. What may be meant in two ways (`at 3`) keeps both, and is nobody's time
until a person said which.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Literal

Kind = Literal["at", "since", "for", "length", "vague"]
"""A moment or schedule to act at; how far back to look; how long something is to last; a length of time that did not say
what for; a time that is too vague to act on (`tomorrow`)."""

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
MAX_LENGTH_S = 366 * 86_400
_SECONDS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_LENGTH = re.compile(r"(\d{1,6})([smhd])")
_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_DAYS_AHEAD = 8


@dataclass(frozen=True, slots=True)
class Span:
    """A time that was found in a text."""

    end: int
    """Where it ends: in English an index of words, in Korean of characters."""
    kind: Kind
    value: str = ""
    """In the written form above; empty where it is vague."""
    either: tuple[str, ...] = ()
    """Both readings of a time that has two, the one of the 24-hour clock first; `value` is the first of them."""


def length(amount: float, unit: str) -> str:
    """Return a length of time in its written form; halves go to the next smaller unit. `unit` is one of s, m, h, d.

    ValueError: it is not above zero, or longer than a year.
    """
    if amount != int(amount):
        smaller = {"m": ("s", 60), "h": ("m", 60), "d": ("h", 24)}
        unit, times = smaller[unit]
        amount *= times
    if not 0 < amount * _SECONDS[unit] <= MAX_LENGTH_S:
        raise ValueError("a length of time is above zero and at most a year")
    return f"{int(amount)}{unit}"


def seconds(written: str) -> int:
    """Return the seconds of a length of time. ValueError: it is not in the written form."""
    match = _LENGTH.fullmatch(written)
    if match is None:
        raise ValueError(f"{written!r} is no length of time")
    amount = int(match[1]) * _SECONDS[match[2]]
    if not 0 < amount <= MAX_LENGTH_S:
        raise ValueError(f"{written!r} is no length of time that a command takes")
    return amount


def clock(hour: int, minute: int = 0) -> str:
    """Return a time of the day in its written form."""
    return f"{hour:02d}:{minute:02d}"


def comes_again(at: str) -> bool:
    """Tell whether a time is a schedule and not a single moment."""
    return at.startswith("every ")


def next_at(at: str, now: datetime) -> datetime:
    """Return the first moment after `now` that `at` means, in the zone of `now`.

    A time that a clock skips (the night when summer time begins) is taken as far after the gap as it lies in it, so 02:30
    becomes 03:30; of a time that a clock shows twice, the first is meant: a schedule runs once on such a day.
    ValueError: `now` has no zone, `at` is not in the written form, or is a single moment that has passed.
    """
    if now.tzinfo is None:
        raise ValueError("a time needs a zone")
    *day, last = at.split(" ")
    if _LENGTH.fullmatch(last):
        return _after(day, last, now)
    match = _CLOCK.fullmatch(last)
    if match is None:
        raise ValueError(f"{at!r} is no time that a command takes")
    wanted = time(int(match[1]), int(match[2]))
    for candidate in _days(" ".join(day), now.date()):
        moment = _moment(candidate, wanted, now)
        if moment.astimezone(UTC) > now.astimezone(UTC):  # of one zone, only the clocks would be compared
            return moment
    raise ValueError(f"{at!r} has passed")


def _after(day: list[str], written: str, now: datetime) -> datetime:
    if day not in (["in"], ["every"]):
        raise ValueError(f"{' '.join((*day, written))!r} is no time that a command takes")
    later = now.astimezone(UTC) + timedelta(seconds=seconds(written))
    return later.astimezone(now.tzinfo)


def _days(day: str, today: date) -> list[date]:
    """Return the days that may be meant, earliest first. ValueError: no such day."""
    ahead = [today + timedelta(days=n) for n in range(_DAYS_AHEAD)]
    name = day.removeprefix("every ")
    if day in {"", "every day"}:
        return ahead
    if day == "every weekday":
        return [one for one in ahead if one.weekday() < 5]
    if name in WEEKDAYS:
        return [one for one in ahead if one.weekday() == WEEKDAYS.index(name)]
    if day in {"today", "tomorrow"}:
        return [ahead[day == "tomorrow"]]
    if _DATE.fullmatch(day):
        return [date.fromisoformat(day)]
    raise ValueError(f"{day!r} is no day that a command takes")


def _moment(day: date, wanted: time, now: datetime) -> datetime:
    local = datetime.combine(day, wanted, tzinfo=now.tzinfo)
    return local.astimezone(UTC).astimezone(now.tzinfo)  # there and back: out of a gap, if it lies in one


def since_moment(moment: datetime, now: datetime) -> str:
    """Return how far back a moment lies, in whole minutes. ValueError: it is not in the past."""
    back = (now.astimezone(UTC) - moment.astimezone(UTC)).total_seconds()
    return length(max(1, -(-int(back) // 60)) if back > 0 else 0, "m")


def last_time(hour: int, minute: int, now: datetime) -> datetime:
    """Return when the clock last showed that time."""
    today = _moment(now.date(), time(hour, minute), now)
    return (
        today
        if today.astimezone(UTC) < now.astimezone(UTC)
        else _moment(now.date() - timedelta(days=1), time(hour, minute), now)
    )


def until(at: str, now: datetime | None) -> str:
    """Return how long it is until `at`, in whole minutes. ValueError: without a `now` nobody can tell; or it has passed."""
    if now is None:
        raise ValueError("it is not known what time it is")
    left = (next_at(at, now).astimezone(UTC) - now.astimezone(UTC)).total_seconds()
    return length(max(1, round(left / 60)), "m")


def hours_meant(hour: int, part: str) -> tuple[int, ...]:
    """Return the hours (0 to 23) that an hour as said may mean; none where it is no hour of that part of the day.

    `part` of the day: `am`, `pm`, `dawn` (before six), `morning`, `noon` (around it), `evening`, `night`; empty: unsaid,
    which leaves hours from 1 to 12 with two readings, that of the 24-hour clock first.
    """
    if hour > 12 or hour == 0:
        early = part in {"am", "dawn", "morning"}
        return () if hour > 24 or (early and 12 < hour < 24) or (hour == 0 and part in {"pm", "noon"}) else (hour % 24,)
    meant = {
        "am": hour % 12,
        "dawn": hour % 12,
        "morning": hour if hour < 12 else None,
        "pm": hour % 12 + 12,
        "noon": hour if hour >= 10 else hour + 12 if hour < 6 else None,
        "evening": hour + 12 if 4 <= hour < 12 else None,
        "night": 0 if hour == 12 else hour + 12 if hour >= 6 else hour,
    }
    if part:
        found = meant[part]
        return () if found is None else (found,)
    return (12, 0) if hour == 12 else (hour, hour + 12)


def moment_span(end: int, day: str, hour: int, minute: int, part: str = "") -> Span | None:
    """Return the moment or schedule that a day and an hour as said mean; None where there is no such time.

    An hour without its half of the day has two readings, except what comes again at 7 to 11: that is said of mornings.
    """
    hours = hours_meant(hour, part)
    if not hours or not 0 <= minute <= 59:
        return None
    if day.startswith("every ") and 7 <= hours[0] <= 11:
        hours = hours[:1]
    if part == "night" and hours[0] < 6 and day in {"today", "tomorrow"}:
        if day == "tomorrow":  # the night that begins tomorrow, or the one that ends then
            return None
        day = "tomorrow"
    written = tuple(f"{day} {clock(one, minute)}".strip() for one in hours)
    return Span(end, "at", written[0], written if len(written) > 1 else ())
