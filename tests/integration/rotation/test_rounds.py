"""The agent's round over logs: what is due is rotated as far as the mode lets it, and said once where it does not."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.act import Actor
from opsagent.check import Checker
from opsagent.hands import Hands
from opsagent.locks import GroupLocks
from opsagent.log_policy import ROTATE, LogPolicy
from opsagent.log_rounds import LogRounds
from opsagent.policy import Policy
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.logs import rotate_archives
from opsagent_tools.logs.rotate_archives import archives
from opsagent_tools.logs.rotate_place import Place
from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.fake import FakeSupervisor
from opsagent_tools.units import Process, Unit, UnitId, UnitState
from tests.support.waiting import eventually
from tests.unit.logs.rotating import Writer, everything, numbers, writing

OWN = frozenset({os.geteuid()})
API = UnitId.local("fake", "api")


class OneService(FakeSupervisor):
    """A supervisor of one service, whose process and log are real."""

    def __init__(self, spec: ServiceSpec, log: Path, writer: Writer) -> None:
        super().__init__((spec,))
        self.log, self.writer = log, writer
        self.state = UnitState.RUNNING

    async def describe(self, unit: UnitId) -> Unit:
        keys = [key for pid in self.writer.pids if (key := key_of(pid)) is not None]
        found = await super().describe(unit)
        return replace(
            found,
            state=self.state,
            processes=tuple(Process(key=key) for key in keys),
            logs=(self.log,),
            uid=os.geteuid(),
        )

    async def list(self) -> list[Unit]:
        return [await self.describe(API)]


class Round:
    """The round, a clock and a calendar that a test sets, and what was said."""

    def __init__(self, folder: Path, journal: Journal, writer: Writer, log: Path) -> None:
        spec = ServiceSpec(name="api", command=("api",), cwd=folder)
        self.journal, self.log, self.writer = journal, log, writer
        self.supervisor = OneService(spec, log, writer)
        supervisors = {"fake": self.supervisor}
        self.world = World((spec,))
        self.policy, self.logs = Policy(mode="auto"), LogPolicy(max_size=200_000)
        self.now, self.day = 1000.0, datetime.now(UTC).date()
        checker = Checker(supervisors, self.world)
        situations = Situations(journal=journal, checker=checker, world=self.world, policy=lambda: self.policy)
        timeline = Timeline(journal)
        self.said: list[str] = []
        timeline.tell = self._tell  # type: ignore[method-assign]
        hands = Hands(supervisors, checker, last_good_dir=folder)
        actor = Actor(hands=hands, checker=checker, situations=situations, journal=journal, policy=lambda: self.policy)
        self.rounds = LogRounds(
            supervisors=supervisors,
            world=self.world,
            actor=actor,
            situations=situations,
            journal=journal,
            timeline=timeline,
            locks=GroupLocks(self.world),
            policy=lambda: self.policy,
            logs=lambda: self.logs,
            clock=lambda: self.now,
            today=self._today,
        )

    def _today(self) -> date:
        return self.day

    async def _tell(self, kind: str, text: str, **_: Any) -> None:
        self.said.append(f"{kind}: {text}")

    async def go(self, *, after_s: float = 0.0) -> None:
        self.now += after_s
        self.world.replace_units("fake", await self.supervisor.list())
        await self.rounds.go()

    def archives(self) -> list[str]:
        with Place.open(self.log, OWN) as place:
            return [one.name for one in archives(place)]

    def grow(self) -> None:
        eventually(lambda: self.log.stat().st_blocks * 512 > self.logs.max_size, why="the log is due")


@pytest.fixture
async def due(tmp_path: Path) -> AsyncIterator[Round]:
    """A service that writes a log as fast as it can, which is due."""
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    folder = tmp_path / "logs"
    folder.mkdir()
    with writing(folder / "api.log") as writer:
        found = Round(tmp_path, journal, writer, folder / "api.log")
        found.grow()
        yield found
    journal.close()


async def test_a_log_that_is_due_is_rotated_and_every_line_is_kept(due: Round) -> None:
    for _ in range(3):
        due.grow()
        await due.go(after_s=61)
    count = due.writer.end()
    assert len(due.archives()) == 3
    assert [text.partition(":")[0] for text in due.said] == ["log_rotated"] * 3
    packed = [name for name in due.archives() if name.endswith(".gz")]
    for name in packed:
        import gzip

        plain = due.log.with_name(name.removesuffix(".gz"))
        plain.write_bytes(gzip.decompress(due.log.with_name(name).read_bytes()))
        due.log.with_name(name).unlink()
    assert packed, "all but the newest are packed"
    assert numbers(everything(due.log, OWN)) == list(range(count))


async def test_it_is_journalled_and_no_repair(due: Round) -> None:
    await due.go()
    window = datetime.now(UTC) - timedelta(hours=1)
    assert due.journal.repairs_since(window) == ()
    assert due.journal.unfinished_steps() == ()
    assert due.said[0].startswith("log_rotated: moved ")


async def test_not_more_often_than_once_a_minute(due: Round) -> None:
    await due.go()
    due.grow()
    await due.go(after_s=59)
    assert len(due.archives()) == 1
    await due.go(after_s=2)
    assert len(due.archives()) == 2


@pytest.mark.parametrize("mode", ["suggest", "observe", "approve"])
async def test_where_the_mode_does_not_allow_it_it_is_said_once(mode: Any, due: Round) -> None:
    due.policy = Policy(mode=mode)
    for _ in range(3):
        await due.go(after_s=1000)
    assert due.archives() == []
    assert len(due.said) == 1
    assert "nothing rotates it: would rotate it" in due.said[0]
    assert "opsagent logs api --rotate" in due.said[0]


async def test_rotate_false_is_silent_and_a_small_log_is_left(due: Round) -> None:
    due.logs = LogPolicy(max_size=200_000, rotate=False)
    await due.go()
    due.logs = LogPolicy(max_size=10**12)
    await due.go(after_s=1000)
    assert (due.archives(), due.said) == ([], [])


async def test_daily_it_is_rotated_whatever_its_size(due: Round) -> None:
    due.logs = LogPolicy(max_size=10**12, daily=True)
    await due.go()
    assert due.archives() == [], "not on the day on which it was first seen"
    due.day += timedelta(days=1)
    await due.go(after_s=61)
    await due.go(after_s=61)
    assert len(due.archives()) == 1
    eventually(lambda: due.log.stat().st_blocks * 512 > 100_000, why="there is something to rotate")
    due.day += timedelta(days=1)
    await due.go(after_s=61)
    assert len(due.archives()) == 2


async def test_what_a_person_stopped_or_holds_is_left_alone(due: Round) -> None:
    due.supervisor.state = UnitState.STOPPED
    await due.go()
    assert (due.archives(), due.said) == ([], [])
    due.supervisor.state = UnitState.RUNNING
    due.journal.hold(API, until=None, why="migration", by="me")
    await due.go(after_s=1000)
    assert due.archives() == []
    assert "on hold" in due.said[0]


async def test_a_log_that_is_a_link_is_not_even_tried(due: Round, tmp_path: Path) -> None:
    due.log.rename(due.log.with_name("real"))
    due.log.symlink_to(due.log.with_name("real"))
    await due.go()
    assert (due.archives(), due.said) == ([], [])
    due.log.unlink()
    (due.log.parent / "real").rename(due.log)
    due.log.with_name("second").hardlink_to(due.log)
    await due.go(after_s=1000)
    assert due.archives() == []
    assert "has 2 links" in due.said[0]


async def test_only_so_many_archives_are_kept_and_the_newest_is_plain(due: Round) -> None:
    due.logs = LogPolicy(max_size=200_000, keep=2)
    for _ in range(4):
        due.grow()
        await due.go(after_s=61)
    assert len(due.archives()) == 2
    assert not due.archives()[-1].endswith(".gz"), "who follows the log may still read its end there"


async def test_the_newest_archive_is_packed_once_nobody_reads_it_any_more(
    due: Round, monkeypatch: pytest.MonkeyPatch
) -> None:
    await due.go()
    assert [name.endswith(".gz") for name in due.archives()] == [False]
    due.logs = LogPolicy(max_size=10**12)
    monkeypatch.setattr(rotate_archives, "_FRESH_S", 0.0)
    await due.go(after_s=30)
    assert [name.endswith(".gz") for name in due.archives()] == [False]
    await due.go(after_s=40)
    assert [name.endswith(".gz") for name in due.archives()] == [True]


def test_the_name_of_the_remedy_says_that_it_is_upkeep() -> None:
    assert ROTATE.startswith("upkeep/")
