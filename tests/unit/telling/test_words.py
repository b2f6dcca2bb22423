"""Two languages say the same things, and times are those of the reader's wall clock."""

from __future__ import annotations

import re
import string
from datetime import UTC, datetime

import pytest

from opsagent.model import Fault
from opsagent.telling import words_en, words_ko
from opsagent.telling.times import clock, told, zone_of
from opsagent.telling.words import LANGUAGES, Words

ENGLISH, KOREAN = words_en.WORDS, words_ko.WORDS


def holes(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}


def test_both_languages_have_the_same_keys() -> None:
    assert set(ENGLISH) == set(KOREAN)


def test_both_languages_leave_room_for_the_same_values() -> None:
    assert [key for key in ENGLISH if holes(ENGLISH[key]) != holes(KOREAN[key])] == []


def test_what_is_korean_is_korean_and_commands_stay_as_they_are_typed() -> None:
    silent = [key for key, text in KOREAN.items() if not re.search("[가-힣]", re.sub(r"\{\w+\}", "", text))]
    assert [key for key in silent if re.search("[A-Za-z]{4}", re.sub(r"\{\w+\}", "", ENGLISH[key]))] == []
    commands = re.compile(r"opsagent (?:incidents |)[a-z]+(?= \{id\}|$)")
    assert [key for key in ENGLISH if commands.findall(ENGLISH[key]) != commands.findall(KOREAN[key])] == []


def test_no_word_is_without_use() -> None:
    from pathlib import Path

    root = Path(__file__).resolve().parents[3] / "opsagent"
    files = [path for folder in ("telling", "views", "cli") for path in (root / folder).glob("*.py")]
    code = "\n".join(path.read_text() for path in files if not path.name.startswith("words_"))
    built = ("fault.", "status.", "evidence.", "source.", "plan.", "chart.", "msg.kind.", "ho.", "ho.none_")
    lost = [
        key
        for key in ENGLISH
        if f'"{key}"' not in code
        and f'"{key.removesuffix(".one")}"' not in code
        and not any(key.startswith(prefix) for prefix in built)
    ]
    assert lost == []


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fault_has_a_name(fault: Fault, language: str) -> None:
    assert Words(language).has(f"fault.{fault.value}")


@pytest.mark.parametrize(
    ("seconds", "english", "korean"),
    [
        (None, "-", "-"),
        (0.44, "0.4 s", "0.4초"),
        (9.0, "9 s", "9초"),
        (59.6, "1 min", "1분"),
        (61.0, "1 min 1 s", "1분 1초"),
        (2520.0, "42 min", "42분"),
        (3660.0, "1 h 1 min", "1시간 1분"),
        (3605.0, "1 h", "1시간"),
        (190_000.0, "2 d 4 h", "2일 4시간"),
    ],
)
def test_durations(seconds: float | None, english: str, korean: str) -> None:
    assert (Words("en").duration(seconds), Words("ko").duration(seconds)) == (english, korean)


def test_one_and_many() -> None:
    assert [Words("en").count("restart", number) for number in (0, 1, 3100)] == [
        "0 restarts", "1 restart", "3,100 restarts",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("moment", "zone", "text"),
    [
        ("2026-03-29T00:59:59", "Europe/Berlin", "2026-03-29 01:59:59 CET (00:59:59Z)"),
        ("2026-03-29T01:00:00", "Europe/Berlin", "2026-03-29 03:00:00 CEST (01:00:00Z)"),
        ("2026-10-25T00:30:00", "Europe/Berlin", "2026-10-25 02:30:00 CEST (00:30:00Z)"),
        ("2026-10-25T01:30:00", "Europe/Berlin", "2026-10-25 02:30:00 CET (01:30:00Z)"),
        ("2026-03-28T23:30:00", "Asia/Seoul", "2026-03-29 08:30:00 KST (2026-03-28 23:30:00Z)"),
        ("2026-03-28T23:30:00", "America/Sao_Paulo", "2026-03-28 20:30:00 UTC-0300 (23:30:00Z)"),
        ("2026-03-28T23:30:00", "UTC", "2026-03-28 23:30:00Z"),
    ],
)
def test_times_in_a_zone_and_in_utc(moment: str, zone: str, text: str) -> None:
    assert told(datetime.fromisoformat(moment).replace(tzinfo=UTC), zone) == text


def test_what_is_no_zone_is_refused_in_one_line() -> None:
    for name in ("Mars/Olympus", "../../etc/passwd", "/etc/localtime"):
        with pytest.raises(ValueError, match="is no time zone"):
            zone_of(name)
    assert clock(datetime(2026, 7, 1, 12, tzinfo=UTC), "Asia/Seoul") == "21:00:00"
