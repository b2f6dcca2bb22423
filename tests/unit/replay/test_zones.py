"""Which moment a time without an offset means."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from opsagent_tools.logs.zones import Zone, infer

BERLIN = ZoneInfo("Europe/Berlin")


def wall(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


def utc(text: str) -> float:
    return wall(text)


@pytest.mark.parametrize(
    ("last", "written", "offset", "why"),
    [
        ("2026-07-01T12:00:00", "2026-07-01T12:00:01", "+00:00", "file"),
        ("2026-07-01T21:00:00", "2026-07-01T12:00:00", "+09:00", "file"),
        ("2026-07-01T06:30:00", "2026-07-01T12:00:01", "-05:30", "file"),
        ("2026-07-01T14:00:00", "2026-07-01T12:03:00", "+02:00", "file"),  # the machine's own zone may be late
        ("2026-07-01T15:00:00", "2026-07-01T12:00:40", "+02:00", "machine"),  # another one may not: a copied file
        ("2026-07-09T12:00:00", "2026-07-01T12:00:00", "+02:00", "machine"),  # no clock is a week ahead
    ],
)
def test_the_offset_follows_from_when_the_file_was_written(last: str, written: str, offset: str, why: str) -> None:
    zone = infer(wall(last), utc(written), BERLIN)
    assert (zone.describe(utc(written)), zone.said_by) == (offset, why)


def test_a_log_over_the_end_of_summer_time_never_goes_back() -> None:
    """In the hour that comes twice, times go back by an hour on the wall, and on in truth."""
    zone = infer(wall("2026-10-26T08:00:00"), utc("2026-10-26T07:00:00"), BERLIN)
    walls = ["2026-10-25T01:59:59", "2026-10-25T02:30:00", "2026-10-25T02:59:59", "2026-10-25T02:00:00",
             "2026-10-25T02:30:00", "2026-10-25T03:00:00"]  # fmt: skip
    found, before = [], None
    for text in walls:
        before = zone.epoch(wall(text), before)
        found.append(before)
    assert found == sorted(found)
    assert [at - found[0] for at in found] == [0, 1801, 3600, 3601, 5401, 7201]


def test_a_log_over_the_beginning_of_summer_time_has_no_gap() -> None:
    zone = Zone(BERLIN, "machine")
    before, after = zone.epoch(wall("2026-03-29T01:59:59")), zone.epoch(wall("2026-03-29T03:00:00"))
    assert after - before == 1


def test_without_any_time_it_is_the_machines_zone() -> None:
    assert infer(None, 0.0, BERLIN).said_by == "machine"


@pytest.mark.parametrize("named", ["EST5EDT,M3.2.0,M11.1.0", "no/such_zone", "../../etc/passwd", "Europe", ":"])
def test_whatever_the_environment_calls_the_zone_there_is_one(monkeypatch: pytest.MonkeyPatch, named: str) -> None:
    monkeypatch.setenv("TZ", named)
    assert infer(None, 0.0).epoch(1_790_000_000.0) > 0
