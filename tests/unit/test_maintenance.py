"""Maintenance windows: when they are open, over both changes of clocks; whom they cover; what is wrong in config.toml."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.cli.checkup_maintenance import windows
from opsagent.cli.services import Running
from opsagent.config import ConfigError, parse
from opsagent.maintenance import BadWindow, Occurrence, Window, Windows, scheduled, weekly
from opsagent.naming import daemon_unit, host_unit
from opsagent.roster import unit_row
from opsagent.views.units import row
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId, UnitState

API = UnitId("pm2", "shop/api", "host")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def occurrence(begins: str, ends: str) -> Occurrence:
    return Occurrence(utc(begins), utc(ends))


BERLIN, NEW_YORK = "Europe/Berlin", "America/New_York"


@pytest.mark.parametrize(
    ("when", "zone", "now", "begins", "ends"),
    [
        # in Berlin 2026-03-29 02:00 becomes 03:00, and 2026-10-25 03:00 becomes 02:00
        ("Sun 01:00-04:00", BERLIN, "2026-03-28T12:00", "2026-03-29T00:00", "2026-03-29T02:00"),
        ("Sun 02:30-05:00", BERLIN, "2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29T03:00"),
        ("Sun 01:00-02:30", BERLIN, "2026-03-28T12:00", "2026-03-29T00:00", "2026-03-29T01:00"),
        ("Sun 02:15-02:45", BERLIN, "2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29T01:30"),
        ("Sun 01:00-04:00", BERLIN, "2026-10-24T12:00", "2026-10-24T23:00", "2026-10-25T03:00"),
        ("Sun 02:15-02:45", BERLIN, "2026-10-24T12:00", "2026-10-25T00:15", "2026-10-25T01:45"),
        ("Sun 03:00-04:00", BERLIN, "2026-10-24T12:00", "2026-10-25T02:00", "2026-10-25T03:00"),
        # the same in New York, where it is 2026-03-08 and 2026-11-01
        ("Sun 02:00-04:00", NEW_YORK, "2026-03-07T12:00", "2026-03-08T07:00", "2026-03-08T08:00"),
        ("Sun 01:30-02:30", NEW_YORK, "2026-10-31T12:00", "2026-11-01T05:30", "2026-11-01T07:30"),
        # an ordinary week
        ("Mon-Fri 22:00-02:00", "UTC", "2026-06-05T23:00", "2026-06-05T22:00", "2026-06-06T02:00"),
        ("Mon-Fri 22:00-02:00", "UTC", "2026-06-06T01:59", "2026-06-05T22:00", "2026-06-06T02:00"),
        ("Mon-Fri 22:00-02:00", "UTC", "2026-06-06T02:00", "2026-06-08T22:00", "2026-06-09T02:00"),
        ("Sat, Wed 03:00-03:30", "UTC", "2026-06-03T03:30", "2026-06-06T03:00", "2026-06-06T03:30"),
        ("Fri-Mon 00:00-24:00", "UTC", "2026-06-09T00:00", "2026-06-12T00:00", "2026-06-13T00:00"),
        ("sunday 10:00 - 11:00", "UTC", "2026-06-07T11:00", "2026-06-14T10:00", "2026-06-14T11:00"),
        ("03:00-03:30", "Asia/Seoul", "2026-06-01T12:00", "2026-06-01T18:00", "2026-06-01T18:30"),
        ("daily 23:59-00:01", "UTC", "2026-06-01T00:00", "2026-05-31T23:59", "2026-06-01T00:01"),
    ],
)
def test_weekdays_and_times_of_day(when: str, zone: str, now: str, begins: str, ends: str) -> None:
    assert weekly(when, zone).following(utc(now)) == occurrence(begins, ends)


@pytest.mark.parametrize(
    ("cron", "zone", "now", "begins", "ends"),
    [
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", "2026-03-29T01:00", "2026-03-29T03:00"),
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", "2026-10-25T00:30", "2026-10-25T02:30"),
        ("0 2 * * 0", "UTC", "2026-06-07T02:30", "2026-06-07T02:00", "2026-06-07T04:00"),
        ("0 2 * * 0", "UTC", "2026-06-07T04:00", "2026-06-14T02:00", "2026-06-14T04:00"),
        ("0 23 1 * *", "UTC", "2026-06-02T00:59", "2026-06-01T23:00", "2026-06-02T01:00"),
    ],
)
def test_cron_and_a_duration(cron: str, zone: str, now: str, begins: str, ends: str) -> None:
    window = scheduled(cron, zone, timedelta(hours=2), utc(now))
    assert window.following(utc(now)) == occurrence(begins, ends)


@pytest.mark.parametrize("text", ["Sun 02:00", "Sun 25:00-26:00", "Sun 02:60-03:00", "Xun 02:00-03:00", "02:00-02:00"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(BadWindow):
        weekly(text, "UTC")


def sunday(*units: str, why: str = "backup") -> Window:
    return Window(units=units, when=weekly("Sun 02:00-04:00", "UTC"), why=why)


OPEN, SHUT = utc("2026-06-07T03:00"), utc("2026-06-07T04:00")


@pytest.mark.parametrize(
    ("name", "unit", "covered"),
    [
        ("shop/api", API, True),
        ("api", API, True),
        ("pm2:shop/api", API, True),
        ("pm2:shop/api@host", API, True),
        ("pm2", API, False),
        ("web", API, False),
        ("pm2", daemon_unit("pm2"), True),
        ("all", API, True),
        ("all", host_unit(), True),
        ("all", daemon_unit("circus"), True),
    ],
)
def test_a_window_covers_whom_it_names(name: str, unit: UnitId, covered: bool) -> None:
    world = World()
    world.maintenance = Windows([sunday(name)])
    assert world.in_maintenance(unit, OPEN) == ("backup" if covered else "")
    assert world.in_maintenance(unit, SHUT) == ""


def test_of_several_open_ones_the_longest_counts_and_all_are_named() -> None:
    longer = Window(units=("all",), when=weekly("Sun 03:00-05:00", "UTC"), why="moving the disk")
    windows = Windows([sunday("api"), longer, sunday("web")])
    assert windows.open_for(API, OPEN) == ("backup, moving the disk", utc("2026-06-07T05:00"))
    assert windows.open_for(UnitId("pm2", "cron", "host"), utc("2026-06-07T02:30")) is None
    assert Windows([sunday("api", why="")]).open_for(API, OPEN) == ("no reason given", SHUT)


def test_a_clock_that_is_put_back_is_believed() -> None:
    windows = Windows([sunday("all")])
    assert windows.open_for(API, SHUT + timedelta(days=30)) is None
    assert windows.open_for(API, OPEN) is not None
    assert windows.open_for(API, OPEN - timedelta(days=7)) is not None


def written(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text)
    return path


def test_windows_are_read(tmp_path: Path) -> None:
    text = """
