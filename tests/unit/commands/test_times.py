"""Times as people say them, in their written form; and when such a time is next."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent.commands import times, times_en, times_ko

SEOUL = ZoneInfo("Asia/Seoul")
BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 1, 7, 12, 0, tzinfo=SEOUL)
"""A Wednesday noon."""

ENGLISH = [
    ("at 3am", "at", "03:00"), ("at 3 pm", "at", "15:00"), ("at 15:30", "at", "15:30"), ("at 03:30", "at", "03:30"),
    ("at half past two pm", "at", "14:30"), ("at quarter to six pm", "at", "17:45"), ("at noon", "at", "12:00"),
    ("at midnight", "at", "00:00"), ("tonight at 11", "at", "today 23:00"), ("tonight at 12", "at", "tomorrow 00:00"),
    ("tomorrow at 3am", "at", "tomorrow 03:00"), ("tomorrow morning at 9", "at", "tomorrow 09:00"),
    ("at 3 in the morning", "at", "03:00"), ("in ten minutes", "at", "in 10m"), ("in half an hour", "at", "in 30m"),
    ("every monday at 9", "at", "every monday 09:00"), ("nightly at 2", "at", "every day 02:00"),
    ("weekdays at 8", "at", "every weekday 08:00"), ("every 2 hours", "at", "every 2h"), ("hourly", "at", "every 1h"),
    ("on friday at 5pm", "at", "friday 17:00"), ("on december 1 at 3am", "at", "2026-12-01 03:00"),
    ("2026-12-01 03:00", "at", "2026-12-01 03:00"), ("2 hours ago", "since", "2h"), ("since 2h", "since", "2h"),
    ("for the last two hours", "since", "2h"), ("in the last hour", "since", "1h"), ("last night", "since", "1d"),
    ("since 9am", "since", "180m"), ("for 2h", "for", "2h"), ("for the next 3 hours", "for", "3h"),
    ("until 6pm", "for", "360m"), ("an hour and a half", "length", "90m"), ("tomorrow", "vague", ""),
    ("every monday", "vague", ""), ("later today", "vague", ""),
]  # fmt: skip
KOREAN = [
    ("오전 3시", "at", "03:00"), ("새벽 3시 반에", "at", "03:30"), ("저녁 7시", "at", "19:00"), ("낮 2시", "at", "14:00"),
    ("밤 12시에", "at", "00:00"), ("오후 두시", "at", "14:00"), ("15시에", "at", "15:00"), ("자정에", "at", "00:00"),
    ("내일 아침 9시에", "at", "tomorrow 09:00"), ("오늘 밤 11시에", "at", "today 23:00"), ("10분 뒤에", "at", "in 10m"),
    ("삼십 분 뒤", "at", "in 30m"), ("매주 월요일 9시", "at", "every monday 09:00"), ("매일 새벽 2시에", "at", "every day 02:00"),
    ("평일 8시에", "at", "every weekday 08:00"), ("10분마다", "at", "every 10m"), ("금요일 오후 5시에", "at", "friday 17:00"),
    ("다음 주 월요일 오전 10시에", "at", "2026-01-12 10:00"), ("12월 1일 새벽 3시에", "at", "2026-12-01 03:00"),
    ("2시간 전부터", "since", "2h"), ("지난 30분", "since", "30m"), ("최근 1시간 동안의", "since", "1h"), ("어젯밤에", "since", "1d"),
    ("아침 9시부터", "since", "180m"), ("두 시간 동안", "for", "2h"), ("한 시간 반 동안", "for", "90m"), ("하루 동안", "for", "1d"),
    ("오후 6시까지", "for", "360m"), ("내일", "vague", ""), ("매주 월요일", "vague", ""), ("이따가", "vague", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "kind", "value"), ENGLISH)
def test_said_in_english(text: str, kind: str, value: str) -> None:
    words = text.split()
    found = times_en.spans(words, 0, NOW)[0]
    assert (found.end, found.kind, found.value, found.either) == (len(words), kind, value, ())


@pytest.mark.parametrize(("text", "kind", "value"), KOREAN)
def test_said_in_korean(text: str, kind: str, value: str) -> None:
    found = times_ko.spans(text, 0, NOW)[0]
    assert (found.end, found.kind, found.value, found.either) == (len(text), kind, value, ())


@pytest.mark.parametrize(
    ("found", "either"),
    [
        (times_en.spans(["at", "3"], 0, NOW), ("03:00", "15:00")),
        (times_en.spans(["tomorrow", "at", "12"], 0, NOW), ("tomorrow 12:00", "tomorrow 00:00")),
        (times_en.spans(["until", "6"], 0, NOW), ("360m", "1080m")),
        (times_ko.spans("3시에", 0, NOW), ("03:00", "15:00")),
        (times_ko.spans("매일 3시", 0, NOW), ("every day 03:00", "every day 15:00")),
    ],
)
def test_an_hour_without_its_half_of_the_day_keeps_both_readings(found: tuple[times.Span, ...], either: object) -> None:
    assert found[0].either == either


@pytest.mark.parametrize(
    "found",
    [
        times_en.spans("next friday at 5pm".split(), 0, NOW),
        times_en.spans("tomorrow night at 1".split(), 0, NOW),
        times_en.spans("at 25:00".split(), 0, NOW),
        times_en.spans("at 13 pm".split(), 0, NOW),
        times_en.spans("last 50 lines".split(), 0, NOW),
        times_en.spans("since noon".split(), 0, None),
        times_ko.spans("오전 15시", 0, NOW),
    ],
)
def test_what_nobody_can_tell_is_no_time(found: tuple[times.Span, ...]) -> None:
    assert not [span for span in found if span.kind in {"at", "since"} and not span.either and len(found) == 1]


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        ("03:00", "2026-01-08 03:00"), ("15:30", "2026-01-07 15:30"), ("12:00", "2026-01-08 12:00"),
        ("today 23:00", "2026-01-07 23:00"), ("tomorrow 03:00", "2026-01-08 03:00"), ("wednesday 09:00", "2026-01-14 09:00"),
        ("friday 17:00", "2026-01-09 17:00"), ("2026-12-01 03:00", "2026-12-01 03:00"), ("in 10m", "2026-01-07 12:10"),
        ("every 2h", "2026-01-07 14:00"), ("every day 03:00", "2026-01-08 03:00"), ("every monday 03:00", "2026-01-12 03:00"),
        ("every weekday 08:00", "2026-01-08 08:00"),
    ],
)  # fmt: skip
def test_when_it_is_next(at: str, expected: str) -> None:
    assert times.next_at(at, NOW).strftime("%Y-%m-%d %H:%M") == expected


@pytest.mark.parametrize(
    "at", ["today 03:00", "2026-01-01 03:00", "3am", "noon", "", "at 3", "every", "in", "every year 03:00"]
)
def test_a_time_that_has_passed_or_is_none_is_told(at: str) -> None:
    with pytest.raises(ValueError, match=r"passed|no time|no day|no length"):
        times.next_at(at, NOW)


def test_a_time_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        times.next_at("03:00", datetime(2026, 1, 7))  # noqa: DTZ001  # that is the point


def test_a_time_that_the_clock_skips_comes_after_the_gap() -> None:
    before = datetime(2026, 3, 28, 12, 0, tzinfo=BERLIN)
    assert times.next_at("every day 02:30", before).isoformat() == "2026-03-29T03:30:00+02:00"
    assert times.next_at("in 24h", before).isoformat() == "2026-03-29T13:00:00+02:00"


def test_a_time_that_comes_twice_is_taken_once() -> None:
    before = datetime(2026, 10, 24, 12, 0, tzinfo=BERLIN)
    first = times.next_at("every day 02:30", before)
    assert first.isoformat() == "2026-10-25T02:30:00+02:00"
    assert times.next_at("every day 02:30", first).isoformat() == "2026-10-26T02:30:00+01:00"


_MOMENTS = st.integers(min_value=1_767_225_600, max_value=1_793_491_200).map(
    lambda seconds: datetime.fromtimestamp(seconds, tz=BERLIN)
)
_SAID = [at for _, kind, at in ENGLISH + KOREAN if kind == "at" and not at.startswith("2026-01")]


@given(st.sampled_from(_SAID), _MOMENTS)
def test_next_is_always_later(at: str, now: datetime) -> None:
    try:
        moment = times.next_at(at, now)
    except ValueError:
        assert at.startswith("today")
        return
    assert moment.timestamp() > now.timestamp()


@pytest.mark.parametrize("word", ["한", "둘", "열두", "스물다섯", "오십", "백이십", "삼백육십오", "이천", "7", "100"])
def test_numbers_in_words(word: str) -> None:
    wanted = {"한": 1, "둘": 2, "열두": 12, "스물다섯": 25, "오십": 50, "백이십": 120, "삼백육십오": 365, "이천": 2000}
    assert times_ko.number(word) == wanted.get(word, int(word) if word.isdigit() else -1)
