"""From the journal to people: grouped, once, through quiet hours and failures, and across the agent's death."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.egress import Sent
from opsagent.maintenance import weekly
from opsagent.model import Fault, Incident
from opsagent.notify_settings import Channel, Notify
from opsagent.quiet import QuietHours
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.store.outbox import SENDING
from opsagent.telling.courier import Courier
from opsagent.telling.snooze import SNOOZED
from opsagent_tools.units import UnitId
from tests.support.inbox import inbox
from tests.support.waiting import eventually

NOW = datetime(2026, 3, 2, 3, 0, tzinfo=UTC)
TEAM = Channel(name="team", url_file="team.url", hosts=("127.0.0.1",), what=("escalations", "repaired", "approvals"))


class Clock:
    now = NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, **span: float) -> None:
        self.now += timedelta(**span)


class Post:
    """Stands for the network where it is not the matter."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.ok = True
        self.came = asyncio.Event()

    async def __call__(self, url: str, *, title: str, body: str, **_: Any) -> Sent:
        self.sent.append((title, body))
        self.came.set()
        return Sent(ok=self.ok, where="json here", size=len(body), why="" if self.ok else "refused")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def journal(tmp_path: Path, clock: Clock) -> Iterator[Journal]:
    (tmp_path / "team.url").write_text("json://127.0.0.1:1/\n")
    (tmp_path / "team.url").chmod(0o600)
    with Journal.open(f"sqlite:///{tmp_path / 'j.db'}", clock=clock) as opened:
        yield opened


def courier(journal: Journal, clock: Clock, tmp_path: Path, post: Post, **more: Any) -> Courier:
    notify = Notify(channels=(TEAM,), zone="UTC", group_s=5.0, **more)
    return Courier(journal, notify, folder=tmp_path, send=post, clock=clock)


def called(journal: Journal, clock: Clock, name: str, unit: str = "web", fault: Fault = Fault.HANG) -> None:
    """A person is called for an incident."""
    incident = Incident(
        id=name,
        fault=fault,
        unit=UnitId("circus", unit, "box"),
        opened_at=clock(),
        began_at=clock(),
        summary="it hangs",
    )
    journal.open_incident(incident)
    journal.set_incident(name, status="escalated", outcome="escalated")
    journal.add_event(name, "escalated", "nothing helps", at=clock())


