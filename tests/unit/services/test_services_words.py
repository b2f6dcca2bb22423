"""Dates, schedules and patterns that a person writes into a file that describes services."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from opsagent_tools.services.dateformat import date_format
from opsagent_tools.services.patterns import Ignored
from opsagent_tools.services.schedule import BadSchedule, machine_zone, next_due

SLOWLY = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])

AT = datetime(2026, 3, 7, 15, 4, 9, 45_678, tzinfo=timezone(timedelta(hours=-3, minutes=-30)))


@pytest.mark.parametrize(
    ("form", "written"),
    [
        ("YYYY-MM-DD HH:mm:ss.SSS Z", "2026-03-07 15:04:09.045 -03:30"),
        ("YY/M/D h:m:s A ZZ", "26/3/7 3:4:9 PM -0330"),
        ("dddd, D MMMM YYYY", "Saturday, 7 March 2026"),
        ("ddd dd d MMM hh a", "Sat Sa 6 Mar 03 pm"),
        ("YYYY-MM-DDTHH:mm:ss", "2026-03-07T15:04:09"),
        ("[at] H[h] [DD]", "at 15h DD"),
        ("", ""),
    ],
)
def test_a_date_is_written_as_day_js_writes_it(form: str, written: str) -> None:
    assert date_format(form)(AT) == written


@pytest.mark.parametrize(("form", "problem"), [("Q", "'Q'"), ("[a", "not closed"), ("yyyy", "'y'"), ("SS", "no part")])
def test_what_is_no_part_of_a_date_is_an_error(form: str, problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("[", r"\[")):
        date_format(form)(AT)


@SLOWLY
@given(st.datetimes(timezones=st.just(UTC)))
def test_what_was_written_says_when_it_was(at: datetime) -> None:
    text = date_format("YYYY-MM-DD HH:mm:ss")(at)

    assert text == at.strftime("%Y").zfill(4) + at.strftime("-%m-%d %H:%M:%S")


@pytest.mark.parametrize(
    ("expression", "zone", "after", "due"),
    [
        ("0 3 * * *", "UTC", "2026-01-01T02:59:59", "2026-01-01T03:00:00"),
        ("*/15 * * * *", "UTC", "2026-01-01T00:15:00", "2026-01-01T00:30:00"),
        ("30 * * * * *", "UTC", "2026-01-01T00:00:31", "2026-01-01T00:01:30"),
        ("0 3 * * *", "Europe/Berlin", "2026-07-01T00:00:00", "2026-07-01T01:00:00"),
        ("0 3 * * 1", "Asia/Seoul", "2026-01-01T00:00:00", "2026-01-04T18:00:00"),
        ("30 2 * * *", "Europe/Berlin", "2026-03-29T00:00:00", "2026-03-29T01:00:00"),
    ],
)
def test_a_schedule_is_due_in_its_zone(expression: str, zone: str, after: str, due: str) -> None:
    found = next_due(expression, zone, datetime.fromisoformat(after).replace(tzinfo=UTC))

    assert found == datetime.fromisoformat(due).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    "expression", ["", "x", "* * *", "60 * * * *", "0 0 30 2 *", "* * * * * * *", "\N{SNOWMAN} * * * *"]
)
def test_what_is_no_schedule_is_an_error(expression: str) -> None:
    with pytest.raises(BadSchedule):
        next_due(expression, "UTC", AT)


def test_the_machine_has_a_zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", ":Asia/Seoul")
    assert machine_zone() == "Asia/Seoul"
    monkeypatch.setenv("TZ", "nonsense")
    assert machine_zone()
    with pytest.raises(BadSchedule, match="is no time zone"):
        next_due("* * * * *", "../etc/passwd", AT)


@SLOWLY
@given(st.text(max_size=20), st.sampled_from(["UTC", "Europe/Berlin"]))
def test_any_text_is_a_schedule_that_is_due_later_or_none(expression: str, zone: str) -> None:
    try:
        assert next_due(expression, zone, AT) > AT
    except BadSchedule as error:
        assert str(error)  # noqa: PT017  # both ends are right


@pytest.mark.parametrize(
    ("patterns", "path", "ignored"),
    [
        ((), ".git/config", True),
        ((), "src/.x", True),
        ((), "node_modules/a/b.js", True),
        ((), "src/a.js", False),
        ((), "src/a.b.js", False),
        (("logs",), "logs/a", True),
        (("logs",), "logs", True),
        (("logs",), "src/logs/a", False),
        (("./logs/",), "logs/a", True),
        (("*.tmp",), "a.tmp", True),
        (("*.tmp",), "src/a.tmp", False),
        (("**/*.tmp",), "src/deep/a.tmp", True),
        (("src/**",), "src/a/b", True),
        (("src/**/*.js",), "src/a.js", True),
        (("a?.[jt]s",), "ab.ts", True),
        (("a?.[!j]s",), "ab.js", False),
        (("*.{log,tmp}",), "x.log", True),
        (("*.{log,tmp}",), "x.js", False),
        (("a+(b)",), "a+(b)", True),
        (("/elsewhere",), "elsewhere", False),
        (("logs",), ".git/x", False),
    ],
)
def test_which_changes_do_not_count(patterns: tuple[str, ...], path: str, ignored: bool) -> None:
    assert Ignored(patterns, Path("/srv/.app"))(f"/srv/.app/{path}") is ignored


@pytest.mark.parametrize("pattern", ["", "\0", "x" * 1025, "*" * 9])
def test_a_pattern_that_cannot_be_used_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match=r"is empty|longer than"):
        Ignored([pattern], Path("/srv"))


@SLOWLY
@given(st.text(alphabet="ab*?[]{},!-/.\\", min_size=1, max_size=12), st.text(alphabet="ab/.", max_size=12))
def test_any_pattern_is_compared_or_refused(pattern: str, path: str) -> None:
    try:
        found = Ignored([pattern], Path("/srv"))
    except ValueError:
        return
    assert found(f"/srv/{path}") in (True, False)
