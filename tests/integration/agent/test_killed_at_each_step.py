"""The agent is killed (SIGKILL) at every moment of a repair at which it has just written or done something.

A table: each row is a plan, and the next life of the agent has to bring it to the same end whatever the moment was. No
action is done twice that must not, no incident is lost, the service is no worse off than without the agent, and the
memory has the episode once. The agent is real but for its supervisor, which is kept in a file; the service's process is
real and counts its own starts.

`make killed` (EVERY_MOMENT=1) goes through every moment of every row, in minutes; else those are tried at which
something went wrong once, or easily would.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsagent.home import Home
from opsagent.store.journal import Journal
from opsagent.store.rows import IncidentRow
from opsagent_memory import Episode, Kind, MemoryReader
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.units import ProcessKey
from tests.support.waiting import eventually

_SIDE_BY_SIDE = 3
_WITHIN_S = 60.0
"""On a machine that does much else."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One kind of repair, and how it has to end whenever its agent is killed."""

    plan: str
    status: str
    outcomes: tuple[str, ...]
    """Of the episodes that are remembered."""
    serves: bool
    most_starts: int
    """Starts of the service after its death."""
    moments: tuple[str, ...]
    """Those that every run of the tests goes through."""
    mode: str = "auto"
    lock: bool = False
    ill: bool = False
    lock_aside: bool = False
    """Whether the lock has to be aside in the end; False: in its place, where there was one."""


ROWS = (
    Row(
        plan="start",
        moments=("open_incident#1", "end_plan done#1", "learn end#1"),
        status="resolved",
        outcomes=("worked",),
        serves=True,
        most_starts=1,
    ),
    Row(
        plan="start",
        mode="approve",
        moments=("use_approval#1",),
        status="resolved",
        outcomes=("worked",),
        serves=True,
        most_starts=1,
    ),
    Row(
        plan="move the lock aside, and start",
        moments=("hands quarantine end#1", "hands start end#1"),
        lock=True,
        lock_aside=True,
        status="resolved",
        outcomes=("worked",),
        serves=True,
        most_starts=1,
    ),
    Row(
        plan="move the lock aside, and start what stays ill",
        moments=("end_step failed#1", "intend_step undo#1", "end_plan failed#1"),
        lock=True,
        ill=True,
        status="escalated",
        outcomes=("failed",),
        serves=False,
        most_starts=2,
    ),
    Row(
        plan="stop and start",
        moments=("end_step done#1",),
        status="resolved",
        outcomes=("worked",),
        serves=True,
        most_starts=1,
    ),
)


