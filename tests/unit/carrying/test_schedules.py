"""What is to be done later: confirmed with its moment, due once, missed rather than late; people's orders go before it."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opsagent.carrying.due import LATE_S, Facts, due, following, why_not
from opsagent.carrying.stored import from_stored
from opsagent.commands.reading import CommandStep
from opsagent.store.journal import Journal
from opsagent.store.schedules import HoldsSecret, ScheduleRow
from opsagent_tools.units import UnitId, UnitState
from tests.unit.carrying.conftest import Room

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)  # a Monday
RESTART = CommandStep(tool="restart", target="api", args={"at": "in 10m"})


def _row(**more: Any) -> ScheduleRow:
    given = {
        "id": "s1", "by": "kim", "text": "restart api", "language": "en", "steps": (), "units": (), "at_text": "03:00",
        "zone": "Europe/Berlin", "created_at": NOW, "next_at": NOW,
    }  # fmt: skip
    return ScheduleRow(**{**given, **more})


async def test_it_is_shown_with_its_moment_and_confirmed(room: Room) -> None:
    room.daemon = {"pid": 1}
    (shown, asked) = await room.carry(RESTART)
    assert (asked.kind, asked.code) == ("asked", 3)
    assert "in 10m" in shown.lines[0] or "in 9m" in shown.lines[0]
    (_, declined) = await room.carry(RESTART, says=False, agreed=True)  # a yes to `in 10m` is none to this moment
    assert declined.kind == "declined"
    with room.journal() as journal:
        assert journal.schedules() == ()
    (_, done) = await room.carry(RESTART, says=True, text="restart api in 10 minutes")
    with room.journal() as journal:
        (row,) = journal.schedules()
    assert done.data["schedule"]["id"] == row.id
    assert (row.by, row.at_text, row.state, row.text) == ("kim", "in 10m", "waiting", "restart api in 10 minutes")
    assert from_stored(row.steps) == (replace(RESTART, args={}),)
    assert row.units[0]["unit"]["name"] == "api"


async def test_without_a_daemon_nothing_is_promised(room: Room) -> None:
    (end,) = await room.carry(RESTART, agreed=True)
    assert (end.kind, end.rule, end.code) == ("refused", "no daemon", 1)
    assert "opsagent watch" in end.text


@pytest.mark.parametrize("step", [
    CommandStep(tool="rollback", target="api", args={"at": "03:00"}),
    CommandStep(tool="approve", args={"at": "03:00"}),
    CommandStep(tool="teach", args={"at": "03:00", "text": "x"}),
])  # fmt: skip
async def test_what_has_to_be_seen_first_is_not_done_later(room: Room, step: CommandStep) -> None:
    room.daemon = {"pid": 1}
    (end,) = await room.carry(step, agreed=True)
    assert (end.kind, end.rule) == ("refused", "not later")


async def test_a_time_that_has_passed_is_no_time(room: Room) -> None:
    room.daemon = {"pid": 1}
    (end,) = await room.carry(replace(RESTART, args={"at": "2020-01-01 03:00"}), agreed=True)
    assert (end.kind, end.code) == ("failed", 2)


def test_a_run_is_claimed_once(room: Room) -> None:
    with Journal.open(room.home) as journal:
        row = journal.add_schedule(
            by="kim", text="t", language="en", steps=[], units=[], at_text="03:00", zone="UTC", next_at=NOW
        )
        claims = [journal.claim_run(row.id, NOW) for _ in range(3)]
        assert [claim is not None for claim in claims] == [True, False, False]
        assert journal.end_run(row.id, "done", NOW + timedelta(days=1))
        assert journal.claim_run(row.id, NOW) is None  # that moment is over
        assert journal.claim_run(row.id, NOW + timedelta(days=1)) is not None
        journal.cancel_schedule(row.id, "lee")
        assert not journal.end_run(row.id, "done", NOW + timedelta(days=2))
        assert (journal.schedules(), journal.schedule(row.id).ended_by) == ((), "lee")
        with pytest.raises(LookupError):
            journal.cancel_schedule(row.id, "kim")


def test_what_holds_a_secret_is_not_kept(room: Room) -> None:
    steps = [{"tool": "hold", "target": "api", "args": {"why": "password=hunter2-the-secret"}}]
    with Journal.open(room.home) as journal, pytest.raises(HoldsSecret):
        journal.add_schedule(
            by="kim", text="t", language="en", steps=steps, units=[], at_text="03:00", zone="UTC", next_at=NOW
        )


def test_due_now_missed_or_not_yet() -> None:
    assert due(_row(next_at=NOW + timedelta(seconds=1)), NOW) == "not yet"
    assert due(_row(), NOW) == "now"
    assert due(_row(), NOW + timedelta(seconds=LATE_S)) == "now"
    assert due(_row(), NOW + timedelta(seconds=LATE_S + 1)) == "missed"
    assert due(_row(state="running"), NOW) == "not yet"


def test_what_comes_again_goes_on_from_the_moment_that_was_due() -> None:
    assert following(_row(), NOW) is None
    weekly = _row(at_text="every monday 03:00", next_at=datetime(2026, 5, 4, 1, 0, tzinfo=UTC))
    assert following(weekly, NOW) == datetime(2026, 5, 11, 1, 0, tzinfo=UTC)
    assert following(weekly, NOW + timedelta(days=30)) == datetime(2026, 6, 8, 1, 0, tzinfo=UTC)
    hourly = _row(at_text="every 2h", next_at=NOW)
    assert following(hourly, NOW + timedelta(minutes=5)) == NOW + timedelta(hours=2)
    assert following(_row(at_text="every blue moon 03:00"), NOW) is None


def test_an_hour_that_is_shown_twice_is_run_once() -> None:
    before = datetime(2026, 10, 25, 0, 30, tzinfo=UTC)  # 02:30 in Berlin, for the first time
    daily = _row(at_text="every day 02:30", next_at=before)
    assert following(daily, before + timedelta(minutes=1)) == datetime(2026, 10, 26, 1, 30, tzinfo=UTC)


WELL = Facts(there=True, state=UnitState.RUNNING)


@pytest.mark.parametrize(("facts", "says"), [
    (replace(WELL, paused="by kim"), "paused"),
    (replace(WELL, hold="migration"), "on hold"),
    (replace(WELL, maintenance="backup"), "maintenance"),
    (replace(WELL, deploy="by lee"), "deployed"),
    (replace(WELL, taught="never restart api"), "taught"),
    (replace(WELL, state=UnitState.STOPPED), "stopped it"),
    (replace(WELL, there=False), "no such service"),
    (replace(WELL, redeployed=True), "another release"),
])  # fmt: skip
def test_what_people_ordered_since_goes_before_it(facts: Facts, says: str) -> None:
    step = CommandStep(tool="restart", target="api")
    assert says in why_not(step, facts, again=False)
    assert why_not(step, WELL, again=False) == ""


def test_a_reload_may_bring_the_new_release_and_what_comes_again_is_about_the_service() -> None:
    redeployed = replace(WELL, redeployed=True)
    assert why_not(CommandStep(tool="reload", target="api"), redeployed, again=False) == ""
    assert why_not(CommandStep(tool="restart", target="api"), redeployed, again=True) == ""


def test_a_start_starts_what_is_stopped_and_an_order_is_no_change() -> None:
    assert why_not(CommandStep(tool="start", target="api"), replace(WELL, state=UnitState.STOPPED), again=False) == ""
    assert why_not(CommandStep(tool="resume"), replace(WELL, paused="by kim"), again=False) == ""
    assert why_not(CommandStep(tool="rollback", target="api"), WELL, again=False)


def test_a_unit_in_full_is_kept_as_it_is(room: Room) -> None:
    from opsagent.carrying.stored import to_stored

    full = str(UnitId("pm2", "api", "host.example.com"))
    steps = (CommandStep(tool="restart", target=full),)
    with Journal.open(room.home) as journal:
        row = journal.add_schedule(
            by="kim",
            text="t",
            language="en",
            steps=to_stored(steps),
            units=[],
            at_text="03:00",
            zone="UTC",
            next_at=NOW,
        )
    assert from_stored(row.steps) == steps
