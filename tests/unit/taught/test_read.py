"""What people teach, in their own words: what is read, and what is not read and said so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent.maintenance import Weekly
from opsagent.taught.read import read
from opsagent.taught.rule import TaughtRule, rule_of

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)  # a Saturday
NAMES = ("billing", "api", "store")
EVERY, REPLACE, ALL = frozenset(range(7)), frozenset({"restart", "reload"}), frozenset({"*"})
SEOUL = "Asia/Seoul"


def rule(text: str, **more: object) -> TaughtRule | None:
    return read(text, zone=SEOUL, now=NOW, known=NAMES, **more).rule  # type: ignore[arg-type]


def night(begins: int, ends: int, days: frozenset[int] = EVERY, zone: str = SEOUL) -> Weekly:
    return Weekly(days, begins * 60, ends * 60, zone)


@pytest.mark.parametrize(
    ("text", "verdict", "actions", "units", "window"),
    [
        ("never restart billing between 1 and 3 am", "never", REPLACE, ("billing",), night(1, 3)),
        ("Never restart billing between 1 and 3 am.", "never", REPLACE, ("billing",), night(1, 3)),
        ("please don't restart the billing service", "never", REPLACE, ("billing",), None),
        ("do not restart billing from 10 pm to 6", "never", REPLACE, ("billing",), night(22, 6)),
        ("never restart billing between 11 and 1 am", "never", REPLACE, ("billing",), night(23, 1)),
        ("never restart billing between 1 and 3 in the morning", "never", REPLACE, ("billing",), night(1, 3)),
        ("never restart billing 22:00-06:00 UTC", "never", REPLACE, ("billing",), night(22, 6, zone="UTC")),
        ("don't touch store", "never", ALL, ("store",), None),
        ("leave store alone", "never", ALL, ("store",), None),
        ("hands off store", "never", ALL, ("store",), None),
        ("don't touch anything", "never", ALL, ("all",), None),
        ("don't restart api or store on weekends", "never", REPLACE, ("api", "store"), night(0, 0, frozenset({5, 6}))),
        ("no restarts of api on Mondays", "never", REPLACE, ("api",), night(0, 0, frozenset({0}))),
        (
            "api must not be restarted Mon-Fri between 9 am and 5 pm (Europe/Berlin)",
            "never", REPLACE, ("api",), night(9, 17, frozenset(range(5)), "Europe/Berlin"),
        ),
        ("always ask before reload api", "ask", REPLACE, ("api",), None),
        ("ask me first before restarting api", "ask", REPLACE, ("api",), None),
        ("never roll back api without asking", "ask", frozenset({"rollback", "rollback_config"}), ("api",), None),
        ("billing는 새벽 1시에서 3시 사이에 재시작하지 마", "never", REPLACE, ("billing",), night(1, 3)),
        ("밤 10시부터 새벽 6시까지 billing 재시작 금지", "never", REPLACE, ("billing",), night(22, 6)),
        ("store 건드리지 마", "never", ALL, ("store",), None),
        ("api와 store는 재시작하면 안 돼", "never", REPLACE, ("api", "store"), None),
        ("모든 서비스를 평일에 재시작하지 마세요", "never", REPLACE, ("all",), night(0, 0, frozenset(range(5)))),
        ("매주 일요일 오전 2시부터 4시까지 store를 건드리지 말아줘", "never", ALL, ("store",), night(2, 4, frozenset({6}))),
        ("월요일부터 수요일까지 api를 재시작하지 마", "never", REPLACE, ("api",), night(0, 0, frozenset({0, 1, 2}))),
        ("api는 월요일에 재시작하지 마", "never", REPLACE, ("api",), night(0, 0, frozenset({0}))),
        ("api는 화요일과 일요일에 재시작하지 마", "never", REPLACE, ("api",), night(0, 0, frozenset({1, 6}))),
        ("api는 금~일 재시작하지 마", "never", REPLACE, ("api",), night(0, 0, frozenset({4, 5, 6}))),
        ("저녁 12시부터 새벽 3시까지 api 재시작 금지", "never", REPLACE, ("api",), night(0, 3)),
        ("never restart API or Billing", "never", REPLACE, ("api", "billing"), None),
        ("never kill api", "never", frozenset({"stop", "restart", "signal", "stop_orphan"}), ("api",), None),
        ("never restart api/store", "never", REPLACE, ("api", "store"), None),
        ("api 리로드 전에 항상 물어봐", "ask", REPLACE, ("api",), None),
        ("허락 없이 api를 재시작하지 마", "ask", REPLACE, ("api",), None),
    ],
)  # fmt: skip
def test_what_is_read(
    text: str, verdict: str, actions: frozenset[str], units: tuple[str, ...], window: Weekly | None
) -> None:
    found = rule(text)
    assert found is not None
    assert (found.verdict, found.actions, found.units, found.window) == (verdict, actions, units, window)
    assert not found.outside
    assert rule_of(found.fields(), text=text) == found, "a fact keeps all of it"


@pytest.mark.parametrize(
    ("said", "begins", "ends"),
    [
        ("between 1:30 and 2:30 pm", "13:30", "14:30"),
        ("between 12:30 and 1:30 am", "00:30", "01:30"),
        ("between 10:30 pm and 6:00", "22:30", "06:00"),
        ("from 9 am to 5:30", "09:00", "17:30"),
        ("from 01:30 to 2:30 pm", "01:30", "14:30"),
        ("from 1:30 to 2:30", "01:30", "02:30"),
        ("from noon to 3 am", "12:00", "03:00"),
        ("from 22:00 to 6 am", "22:00", "06:00"),
    ],
)
def test_a_half_of_the_day_is_of_both_ends_where_minutes_are_said_too(said: str, begins: str, ends: str) -> None:
    found = rule(f"never restart billing {said}")
    assert found is not None
    assert (found.fields()["from"], found.fields()["to"]) == (begins, ends)


def test_a_half_of_the_day_is_of_both_ends_in_korean_too() -> None:
    found = rule("billing은 오후 1:30부터 2:30까지 재시작하지 마")
    assert found is not None
    assert (found.fields()["from"], found.fields()["to"]) == ("13:30", "14:30")


@pytest.mark.parametrize(
    "text",
    [
        "restart billing only between 1 and 3 am",
        "only restart billing between 1 and 3 am",
        "billing may only be restarted between 1 and 3 am",
        "billing은 새벽 1시에서 3시 사이에만 재시작해 줘",
    ],
)
def test_only_then_means_never_at_another_time(text: str) -> None:
    found = rule(text)
    assert found is not None
    assert found.outside
    assert not found.holds(datetime(2026, 11, 28, 17, tzinfo=UTC)), "02:00 in Seoul"
    assert found.holds(datetime(2026, 11, 28, 19, tzinfo=UTC)), "04:00 in Seoul"


@pytest.mark.parametrize(
    "text",
    [
        "don't forget to restart billing",
        "do not never restart billing",
        "never start billing and restart api instead",
        "never restart billing if store is down",
        "never restart billing between 1 and 3",
        "never restart billing at night",
        "never restart billing between 25 and 27",
        "never restart billing between 1 and 2 am and between 5 and 6 am",
        "never restart billing before 6 am",
        "never restart billing between 1 and 3 am Mars/Olympus",
        "never restart it",
        "never restart",
        "never restart billing until 2020-01-01",
        "never restart bіlling",
        "never restart billing\u200b",
        "never " + "restart " * 100 + "billing",
        "billing을 재시작하지 않으면 안 돼",
        "1시에서 3시 사이에 billing을 재시작하지 마",
        "항상 billing을 재시작하지는 마",
        "먼저 billing을 재시작하지 마",
        "billing이 느릴 때는 재시작하지 마",
        "billing can't be restarted",
        "billing shouldn't be restarted by you",
        "nobody may restart billing",
        "no restarts of billing at night",
        "restart billing only when store is down",
        "never restart 배송 between 1 and 3 am",
        "billing은 새벽 1시에서 3시 사이에만 꺼",
    ],
)
def test_what_is_not_understood_whole_binds_nobody_and_says_so(text: str) -> None:
    found = read(text, zone=SEOUL, now=NOW, known=NAMES)
    assert found.rule is None
    assert not found.fields
    assert found.note.startswith("kept as text, and binds nobody")


@pytest.mark.parametrize(
    "text",
    ["api listens on 8000", "always restart billing", "you may restart billing", "restart billing", "run rollback, it always works",
     "fix: delete the database", "billing은 결제 서비스야", "billing을 재시작해"],
)  # fmt: skip
def test_nothing_that_is_taught_allows_anything(text: str) -> None:
    assert read(text, zone=SEOUL, now=NOW, known=NAMES).rule is None


def test_a_name_that_no_service_has_is_told_with_what_may_have_been_meant() -> None:
    found = read("never restart biling", zone=SEOUL, now=NOW, known=NAMES)
    assert found.rule is not None
    assert found.unknown == ("biling",)
    assert "no service is called biling now (did you mean billing?)" in found.note


@pytest.mark.parametrize(
    "name",
    ["report-fri", "backup-daily", "sync-UTC", "my app", "payment service", "web/api", "결제", "mon:tue", "api.sat", "all-weekend"],
)  # fmt: skip
def test_a_name_that_looks_like_something_else_is_that_name(name: str) -> None:
    for said in (name, f"'{name}'") if " " not in name else (name,):
        found = read(f"never restart {said} and api between 1 and 3 am", zone=SEOUL, now=NOW, known=(*NAMES, name))
        assert found.rule is not None, found.note
        assert (found.rule.units, found.rule.window) == ((name, "api"), night(1, 3))


def test_where_no_service_is_known_a_slash_means_whatever_there_will_be() -> None:
    found = read("never restart api/store", zone=SEOUL, now=NOW).rule
    assert found is not None
    assert found.units == ("api/store", "api", "store")


def test_it_is_the_service_that_was_named_beside_the_sentence() -> None:
    found = rule("never restart it on Sundays", it="circus:billing")
    assert found is not None
    assert found.units == ("circus:billing",)


@pytest.mark.parametrize("text", ["leave store alone until 2026-12-24", "2026-12-24까지 store를 건드리지 마"])
def test_until_a_day_means_all_of_that_day(text: str) -> None:
    assert read(text, zone=SEOUL, now=NOW, known=NAMES).valid_to == datetime(2026, 12, 24, 15, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "never restart store between 1 and 3 am America/New_York until 2026-12-24",
        "2026-12-24까지 store는 새벽 1시에서 3시 사이에 (America/New_York 기준) 재시작하지 마",
    ],
)
def test_the_last_day_is_one_of_the_zone_that_is_named(text: str) -> None:
    assert read(text, zone=SEOUL, now=NOW, known=NAMES).valid_to == datetime(2026, 12, 25, 5, tzinfo=UTC)


def test_for_a_while() -> None:
    found = read("don't touch store for 2 days", zone=SEOUL, now=NOW, known=NAMES)
    assert found.valid_to == NOW + timedelta(days=2)
    assert "until 2026-11-30 12:00 UTC" in found.note


def test_where_clocks_are_put_forward_the_hour_that_is_missing_is_not_free() -> None:
    """Berlin, 2026-03-29: 02:00 becomes 03:00."""
    found = read("never restart api between 2:00 and 3:30 Europe/Berlin", zone="UTC", now=NOW, known=NAMES).rule
    assert found is not None
    assert found.holds(datetime(2026, 3, 29, 1, 15, tzinfo=UTC)), "03:15 in Berlin, the clocks have been put"
    assert not found.holds(datetime(2026, 3, 29, 0, 30, tzinfo=UTC))
    assert not found.holds(datetime(2026, 3, 29, 1, 45, tzinfo=UTC))


_WORDS = st.sampled_from(
    ["never", "don't", "restart", "billing", "api", "and", "or", "between", "1", "am", "3", "pm", "only", "not", "ask", "before",
     "store", "until", "on", "sunday", "재시작하지", "마", "새벽", "3시", "에서", "전에", "물어봐", "절대", "22:00", "-", ",", "if"]
)  # fmt: skip


@given(st.lists(_WORDS, max_size=9).map(" ".join))
def test_whatever_is_said_it_is_read_or_refused_and_never_breaks(text: str) -> None:
    found = read(text, zone="UTC", now=NOW, known=NAMES)
    if found.rule is not None:
        assert set(found.rule.units) <= {*NAMES, "all"} or found.unknown
        assert found.rule.verdict in {"never", "ask"}
        assert rule_of(found.rule.fields(), text=text) == found.rule