class Nursery:
    """The process that the agents are forked from."""

    def __init__(self) -> None:
        root = Path(__file__).parents[3]
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.dying"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
        )
        self._ended: dict[str, int] = {}
        self._pids: dict[str, int] = {}
        self._heard = threading.Thread(target=self._hear)
        self._heard.start()

    def _hear(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            told = json.loads(line)
            if "ended" in told:
                self._ended[told["id"]] = told["ended"]
            else:
                self._pids[told["id"]] = told["pid"]

    def begin(self, **request: Any) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def ended(self, name: str) -> int | None:
        return self._ended.get(name)

    def kill(self, name: str) -> None:
        os.kill(eventually(lambda: self._pids.get(name)), signal.SIGKILL)
        eventually(lambda: self._ended.get(name) is not None)

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(timeout=10)
        self._heard.join()
        assert self._process.stdout is not None
        self._process.stdout.close()


@pytest.fixture(scope="module")
def nursery() -> Iterator[Nursery]:
    found = Nursery()
    yield found
    found.close()


@dataclass
class Life:
    """One home over all lives of its agent."""

    nursery: Nursery
    path: Path
    row: Row
    lives: int = 0
    expected: int = 1
    """Incidents so far."""
    yes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.service.mkdir(mode=0o700, parents=True)
        self.path.chmod(0o700)
        self.home = Home.open(self.path)
        with Journal.open(self.home):
            pass

    @property
    def service(self) -> Path:
        return self.path / "service"

    @property
    def moments(self) -> list[str]:
        log = self.path / "moments"
        return log.read_text().split("\n")[:-1] if log.exists() else []

    def begin(self, die_at: str = "") -> str:
        self.lives += 1
        name = f"{self.path}#{self.lives}"
        log = str(self.path / "moments")
        wanted = {"plan": self.row.plan, "mode": self.row.mode, "home": str(self.path), "log": log}
        self.nursery.begin(id=name, die_at=die_at, **wanted)
        return name

    def starts(self) -> int:
        log = self.service / "starts"
        return len(log.read_text().split()) if log.exists() else 0

    def process(self) -> ProcessKey | None:
        kept = json.loads((self.service / "supervisor.json").read_text())["processes"]
        alive = [key for key in (ProcessKey(pid, started) for pid, started in kept) if is_alive(key)]
        assert len(alive) <= 1, "nothing is doubled"
        return alive[0] if alive else None

    def break_it(self) -> None:
        """Once the agent watches: put what is in the way into its place, and kill the service."""
        if self.row.lock:
            (self.service / "lock").write_text("1\n")
        if self.row.ill:
            (self.service / "ill").touch()
        key = self.process()
        assert key is not None
        os.kill(key.pid, signal.SIGKILL)

    def incident(self) -> IncidentRow | None:
        with Journal.read(self.home) as journal:
            rows = journal.incidents()
            assert len(rows) <= self.expected, [row.incident.summary for row in rows]
            return journal.incident(rows[0].id) if len(rows) == self.expected else None

    def over(self) -> IncidentRow | None:
        """Say yes where the agent asks; return the incident once it is over."""
        if self.row.mode == "approve":
            with Journal.open(self.home) as journal:
                for asked in journal.approvals():
                    journal.decide_approval(asked.id, approve=True, by="kim")
                    self.yes.append(asked.id)
        found = self.incident()
        return found if found is not None and found.status == self.row.status else None


def lived(nursery: Nursery, path: Path, row: Row, die_at: str) -> Life:
    """Break the service, let its agent die at that moment (never, where there is none), and let the next one end it."""
    life = Life(nursery, path, row)
    name = life.begin(die_at)
    eventually(lambda: "hears" in _events(life), timeout=_WITHIN_S, why="the agent watches")
    life.break_it()
    if die_at:
        eventually(lambda: _has_died(life, name), timeout=_WITHIN_S, why=f"it dies at {die_at}")
        assert nursery.ended(name) == -signal.SIGKILL, (path / "moments.out").read_text()
        name = life.begin()
    try:
        eventually(life.over, timeout=_WITHIN_S, why=f"after {die_at}: {row.status}")
        _settled(life)
    finally:
        nursery.kill(name)
    return life


def _has_died(life: Life, name: str) -> bool:
    life.over()  # says yes where it asks
    return life.nursery.ended(name) is not None


def _settled(life: Life) -> None:
    """Wait for what is written after the status: the memory has what it is going to have."""
    eventually(lambda: len(episodes(life)) >= len(life.row.outcomes), timeout=_WITHIN_S, why="it is remembered")


def episodes(life: Life) -> Sequence[Episode]:
    with MemoryReader(life.home.database) as reader:
        return [one for one in reader.containing(kind=Kind.EPISODE) if isinstance(one, Episode)]


def _events(life: Life) -> str:
    log = life.path / "moments"
    return log.read_text() if log.exists() else ""


def demand_the_same_end(life: Life, die_at: str) -> None:
    """Fail where it did not end as if the agent had never been killed."""
    row, found = life.row, life.incident()
    assert found is not None, die_at
    steps = [(step.ordinal, step.rule, step.status) for plan in found.plans for step in plan.steps]
    where = f"killed at {die_at}: {[(plan.status, plan.detail) for plan in found.plans]} {steps}"
    assert found.status == row.status, where
    if row.status == "resolved":
        assert (found.outcome, found.remedy) == ("repaired", f"crash/{row.plan}"), where
    assert (life.process() is not None) is row.serves, where
    assert life.starts() - 1 <= row.most_starts, where
    aside = list(life.service.glob("lock.quarantined-*"))
    assert (len(aside), (life.service / "lock").exists()) == (int(row.lock_aside), row.lock and not row.lock_aside), (
        where
    )
    assert sorted(str(one.outcome) for one in episodes(life)) == sorted(row.outcomes), where
    assert len(life.yes) <= 1, f"{where}: asked twice"
    with Journal.read(life.home) as journal:
        assert journal.unfinished_steps() == (), where
        assert not [plan for plan in found.plans if plan.status == "proposed"], where
        assert journal.verify().problems == (), where


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row.plan} ({row.mode})")
def test_whatever_the_moment_the_next_life_brings_it_to_the_same_end(
    nursery: Nursery, tmp_path: Path, row: Row
) -> None:
    moments = list(row.moments)
    if os.environ.get("EVERY_MOMENT"):
        whole = lived(nursery, tmp_path / "whole", row, "")
        demand_the_same_end(whole, "never")
        moments = [moment for moment in dict.fromkeys(whole.moments) if not moment.startswith("hears")]
        assert {*row.moments} <= {*moments}
        assert len(moments) >= 15, moments
    failures: list[str] = []

    def one(number: int, moment: str) -> None:
        try:
            demand_the_same_end(lived(nursery, tmp_path / str(number), row, moment), moment)
        except AssertionError as error:
            failures.append(f"{moment}: {str(error)[:700]}")

    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        list(pool.map(one, range(len(moments)), moments))
    assert not failures, "\n".join(failures)


def test_what_comes_back_is_known_to_the_next_life_of_the_agent_too(nursery: Nursery, tmp_path: Path) -> None:
    life = lived(nursery, tmp_path / "back", ROWS[0], "")
    first = life.incident()
    assert first is not None
    name = life.begin()  # the one before was killed
    eventually(lambda: life.moments.count("hears#1") == 2, timeout=_WITHIN_S, why="the next agent watches")
    life.expected = 2
    life.break_it()
    try:
        again = eventually(life.over, timeout=_WITHIN_S, why="it is mended again")
        eventually(lambda: len(episodes(life)) == 3, timeout=_WITHIN_S, why="it is remembered")
    finally:
        nursery.kill(name)
    assert isinstance(again, IncidentRow)
    assert again.returned_of == first.id
    assert [event.kind for event in again.events if event.kind in {"returned", "does_not_last"}] == ["returned"]
    assert sorted(str(one.outcome) for one in episodes(life)) == ["failed", "worked", "worked"]
    assert again.impact is not None
    assert again.impact["deaths"] == 1
    assert again.impact["down_s"] > 0