[[maintenance]]
units = ["api", "pm2:web"]
when = "Sun 02:00-04:00"
zone = "Europe/Berlin"
why = "backup"

[[maintenance]]
units = "all"
when = "0 3 1 * *"
duration = "90m"
zone = "UTC"
"""
    first, second = parse(written(tmp_path, text)).maintenance
    assert (first.units, first.why) == (("api", "pm2:web"), "backup")
    assert first.when.following(utc("2026-06-06T12:00")) == occurrence("2026-06-07T00:00", "2026-06-07T02:00")
    assert second.when.following(utc("2026-06-02T12:00")) == occurrence("2026-07-01T03:00", "2026-07-01T04:30")
    assert parse(written(tmp_path, "")).maintenance == ()


def test_a_reason_is_shown_in_many_places_and_holds_no_secret(tmp_path: Path) -> None:
    (window,) = parse(written(tmp_path, GOOD + 'why = "psql postgres://me:hunter2@db/x"\n')).maintenance
    assert "hunter2" not in window.why
    assert window.why.startswith("psql")


GOOD = '[[maintenance]]\nunits = "all"\nwhen = "Sun 02:00-04:00"\n'


@pytest.mark.parametrize(
    ("text", "place", "problem", "line"),
    [
        ('[maintenance]\nunits = "all"\n', "maintenance", "must be tables", 1),
        (GOOD + "[[maintenance]]\nunit = 1\n", "maintenance[2].unit", "unknown key", 5),
        (GOOD + '[[maintenance]]\nunits = "all"\n', "maintenance[2]", "has no when", 4),
        ('[[maintenance]]\nunits = "api"\nwhen = "Sun 02:00-04:00"\n', "maintenance[1].units", "must be a list", 2),
        ('[[maintenance]]\nunits = []\nwhen = "Sun 02:00-04:00"\n', "maintenance[1].units", "names nobody", 2),
        (GOOD + 'zone = "Mars/Olympus"\n', "maintenance[1].zone", "no time zone", 4),
        (GOOD + 'duration = "2h"\n', "maintenance[1].duration", "has no part", 4),
        ('[[maintenance]]\nunits = "all"\nwhen = "0 2 * * 0"\n', "maintenance[1].when", "no duration", 3),
        ('[[maintenance]]\nunits = "all"\nwhen = "at night"\nduration = "2h"\n', "maintenance[1].when", "schedule", 3),
        ('[[maintenance]]\nunits = "all"\nwhen = "Sun 2-4:00"\n', "maintenance[1].when", "no window", 3),
        ('[[maintenance]]\nunits = "all"\nwhen = "Mon- 02:00-04:00"\n', "maintenance[1].when", "no day", 3),
        ('[[maintenance]]\nunits = "all"\nwhen = "Sun 2-4"\n', "maintenance[1].when", '"Sun 02:00-04:00"', 3),
        ('[[maintenance]]\nunits = "all"\nwhen = "0 2 * * 0"\nduration = "x"\n', "maintenance[1].duration", "'x'", 4),
        ('[[maintenance]]\nunits = "all"\nwhen = "0 2 * * 0"\nduration = "99d"\n', "maintenance[1].duration", "14", 4),
        (GOOD + "why = 7\n", "maintenance[1].why", "must be a string", 4),
        ("maintenance = [1]\n", "maintenance[1]", "must be a table", 1),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, place: str, problem: str, line: int, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as told:
        parse(written(tmp_path, text))
    said = str(told.value)
    assert place in said
    assert problem in said
    assert f"(line {line})" in said
    assert "\n" not in said


def test_a_unit_in_a_window_says_so_in_the_table() -> None:
    unit = Unit(id=API, state=UnitState.RUNNING)
    drawn = row(unit_row(unit, live={"maintenance": "backup"}))
    assert drawn[-1].text == "maintenance: backup"
    assert row(unit_row(unit))[-1].text == ""


def test_doctor_says_when_the_next_one_opens_and_which_names_mean_nobody() -> None:
    units = (Unit(id=API, state=UnitState.RUNNING),)
    running = Running(engine_running=False, engine_pid=None, units=units, specs=())
    configured = (sunday("api", "apii", "all"), sunday("pm2"))
    found = list(windows(configured, running, OPEN))
    assert [(one.level, one.detail) for one in found] == [
        ("ok", "2 windows; open until 2026-06-07 04:00:00Z"),
        ("note", "[[maintenance]] names 'apii', which is no service here now"),
        ("note", "[[maintenance]] names 'pm2', which is no service here now"),
    ]
    (later, *_) = windows(configured, running, SHUT)
    assert later.detail == "2 windows; the next opens 2026-06-14 02:00:00Z"
    assert list(windows((), running)) == []
