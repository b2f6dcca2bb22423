"""Times as they are said in Korean: `10분 뒤에`, `매주 월요일 9시`, `지난 30분`, `새벽 3시 반`. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime, timedelta

from opsagent.commands import times
from opsagent.commands.times import WEEKDAYS, Span

_ONES = {"한": 1, "하나": 1, "두": 2, "둘": 2, "세": 3, "셋": 3, "네": 4, "넷": 4, "다섯": 5, "여섯": 6, "일곱": 7,
         "여덟": 8, "아홉": 9}  # fmt: skip
_TENS = {"열": 10, "스물": 20, "스무": 20, "서른": 30, "마흔": 40, "쉰": 50}
_DIGITS = {"일": 1, "이": 2, "삼": 3, "사": 4, "오": 5, "육": 6, "칠": 7, "팔": 8, "구": 9}
_PLACES = {"십": 10, "백": 100, "천": 1000}
_NATIVE = "(?:" + "|".join(_TENS) + ")?(?:" + "|".join(_ONES) + ")|" + "|".join(_TENS)
_SINO = "(?:[일이삼사오육칠팔구]?[천백십])+[일이삼사오육칠팔구]?|[일이삼사오육칠팔구]"
NUMBER = rf"\d{{1,6}}|{_NATIVE}|{_SINO}"
"""A number in digits or words, as a regular expression."""

_PARTS = {"오전": "am", "오후": "pm", "새벽": "dawn", "아침": "morning", "점심": "noon", "낮": "noon", "저녁": "evening",
          "밤": "night"}  # fmt: skip
_DAYS = {"오늘": "today", "금일": "today", "내일": "tomorrow", "명일": "tomorrow", "낼": "tomorrow"}
_OFTEN = {"매일": "every day", "날마다": "every day", "평일": "every weekday"}
_WEEK = "월화수목금토일"
_UNITS = {"초": "s", "분": "m", "시간": "h", "일": "d", "날": "d", "주일": "w", "주": "w"}
_LENGTH = (
    rf"(?:(?P<n>{NUMBER}) ?(?P<u>초|분|시간|일|주일|주)(?P<half> ?반)?|(?P<h>\d{{1,6}})(?P<hu>[smhd])(?![a-z])"
    r"|(?P<days>하루|이틀|사흘|나흘|일주일|반나절))"
)
_HOUR = (
    r"(?:(?P<named>자정|정오)|(?:(?P<part>" + "|".join(_PARTS) + rf")(?:에)? ?)?(?:(?P<hour>\d{{1,2}}|{_NATIVE}) ?시"
    rf"(?: ?(?:(?P<half>반)|(?P<minute>{NUMBER}) ?분))?(?! ?간)|(?P<clock>\d{{1,2}}:\d\d)))"
)
_DAY = (
    r"(?P<day>오늘|금일|내일|명일|낼|모레|(?:(?:이번 ?주|다음 ?주|담주|돌아오는) ?)?[월화수목금토일]요일|\d{4}-\d\d-\d\d"
    r"|(?:\d{4}년 ?)?\d{1,2}월 ?\d{1,2}일)(?:에)?"
)
_AGAIN = r"(?P<often>매일|날마다|평일(?: ?마다|에)?|매주 ?[월화수목금토일]요일(?: ?마다)?|[월화수목금토일]요일 ?마다|주중 ?매일)(?:에)?"
_AT = r"(?: ?쯤)?(?:에다가|에)?(?: ?맞춰(?:서)?)?"
_LATER = r"(?: ?(?:뒤|후|이후|있다가|이따가|이따)(?:에|쯤)?)"
_LASTING = r"(?: ?(?:동안|간)(?:만|은)?)"


def spans(text: str, start: int, now: datetime | None = None) -> tuple[Span, ...]:
    """Return the times that begin at the character `start`, longest first; `Span.end` is an index of characters.

    `now` is needed for what is told by a moment (`정오부터`, `6시까지`).
    """
    found: dict[tuple[int, str], Span] = {}
    for form, made in _FORMS:
        match = form.match(text, start)
        if match is None or match.end() == start:
            continue
        try:
            span = made(match, now)
        except ValueError:
            continue
        if span is not None:
            found.setdefault((match.end(), span.kind), Span(match.end(), span.kind, span.value, span.either))
    return tuple(sorted(found.values(), key=lambda span: -span.end))


def number(word: str) -> int:
    """Return the number that is written in digits or words. ValueError: it is none."""
    if word.isascii() and word.isdigit():
        return int(word)
    for ten, value in {"": 0, **_TENS}.items():
        rest = word.removeprefix(ten)
        if word.startswith(ten) and (rest in _ONES or (ten and not rest)):
            return value + _ONES.get(rest, 0)
    total, digit = 0, 0
    for char in word:
        if char in _PLACES:
            total += (digit or 1) * _PLACES[char]
            digit = 0
        elif char in _DIGITS and not digit:
            digit = _DIGITS[char]
        else:
            raise ValueError(f"{word!r} is no number")
    if not word:
        raise ValueError("nothing is no number")
    return total + digit


def _length(match: re.Match[str]) -> str:
    if match["days"]:
        return {"하루": "1d", "이틀": "2d", "사흘": "3d", "나흘": "4d", "일주일": "7d", "반나절": "6h"}[match["days"]]
    if match["h"]:
        return times.length(int(match["h"]), match["hu"])
    unit = _UNITS[match["u"]]
    amount = number(match["n"]) + (0.5 if match["half"] else 0)
    return times.length(amount * 7, "d") if unit == "w" else times.length(amount, unit)


def _as(kind: times.Kind, prefix: str = "") -> Callable[[re.Match[str], datetime | None], Span | None]:
    return lambda match, now: Span(0, kind, prefix + _length(match))


def _moment(match: re.Match[str], day: str) -> Span | None:
    if match["named"]:
        day = "tomorrow" if match["named"] == "자정" and day == "today" else day  # today ends with it
        return times.moment_span(
            0, day, 0 if match["named"] == "자정" else 12, 0, "" if match["named"] == "자정" else "noon"
        )
    part = _PARTS.get(match["part"] or "", "")
    if match["clock"]:
        written, minute = match["clock"].split(":")
        hour = int(written)
        part = part or ("am" if written.startswith("0") and hour else "")
        return times.moment_span(0, day, hour, int(minute), part)
    written = match["hour"]
    part = part or ("am" if written.startswith("0") and int(written) else "")
    minute = 30 if match["half"] else number(match["minute"]) if match["minute"] else 0
    return times.moment_span(0, day, number(written), minute, part)


def _day(words: str, now: datetime | None) -> str:
    if words in _DAYS:
        return _DAYS[words]
    named = re.search(r"([월화수목금토일])요일", words)
    if named is not None:
        return _weekday(WEEKDAYS[_WEEK.index(named[1])], words, now)
    if re.fullmatch(r"\d{4}-\d\d-\d\d", words):
        return date.fromisoformat(words).isoformat()
    if now is None:
        raise ValueError("it is not known what day it is")
    if words == "모레":
        return (now.date() + timedelta(days=2)).isoformat()
    year, month, day = re.fullmatch(r"(?:(\d{4})년 ?)?(\d{1,2})월 ?(\d{1,2})일", words).groups()  # type: ignore[union-attr]
    meant = date(int(year or now.year), int(month), int(day))
    return (meant if year or meant >= now.date() else date(now.year + 1, int(month), int(day))).isoformat()


def _weekday(name: str, words: str, now: datetime | None) -> str:
    """A week begins on Monday: 이번 주 and 다음 주 say which one is meant."""
    if not words.startswith(("이번", "다음", "담주")):
        return name
    if now is None:
        raise ValueError("it is not known what day it is")
    day = now.date() + timedelta(days=WEEKDAYS.index(name) - now.weekday() + (0 if words.startswith("이번") else 7))
    return day.isoformat()


def _once(match: re.Match[str], now: datetime | None) -> Span | None:
    words = match.groupdict().get("day") or ""
    return _moment(match, _day(words, now) if words else "")


def _again(match: re.Match[str], _now: datetime | None) -> Span | None:
    words = match["often"]
    named = re.search(r"([월화수목금토일])요일", words)
    if named is not None:
        return _moment(match, f"every {WEEKDAYS[_WEEK.index(named[1])]}")
    return _moment(match, "every weekday" if words.startswith("평일") else "every day")


def _since(match: re.Match[str], now: datetime | None) -> Span | None:
    at = _moment(match, "")
    if at is None or now is None:
        return None
    moments = [times.last_time(int(one[:2]), int(one[3:]), now) for one in at.either or (at.value,)]
    if match.groupdict().get("yesterday"):
        moments = [one if one.date() < now.date() else one - timedelta(days=1) for one in moments]
    return Span(0, "since", times.since_moment(max(moments), now))


def _until(match: re.Match[str], now: datetime | None) -> Span | None:
    at = _once(match, now)
    if at is None or now is None:
        return None
    lengths = sorted({times.until(one, now) for one in at.either or (at.value,)}, key=times.seconds)
    return Span(0, "for", lengths[0], tuple(lengths) if len(lengths) > 1 else ())


_ENDS_AT = {
    "새벽": "06:00",
    "아침": "09:00",
    "오전": "12:00",
    "점심": "13:00",
    "낮": "18:00",
    "오후": "18:00",
    "저녁": "21:00",
    "밤": "23:59",
}


def _until_day(match: re.Match[str], now: datetime | None) -> Span | None:
    """`내일까지`, `오늘 밤까지`: to the end of what is named, so that something is left alone rather too long."""
    if now is None:
        return None
    words, part = match["day"] or "오늘", match["until"] or ""
    at = f"{_day(words, now)} {_ENDS_AT.get(part, '23:59')}"
    return Span(0, "for", times.until(at, now))


def _today(_match: re.Match[str], now: datetime | None) -> Span | None:
    if now is None:
        return None
    return Span(0, "since", times.since_moment(now.replace(hour=0, minute=0, second=0, microsecond=0), now))


def _vague(_match: re.Match[str], _now: datetime | None) -> Span | None:
    return Span(0, "vague")


_FORMS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str], datetime | None], Span | None]], ...] = tuple(
    (re.compile(text), made)
    for text, made in (
        (rf"{_AGAIN} ?{_HOUR}{_AT}(?: ?마다)?", _again),
        (rf"{_HOUR} ?마다", lambda match, now: _moment(match, "every day")),
        (rf"{_LENGTH} ?(?:마다|간격으로|에 한 ?번(?:씩)?)", _as("at", "every ")),
        (r"매시간(?:마다)?|매시(?![가-힣])|시간마다", lambda match, now: Span(0, "at", "every 1h")),
        (rf"{_AGAIN}|매주|매달|매월|주말(?:마다|에)?|밤마다|아침마다|새벽마다", _vague),
        (rf"{_DAY} ?{_HOUR}{_AT}", _once),
        (rf"{_HOUR}{_AT}", _once),
        (rf"{_LENGTH}{_LATER}", _as("at", "in ")),
        (rf"{_DAY}(?: ?(?:새벽|아침|낮|점심|저녁|밤)(?:에)?)?", _vague),
        (r"나중에|이따가?|조금 ?(?:있다가|뒤에|이따가?)|잠시 ?(?:후|뒤)(?:에)?|(?:새벽|아침|점심|저녁|밤|오전|오후)에", _vague),
        (rf"{_LENGTH} ?(?:전|이전)(?:부터|에|의|까지의)?(?: ?지금까지)?", _as("since")),
        (rf"(?:지난|최근|직전|요|마지막|과거) ?{_LENGTH}{_LASTING}?(?:의|치)?(?: ?(?:내|이내)(?:에|의)?)?", _as("since")),
        (rf"{_LENGTH} ?(?:내|이내|안)(?:에|의)", _as("since")),
        (rf"{_LENGTH} ?(?:치|분량)(?:의)?", _as("since")),
        (r"(?:어제|어젯밤|지난 ?밤|간밤|밤새|밤사이|전날|어저께)(?: ?(?:부터|에|의|밤에?|저녁에?|새벽에?|낮에?))?",
         lambda match, now: Span(0, "since", "1d")),
        (r"(?:그제|그저께)(?: ?(?:부터|에|의))?", lambda match, now: Span(0, "since", "2d")),
        (r"(?:지난주|저번 ?주)(?: ?(?:부터|에|의))?", lambda match, now: Span(0, "since", "14d")),
        (r"(?:오늘|금일)(?: ?(?:부터|하루|의|자|아침(?:부터|에)?|새벽(?:부터|에)?))?", _today),
        (rf"(?P<yesterday>어제 ?)?{_HOUR} ?(?:부터|이후(?:로|부터)?)", _since),
        (rf"{_LENGTH}{_LASTING}", _as("for")),
        (rf"(?:{_DAY} ?)?{_HOUR} ?까지(?:만|는)?", _until),
        (rf"{_DAY} ?(?P<until>새벽|아침|오전|점심|낮|오후|저녁|밤)? ?까지(?:만|는)?", _until_day),
        (r"(?:(?P<day>오늘) ?)?(?P<until>저녁|밤|오후) ?까지(?:만|는)?", _until_day),
        (rf"{_LENGTH}", _as("length")),
    )
)  # fmt: skip
