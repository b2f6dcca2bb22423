"""Times as they are said in English: `in ten minutes`, `every monday at 9`, `for the last two hours`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from opsagent.commands import times
from opsagent.commands.times import WEEKDAYS, Span

_NUMBERS = {
    "a": 1, "an": 1, "one": 1, "two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "eight": 8, "nine": 9,
    "ten": 10, "eleven": 11, "twelve": 12, "fifteen": 15, "twenty": 20, "thirty": 30, "forty": 40, "forty-five": 45,
    "fifty": 50, "sixty": 60, "ninety": 90, "couple of": 2, "a couple of": 2, "a couple": 2, "half a": 0.5, "half an": 0.5,
}  # fmt: skip
_MONTHS = ("january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
           "december")  # fmt: skip
_AMOUNT = r"(?P<n>\d{1,6}(?:\.5)?|" + "|".join(sorted(_NUMBERS, key=len, reverse=True)) + ")"
_LENGTH = (
    rf"(?:{_AMOUNT} ?(?P<u>seconds?|secs?|s|minutes?|mins?|m|hours?|hrs?|hr|h|days?|d|weeks?|w)"
    r"(?P<half> and a half)?|(?P<half_hour>half an hour)|(?P<short>\d{1,6}[smhd]))"
)
_BARE = r"(?P<one>minute|hour|day|week)"
_HOUR_WORDS = "|".join(
    word for word, n in _NUMBERS.items() if 1 <= n <= 12 and word not in {"a", "an"} and " " not in word
)
_CLOCK = (
    rf"(?:(?P<past>half past|quarter past|quarter to) (?P<ph>\d{{1,2}}|{_HOUR_WORDS})"
    rf"|(?P<h>\d{{1,2}}|{_HOUR_WORDS})(?::(?P<m>\d\d))?(?: ?o ?'? ?clock)?|(?P<named>noon|midday|midnight))"
    r"(?: ?(?P<half_day>am|pm|a\.m|p\.m)\b)?"
)
_PART = r"(?:in the (?P<part>morning|afternoon|evening)|(?P<night>at night|tonight))"
_DAY = (
    r"(?P<day>tomorrow(?: morning| afternoon| evening| night)?|today|tonight|this (?:morning|afternoon|evening)"
    r"|(?:on |next |this |coming )*(?:" + "|".join(WEEKDAYS) + r")(?: morning| afternoon| evening| night)?"
    r"|(?:on |at )?\d{4}-\d\d-\d\d|(?:on )?(?:the )?\d{1,2}(?:st|nd|rd|th)? (?:of )?(?:" + "|".join(_MONTHS) + r")"
    r"|(?:on )?(?:" + "|".join(_MONTHS) + r") (?:the )?\d{1,2}(?:st|nd|rd|th)?)"
)
_OFTEN = (
    r"(?P<often>nightly|daily|weekdays|on weekdays|every weekday|(?:every|each) (?:day|night|morning|afternoon|evening|weekday)"
    r"|(?:weekly |every |each )?(?:on )?(?:" + "|".join(WEEKDAYS) + r")s"
    r"|(?:weekly on |every |each )(?:" + "|".join(WEEKDAYS) + r")(?: morning| afternoon| evening| night)?)"
)
_PARTS = {
    "morning": "morning",
    "afternoon": "pm",
    "evening": "evening",
    "night": "night",
    "tonight": "night",
    "nightly": "night",
}
_BACK = r"(?:for|in|over|within|during|from|of) (?:the )?(?:last|past|previous)|(?:the )?(?:last|past|previous)"


def spans(words: Sequence[str], start: int, now: datetime | None = None) -> tuple[Span, ...]:
    """Return the times that begin at the word `start`, longest first; `Span.end` is an index of words.

    `words` are in lower case. `now` is needed for what is told by a moment (`since noon`, `until 6pm`).
    """
    text = " ".join(words[start : start + 12])
    ends = {}
    at = 0
    for n, word in enumerate(words[start : start + 12], start + 1):
        at += len(word) + (1 if n > start + 1 else 0)
        ends[at] = n
    found: dict[tuple[int, str], Span] = {}
    for form, made in _FORMS:
        match = form.match(text)
        if match is None or match.end() not in ends:
            continue
        try:
            span = made(match, now)
        except ValueError:
            continue
        if span is not None:
            found.setdefault(
                (ends[match.end()], span.kind), Span(ends[match.end()], span.kind, span.value, span.either)
            )
    return tuple(sorted(found.values(), key=lambda span: -span.end))


def _amount(word: str) -> float:
    return _NUMBERS[word] if word in _NUMBERS else float(word)


def _length(match: re.Match[str]) -> str:
    if match["short"]:
        return times.length(int(match["short"][:-1]), match["short"][-1])
    if match["half_hour"]:
        return "30m"
    amount, unit = _amount(match["n"]) + (0.5 if match["half"] else 0), match["u"][0]
    return times.length(amount * 7, "d") if unit == "w" else times.length(amount, unit)


def _one(match: re.Match[str]) -> str:
    return {"minute": "1m", "hour": "1h", "day": "1d", "week": "7d"}[match["one"]]


def _hour(match: re.Match[str]) -> tuple[int, int, str] | None:
    """Return hour, minute and part of the day of a clock time as said."""
    if match["named"]:
        return (0, 0, "") if match["named"] == "midnight" else (12, 0, "noon")
    half_day = (match["half_day"] or "").replace(".", "")
    if match["past"]:
        hour = int(_amount(match["ph"]))
        if match["past"] == "quarter to":
            return (hour - 1 or 12, 45, half_day)
        return (hour, 30 if match["past"] == "half past" else 15, half_day)
    written, minute = match["h"], int(match["m"] or 0)
    part = half_day or ("am" if match["m"] and written.startswith("0") and written != "00" else "")
    hour = int(_amount(written))
    if half_day and not 1 <= hour <= 12:
        return None
    return (hour, minute, part)


def _clock(match: re.Match[str], day: str, part: str) -> Span | None:
    said = _hour(match)
    if said is None:
        return None
    hour, minute, own = said
    if own and part and own != part and not set(times.hours_meant(hour, own)) & set(times.hours_meant(hour, part)):
        return None
    return times.moment_span(0, day, hour, minute, own or part)


def _part(match: re.Match[str], *words: str) -> str:
    groups = match.groupdict()
    said = groups.get("part") or ("night" if groups.get("night") else "")
    for word in (said, *(last for text in words for last in text.split()[-1:])):
        if word.rstrip("s") in _PARTS:
            return _PARTS[word.rstrip("s")]
    return ""


def _once(match: re.Match[str], now: datetime | None) -> Span | None:
    words = match.groupdict().get("day") or ""
    day = _day(words, now)
    if not day and match.groupdict().get("night") == "tonight":
        day = "today"
    return _clock(match, day, _part(match, words))


def _day(words: str, now: datetime | None) -> str:
    if not words:
        return ""
    if words in {"today", "tonight"} or words.startswith("this "):
        weekday = next((day for day in WEEKDAYS if day in words), "")
        return weekday or "today"
    if words.startswith("tomorrow"):
        return "tomorrow"
    named = next((day for day in WEEKDAYS if day in words), "")
    if named:
        return _next_week(named, now) if "next " in words else named
    written = re.search(r"\d{4}-\d\d-\d\d", words)
    return date.fromisoformat(written[0]).isoformat() if written else _of_month(words, now)


def _next_week(weekday: str, now: datetime | None) -> str:
    """`Next monday` is the next one to some and that of next week to others: told only where both are the same."""
    if now is None:
        raise ValueError("it is not known what day it is")
    ahead = (WEEKDAYS.index(weekday) - now.weekday()) % 7
    if ahead == 0 or now.weekday() + ahead < 7:
        raise ValueError("that may be this week or the next")
    return weekday


def _of_month(words: str, now: datetime | None) -> str:
    if now is None:
        raise ValueError("it is not known what year it is")
    month = next(n for n, name in enumerate(_MONTHS, 1) if name in words)
    number = int(next(iter(re.findall(r"\d{1,2}", words))))
    day = date(now.year, month, number)
    return (day if day >= now.date() else date(now.year + 1, month, number)).isoformat()


def _again(match: re.Match[str], _now: datetime | None) -> Span | None:
    words = match["often"]
    return _clock(match, _schedule(words), _part(match, words))


def _schedule(words: str) -> str:
    if "weekday" in words:
        return "every weekday"
    named = next((day for day in WEEKDAYS if day in words), "")
    return f"every {named or 'day'}"


def _vague(_match: re.Match[str], _now: datetime | None) -> Span | None:
    return Span(0, "vague")


def _since(match: re.Match[str], now: datetime | None) -> Span | None:
    if now is None:
        return None
    words = match.groupdict().get("day") or ""
    said = _hour(match)
    if said is None:
        return None
    hours = times.hours_meant(said[0], said[2] or _part(match, words))
    if not hours:
        return None
    moments = [times.last_time(hour, said[1], now) for hour in hours]
    if words == "yesterday" or match.groupdict().get("yesterday"):
        moments = [moment if moment.date() < now.date() else moment - timedelta(days=1) for moment in moments]
    return Span(0, "since", times.since_moment(max(moments), now))


def _until(match: re.Match[str], now: datetime | None) -> Span | None:
    at = _once(match, now)
    if at is None or now is None:
        return None
    lengths = sorted({times.until(one, now) for one in at.either or (at.value,)}, key=times.seconds)
    return Span(0, "for", lengths[0], tuple(lengths) if len(lengths) > 1 else ())


def _as(kind: times.Kind, prefix: str = "") -> Callable[[re.Match[str], datetime | None], Span | None]:
    def made(match: re.Match[str], _now: datetime | None) -> Span | None:
        written = _one(match) if match.groupdict().get("one") else _length(match)
        return Span(0, kind, prefix + written)

    return made


def _past(value: str) -> Callable[[re.Match[str], datetime | None], Span | None]:
    return lambda match, now: Span(0, "since", value)


def _form(text: str) -> re.Pattern[str]:
    return re.compile(rf"(?:{text})(?= |$)")


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime | None], Span | None]], ...] = (
    # to act at, again and again
    (_form(rf"{_OFTEN}(?: at)? {_CLOCK}(?: {_PART})?"), _again),
    (_form(rf"(?:at )?{_CLOCK} {_OFTEN}"), _again),
    (_form(rf"(?:every|each|once an?|once every) (?:{_LENGTH})"), _as("at", "every ")),
    (_form(rf"(?:every|each|once an?|once every) (?!night|day\b){_BARE}"), lambda match, now: _every(match)),
    (_form(r"hourly"), lambda match, now: Span(0, "at", "every 1h")),
    (_form(_OFTEN), _vague),
    # to act at, once
    (_form(rf"{_DAY}(?: at)? {_CLOCK}(?: {_PART})?"), _once),
    (_form(rf"(?:at )?{_CLOCK}(?: {_PART})? {_DAY}"), _once),
    (_form(rf"at {_CLOCK}(?: {_PART})?"), _once),
    (_form(r"(?:at )?(?P<h>\d{1,2})(?::(?P<m>\d\d))? ?(?P<half_day>am|pm|a\.m|p\.m)(?P<named>)(?P<past>)"), _once),
    (_form(rf"(?:in|after) (?:another )?{_LENGTH}(?: time)?"), _as("at", "in ")),
    (_form(rf"{_LENGTH} from now"), _as("at", "in ")),
    (_form(_DAY), _vague),
    (_form(r"later(?: today| tonight)?|soon|in a (?:bit|while|moment|minute or two)|at (?:some point|night)"), _vague),
    # how far back
    (_form(rf"(?:since |from )?{_LENGTH} (?:ago|back)(?: until now)?"), _as("since")),
    (_form(rf"(?:since|in|within|over) {_LENGTH}"), _as("since")),
    (_form(rf"(?:{_BACK}) {_LENGTH}"), _as("since")),
    (_form(rf"(?:{_BACK}) {_BARE}"), _as("since")),
    (_form(r"(?:since |from )?(?:an )?hour ago"), _past("1h")),
    (_form(r"(?:since |from )?(?:yesterday|last night|last evening|overnight)"), _past("1d")),
    (_form(r"(?:since |from |earlier )?(?:today|this morning)"), lambda match, now: _today(now)),
    (_form(rf"since (?P<yesterday>yesterday (?:at )?)?{_CLOCK}(?: {_PART})?"), _since),
    # how long
    (_form(rf"for (?:the next |another |about )?{_LENGTH}"), _as("for")),
    (_form(rf"for (?:the next |another |an? ){_BARE}"), _as("for")),
    (_form(rf"(?:until|till|til) (?:{_DAY} )?(?:at )?{_CLOCK}(?: {_PART})?"), _until),
    (_form(rf"(?:until|till|til) {_CLOCK}(?: {_PART})? {_DAY}"), _until),
    (_form(_LENGTH), _as("length")),
)  # fmt: skip


def _every(match: re.Match[str]) -> Span | None:
    return Span(0, "vague") if match["one"] in {"day", "week"} else Span(0, "at", f"every {_one(match)}")


def _today(now: datetime | None) -> Span | None:
    if now is None:
        return None
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return Span(0, "since", times.since_moment(midnight, now))