async def test_what_comes_together_is_one_message_and_none_comes_twice(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    post = Post()
    desk = courier(journal, clock, tmp_path, post)
    called(journal, clock, "inc-1")
    assert await desk.look() == 0, "others may come with it"
    called(journal, clock, "inc-2", unit="api")
    clock.go(seconds=6)
    assert await desk.look() == 2
    ((title, body),) = post.sent
    assert title == "2 messages: needs a person"
    assert "web: hang needs a person" in body
    assert "api: hang needs a person" in body
    for _ in range(3):
        clock.go(minutes=1)
        assert await courier(journal, clock, tmp_path, post).look() == 0, "the next life knows what was told"
    assert [(row.ok, row.where) for row in journal.egress()] == [(True, "json here")]
    journal.set_incident("inc-1", status="resolved", resolved_at=clock())
    clock.go(seconds=1)
    await desk.look()
    clock.go(seconds=6)
    assert await desk.look() == 1
    assert post.sent[-1][0] == "web: hang is over"


async def test_what_cannot_be_sent_is_tried_again_and_blocks_nobody(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    post = Post()
    post.ok = False
    desk = courier(journal, clock, tmp_path, post)
    called(journal, clock, "inc-1")
    await desk.look()
    clock.go(seconds=6)
    assert await desk.look() == 0
    assert await desk.look() == 0
    assert len(post.sent) == 1, "not before it is time"
    clock.go(seconds=6)
    post.ok = True
    assert await desk.look() == 1
    assert [row.ok for row in journal.egress()] == [True, False]


async def test_nothing_is_lost_where_no_process_can_be_started_or_the_end_cannot_be_written(
    journal: Journal, clock: Clock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    post = Post()
    desk = courier(journal, clock, tmp_path, post)

    async def none_left(*_: Any, **__: Any) -> Sent:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    def full(*_: Any, **__: Any) -> None:
        raise StoreError("the disk is full")

    called(journal, clock, "inc-1")
    await desk.look()
    clock.go(seconds=6)
    monkeypatch.setattr(desk, "_send", none_left)
    assert await desk.look() == 0
    clock.go(seconds=6)
    monkeypatch.setattr(desk, "_send", post)
    with monkeypatch.context() as patch:
        patch.setattr(journal, "settle_messages", full)
        with pytest.raises(StoreError):
            await desk.look()
    assert len(post.sent) == 1
    clock.go(seconds=6)
    assert await desk.look() == 0
    assert [one.sent for one in journal.messages(waiting=False)] == [True], "noted when it can be; not sent again"
    assert len(post.sent) == 1


async def test_what_may_have_arrived_is_said_to(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    post = Post()
    post.ok = False
    desk = courier(journal, clock, tmp_path, post)
    called(journal, clock, "inc-1")
    for _ in range(3):
        await desk.look()
        clock.go(seconds=21)
    assert ["may have reached you" in body for _, body in post.sent] == [False, True]


async def test_snooze_is_silence_until_another_fault_and_ack_ends_reminders(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    post = Post()
    desk = courier(journal, clock, tmp_path, post, remind_s=600.0)
    called(journal, clock, "inc-1")
    journal.watch_incident("inc-1", "snooze", "ann", until=clock() + timedelta(hours=3))
    journal.add_event("inc-1", SNOOZED, "snoozed", {"affected": 0}, by="ann")
    for _ in range(3):
        clock.go(minutes=20)
        assert await desk.look() == 0
    called(journal, clock, "inc-2", fault=Fault.CRASH)
    await desk.look()
    clock.go(seconds=6)
    assert await desk.look() == 2
    assert journal.watches() == ()
    assert "it has another fault" in [event.text for event in journal.events("inc-1")][-1]
    for name in ("inc-1", "inc-2"):
        journal.watch_incident(name, "ack", "ann")
    clock.go(hours=5)
    assert await desk.look() == 0


async def test_a_snooze_of_a_week_lasts_a_week_though_what_it_is_about_ended_at_once(
    journal: Journal, clock: Clock, tmp_path: Path
) -> None:
    post = Post()
    desk = courier(journal, clock, tmp_path, post)
    called(journal, clock, "inc-1")
    journal.watch_incident("inc-1", "snooze", "ann", until=clock() + timedelta(days=7))
    journal.add_event("inc-1", SNOOZED, "snoozed", {"affected": 0}, by="ann")
    clock.go(minutes=5)
    journal.set_incident("inc-1", status="resolved", outcome="recovered", resolved_at=clock())
    clock.go(days=5)
    called(journal, clock, "inc-2")
    await desk.look()
    clock.go(minutes=1)
    assert await desk.look() == 0, "the same trouble came back"
    clock.go(days=2)
    await desk.look()
    clock.go(minutes=1)
    assert await desk.look() == 1
    assert "its time is over" in [event.text for event in journal.events("inc-1")][-1]


async def test_in_quiet_hours_only_what_is_urgent_comes_through(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    post = Post()
    hours = QuietHours(weekly("22:00-07:00", "UTC"))
    notify = Notify(channels=(TEAM,), zone="UTC", group_s=0.0)
    desk = Courier(journal, notify, folder=tmp_path, send=post, clock=clock, quiet=lambda: hours)
    called(journal, clock, "inc-1")
    called(journal, clock, "inc-2", unit="api")
    journal.set_incident("inc-2", status="resolved", outcome="repaired", remedy="hang/restart", resolved_at=clock())
    assert await desk.look() == 1
    assert post.sent[0][0] == "web: hang needs a person"
    clock.now = NOW.replace(hour=7, minute=1)
    assert await desk.look() >= 1
    assert "api: hang repaired" in [title for title, _ in post.sent]


async def test_a_file_is_a_channel_that_needs_no_network(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    local = Channel(name="local", file="told.txt", language="ko", zone="Asia/Seoul")
    desk = Courier(journal, Notify(channels=(local,), group_s=0.0), folder=tmp_path, clock=clock)
    called(journal, clock, "inc-1")
    assert await desk.look() == 1
    text = (tmp_path / "told.txt").read_text()
    assert "web: 응답 없음, 사람의 조치 필요" in text
    assert "2026-03-02 12:00:00 KST" in text
    assert (tmp_path / "told.txt").stat().st_mode & 0o777 == 0o600
    assert journal.egress() == (), "it left nothing"
    (tmp_path / "told.txt").unlink()
    (tmp_path / "told.txt").symlink_to(tmp_path / "elsewhere")
    called(journal, clock, "inc-2", unit="api")
    assert await desk.look() == 0
    assert not (tmp_path / "elsewhere").exists()


_LIFE = """
import asyncio, sys
from pathlib import Path
from opsagent.notify_settings import Channel, Notify
from opsagent.store.journal import Journal
from opsagent.telling.courier import Courier
folder = Path(sys.argv[1])
channel = Channel(name="team", url_file="team.url", hosts=("127.0.0.1",), what=("escalations", "repaired"))
with Journal.open(f"sqlite:///{folder / 'j.db'}") as journal:
    desk = Courier(journal, Notify(channels=(channel,), zone="UTC", group_s=0.0), folder=folder)
    desk.recover()
    print(asyncio.run(desk.look()))
"""


def test_killed_between_sending_and_noting_it_is_sent_once_more_and_says_so(tmp_path: Path) -> None:
    def live() -> subprocess.Popen[str]:
        command = [sys.executable, "-c", _LIFE, str(tmp_path)]
        return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)

    with inbox() as box, Journal.open(f"sqlite:///{tmp_path / 'j.db'}") as journal:
        (tmp_path / "team.url").write_text(box.url)
        (tmp_path / "team.url").chmod(0o600)
        now: Any = lambda: datetime.now(UTC)  # noqa: E731
        called(journal, now, "inc-1")
        called(journal, now, "inc-2", unit="api")
        journal.set_incident("inc-2", status="resolved", outcome="repaired", remedy="x/y", resolved_at=now())
        first = live()
        box.on_arrival = lambda: os.kill(first.pid, signal.SIGKILL) if first.poll() is None else None
        first.communicate(timeout=30)
        assert first.returncode == -signal.SIGKILL
        assert SENDING in [one.error for one in journal.messages()]
        eventually(lambda: len(box.arrived) == 1)
        box.on_arrival = None
        second = live()
        second.communicate(timeout=30)
        assert second.returncode == 0
        calls = [one for one in box.arrived if "needs a person" in one["title"]]
        assert [("may have reached you" in one["message"]) for one in calls] == [False, True]
        others = [one for one in box.arrived if "repaired" in one["title"]]
        assert len(others) == 1
        assert any("may have arrived" in row.why for row in journal.egress()), (
            "the ledger does not miss what was cut off"
        )
        assert journal.messages() == ()
        assert journal.verify().ok


async def test_it_runs_beside_and_ends_when_it_is_told_to(journal: Journal, clock: Clock, tmp_path: Path) -> None:
    post = Post()
    called(journal, clock, "inc-1")
    notify = Notify(channels=(TEAM,), zone="UTC", group_s=0.0)
    task = asyncio.create_task(Courier(journal, notify, folder=tmp_path, send=post, clock=clock).run())
    await asyncio.wait_for(post.came.wait(), 10)
    task.cancel()
    assert await asyncio.gather(task, return_exceptions=True)
