"""Dates in logs, in the format language that PM2 took from day.js (`YYYY-MM-DD HH:mm:ss.SSS Z`). Standard library only."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime

DateFormat = Callable[[datetime], str]

_TOKEN = re.compile(
    r"\[([^\]]*)\]|Y{1,4}|M{1,4}|D{1,2}|d{1,4}|H{1,2}|h{1,2}|A|a|m{1,2}|s{1,2}|Z{1,2}|SSS|([A-Za-z])|([^\[])|(\[)"
)
_MONTHS = "January February March April May June July August September October November December".split()
_DAYS = "Sunday Monday Tuesday Wednesday Thursday Friday Saturday".split()


def _offset(at: datetime, colon: str) -> str:
    minutes = int((at.utcoffset() or at.astimezone().utcoffset()).total_seconds() // 60)  # type: ignore[union-attr]
    hours, rest = divmod(abs(minutes), 60)
    return f"{'-' if minutes < 0 else '+'}{hours:02}{colon}{rest:02}"


def _weekday(at: datetime) -> int:
    return at.isoweekday() % 7


_PARTS: Mapping[str, DateFormat] = {
    "YYYY": lambda at: f"{at.year:04}",
    "YY": lambda at: f"{at.year % 100:02}",
    "M": lambda at: str(at.month),
    "MM": lambda at: f"{at.month:02}",
    "MMM": lambda at: _MONTHS[at.month - 1][:3],
    "MMMM": lambda at: _MONTHS[at.month - 1],
    "D": lambda at: str(at.day),
    "DD": lambda at: f"{at.day:02}",
    "d": lambda at: str(_weekday(at)),
    "dd": lambda at: _DAYS[_weekday(at)][:2],
    "ddd": lambda at: _DAYS[_weekday(at)][:3],
    "dddd": lambda at: _DAYS[_weekday(at)],
    "H": lambda at: str(at.hour),
    "HH": lambda at: f"{at.hour:02}",
    "h": lambda at: str(at.hour % 12 or 12),
    "hh": lambda at: f"{at.hour % 12 or 12:02}",
    "A": lambda at: "AM" if at.hour < 12 else "PM",
    "a": lambda at: "am" if at.hour < 12 else "pm",
    "m": lambda at: str(at.minute),
    "mm": lambda at: f"{at.minute:02}",
    "s": lambda at: str(at.second),
    "ss": lambda at: f"{at.second:02}",
    "SSS": lambda at: f"{at.microsecond // 1000:03}",
    "Z": lambda at: _offset(at, ":"),
    "ZZ": lambda at: _offset(at, ""),
}


def date_format(text: str) -> DateFormat:
    """Return the function that writes an aware time so. Raises ValueError with what it does not know.

    `T` stands for itself between a date and a time; other letters that are no token are written in brackets.
    """
    parts: list[str | DateFormat] = []
    for match in _TOKEN.finditer(text):
        quoted, letter, other, bracket = match.groups()
        if quoted is not None:
            parts.append(quoted)
        elif other is not None or letter == "T":
            parts.append(match[0])
        elif bracket is not None:
            raise ValueError("has a [ that is not closed")
        elif match[0] not in _PARTS:
            raise ValueError(f"has {match[0]!r}, which is no part of a date")
        else:
            parts.append(_PARTS[match[0]])
    return lambda at: "".join(part if isinstance(part, str) else part(at) for part in parts)
