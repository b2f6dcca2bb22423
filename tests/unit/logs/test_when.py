"""What stamps leave open: their zone, their year, which number is the day."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opsagent_tools.logs.reading import LineReader

_NOW = datetime(2026, 11, 28, 18, 0, tzinfo=UTC).timestamp()


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self, now: float = _NOW) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now


def _reader(clock: Clock, offset_s: int = 0) -> LineReader:
    reader = LineReader(clock)
    reader.moments.offset_s = offset_s
    return reader


@pytest.mark.parametrize("ahead_h", [-8, 0, 1, 2, 5.5, 5.75, 13])
def test_a_stamp_from_the_future_shows_its_zone_at_once(ahead_h: float) -> None:
    clock = Clock()
    reader = _reader(clock, -12 * 3600)
    local = datetime.fromtimestamp(clock.now + ahead_h * 3600 - 0.4, UTC)
    event = reader.read(f"{local:%Y-%m-%d %H:%M:%S} INFO ready".encode())
    assert reader.offset_s == ahead_h * 3600
    assert reader.offset_inferred
    assert event.at == pytest.approx(clock.now, abs=1.5)


def test_a_zone_that_is_stated_is_believed() -> None:
    reader = _reader(Clock(), 7200)
    event = reader.read(b"2026-11-28T19:59:59+02:00 INFO ready")
    assert event.at == _NOW - 1
    assert not reader.offset_inferred


def test_old_lines_do_not_move_the_offset() -> None:
    reader = _reader(Clock())
    for minute in range(60):
        reader.read(f"2026-11-28 12:{minute:02}:00 INFO an old line".encode())
    assert reader.offset_s == 0


def test_after_the_change_to_winter_time_the_offset_follows() -> None:
    clock = Clock()
    reader = _reader(clock, 7200)
    for second in range(40):
        clock.now = _NOW + second
        local = datetime.fromtimestamp(clock.now + 3600, UTC)
        event = reader.read(f"{local:%Y-%m-%d %H:%M:%S} INFO ready".encode())
    assert reader.offset_s == 3600
    assert event.at == pytest.approx(clock.now, abs=1.5)


def test_the_last_line_of_a_file_and_its_mtime_show_the_zone() -> None:
    reader = _reader(Clock(), 0)
    assert reader.learn_offset(b"2026-11-02 03:00:00 INFO the last line", _NOW - 26 * 86_400 - 36_000 - 1800)
    assert reader.offset_s == -4.5 * 3600 or reader.offset_inferred
    assert not reader.learn_offset(b"2026-11-02T03:00:00Z INFO the last line", _NOW)
    assert not reader.learn_offset(b"no stamp at all", _NOW)


@pytest.mark.parametrize(
    ("line", "year"),
    [("Nov 28 17:00:00 web1 su: x", 2026), ("Dec 31 17:00:00 web1 su: x", 2025), ("Feb 29 17:00:00 web1 su: x", 2024)],
)
def test_a_year_that_is_not_stated_is_the_latest_that_is_past(line: str, year: int) -> None:
    at = _reader(Clock()).read(line.encode()).at
    assert at is not None
    assert datetime.fromtimestamp(at, UTC).year == year


def test_a_time_without_a_date_is_the_nearest() -> None:
    midnight = datetime(2026, 11, 28, 0, 0, 3, tzinfo=UTC).timestamp()
    at = _reader(Clock(midnight)).read(b"23:59:59.500 INFO late").at
    assert at == midnight - 3.5


@pytest.mark.parametrize(
    "stamp", ["31.10.2026 10:00:00", "10/31/2026 10:00:00", "31-10-2026 10:00:00", "26/10/31 10:00:00"]
)
def test_day_and_month_are_told_apart(stamp: str) -> None:
    at = _reader(Clock()).read(f"{stamp} INFO x".encode()).at
    assert at == datetime(2026, 10, 31, 10, tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    "line", ["2026-13-45 18:00:00 INFO x", "Feb 30 17:00:00 web1 su: x", "2026-11-28 99:99:99 INFO x"]
)
def test_a_stamp_of_no_moment_is_none(line: str) -> None:
    event = _reader(Clock()).read(line.encode())
    assert event.message == "x"


def test_lines_that_arrived_long_ago_are_of_then() -> None:
    reader = _reader(Clock())
    reader.arrive(datetime(2024, 1, 2, tzinfo=UTC).timestamp())
    at = reader.read(b"Dec 31 17:00:00 web1 su: x").at
    assert at == datetime(2023, 12, 31, 17, tzinfo=UTC).timestamp()
