"""The memory in quiet times: put in order when nothing is wrong, never in the way; what holds is noted when it changes."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent import idle, known_facts
from opsagent.home import Home
from opsagent.idle import Idle
from opsagent.memory_settings import MemorySettings
from opsagent.model import Fault, Incident
from opsagent.procedures import accept
from opsagent.recall import MemoryDesk, Recall
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_memory import Episode, Fact, Kind, Memory, MemoryReader, Source
from opsagent_memory.testing import HashEmbedder
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId, UnitState

NOW = datetime.now(UTC)
API, STORE = UnitId.local("pm2", "api"), UnitId.local("pm2", "store")
SCOPE = "unit/pm2/api"
MINUTE, HOUR = 60.0, 3600.0


@dataclass
class Stage:
    """An agent's idle hands, with a clock and incidents of the test's own."""

    home: Home
    desk: MemoryDesk
    journal: Journal
    world: World = field(default_factory=World)
    now: float = 1000.0
    open: int = 0
    told: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.timeline = Timeline(self.journal)
        self.timeline.say = lambda kind, text, **_: self.told.append(text)  # type: ignore[method-assign]
        self.idle = self.hands()

    def hands(self, **settings: Any) -> Idle:
        if settings:
            self.desk._settings = MemorySettings(**settings)
        return Idle(self.desk, self.home, self.timeline, self.world, busy=lambda: self.open > 0, clock=lambda: self.now)

    def after(self, seconds: float) -> bool:
        self.now += seconds
        return self.idle.is_time()

    def facts(self) -> list[tuple[str, datetime | None]]:
        with MemoryReader(self.home.database) as reader:
            return [(one.text, one.ended_at) for one in reader.containing(kind=Kind.FACT, limit=50)]


@pytest.fixture
async def stage(home: Path) -> AsyncIterator[Stage]:
    place = Home.open(home)
    desk = MemoryDesk(place, MemorySettings(), embedder=HashEmbedder())
    journal = Journal.open(place)
    yield Stage(place, desk, journal)
    await desk.close()
    journal.close()


def test_it_waits_for_quiet_and_then_for_hours(stage: Stage) -> None:
    assert not stage.after(0)
    assert not stage.after(4 * MINUTE)
    assert stage.after(2 * MINUTE)
    stage.open = 1
    assert not stage.after(HOUR)
    stage.open = 0
    assert not stage.after(0), "quiet begins anew"
    assert not stage.after(4 * MINUTE)
    assert stage.after(2 * MINUTE)
    stage.idle._last = stage.now
    assert not stage.after(3 * HOUR)
    assert stage.after(2 * HOUR)


def test_it_can_be_switched_off(stage: Stage) -> None:
    stage.idle = stage.hands(consolidate=False)
    stage.after(0)
    assert not stage.after(24 * HOUR)


async def test_where_nothing_ever_happened_nothing_is_opened(stage: Stage) -> None:
    await stage.idle.put_in_order()
    assert not stage.desk.is_open
    assert stage.told == []


def worked(number: int) -> Episode:
    fields = {"class": "crash", "remedy": "crash/start", "outcome": "worked",
              "actions": [{"action": "start:api", "outcome": "done"}]}  # fmt: skip
    at = NOW - timedelta(days=2) + timedelta(minutes=number)
    return Episode(scope=SCOPE, text="crash of api; exit code 1", created_at=at, fields=fields)


async def test_what_works_again_and_again_is_proposed_changes_nothing_and_is_accepted_by_a_person(stage: Stage) -> None:
    await stage.desk.use(lambda memory: [memory.learn(worked(number)) for number in range(6)])
    recall = Recall(stage.desk, stage.home)
    crash = Incident(id="i", fault=Fault.CRASH, unit=API, opened_at=NOW, began_at=NOW)
    before = await recall.odds(crash)
    await stage.idle.put_in_order()
    assert any(line.startswith("proposed crash/start") for line in stage.told)
    assert await recall.odds(crash) == before
    with MemoryReader(stage.home.database) as reader:
        (proposed,) = reader.containing(kind=Kind.PROCEDURE)
    assert proposed.fields["status"] == "proposed"
    assert proposed.fields["steps"] == ["start:api"]
    await stage.desk.use(lambda memory: accept(memory, proposed.id, by="kim"))
    assert [one.accepted for one in await recall.odds(crash) if one.remedy == "crash/start"] == [True]
    recall.close()


async def test_an_incident_ends_it_and_it_goes_on_later(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.desk.use(lambda memory: [memory.add(worked(number)) for number in range(6)])
    portions: list[int] = []

    def consolidate(memory: Memory, **_: Any) -> Any:
        from opsagent_memory.consolidation.words import Consolidated

        portions.append(1)
        stage.open = 1  # an incident is opened meanwhile
        return Consolidated(complete=False)

    monkeypatch.setattr(Memory, "consolidate", consolidate)
    monkeypatch.setattr(idle, "_PAUSE_S", 0.0)
    await stage.idle.put_in_order()
    assert len(portions) == 1
    stage.open = 0
    stage.after(0)
    assert stage.after(6 * MINUTE), "it does not wait for hours again"


async def test_a_memory_that_breaks_does_not_stop_the_watch(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    await stage.desk.use(lambda memory: memory.add(worked(0)))

    def consolidate(memory: Memory, **_: Any) -> Any:
        raise ValueError("unforeseen")

    monkeypatch.setattr(Memory, "consolidate", consolidate)
    await stage.idle.put_in_order()


async def test_what_holds_is_noted_when_it_changes_and_the_old_ends(stage: Stage) -> None:
    await stage.desk.use(lambda memory: memory.add(worked(0)))
    stage.world.replace_specs({"pm2:api": ServiceSpec(name="api", command=(), cwd=Path("/srv"), depends_on=("store",))})

    def runs(port: int, state: UnitState = UnitState.RUNNING) -> None:
        units = [Unit(id=API, state=state, ports=(port,)), Unit(id=STORE, state=UnitState.RUNNING)]
        stage.world.replace_units("pm2", units)

    runs(8000)
    await stage.idle.put_in_order()
    assert sorted(text for text, _ in stage.facts()) == ["api listens on port 8000", "api needs pm2:store"]
    await stage.idle.put_in_order()
    assert len(stage.facts()) == 2, "no news"
    runs(0, UnitState.EXITED)
    await stage.idle.put_in_order()
    assert len(stage.facts()) == 2, "what is down has no ports, and that is no news"
    runs(9000)
    await stage.idle.put_in_order()
    await stage.idle.put_in_order()
    ended = {text: at is not None for text, at in stage.facts()}
    assert ended == {"api listens on port 9000": False, "api listens on port 8000": True, "api needs pm2:store": False}


def test_what_a_person_or_another_memory_said_is_no_reason_to_note_nothing(tmp_path: Path) -> None:
    port = known_facts.Seen(API, "ports", (8000,))
    with Memory.open(tmp_path / "db", tmp_path / "index", embedder=HashEmbedder()) as memory:
        said = {"about": port.about, "value": [8000]}
        memory.add(Fact(scope=SCOPE, text="said", fields=said, created_at=NOW, source=Source.LOGS))
        with MemoryReader(tmp_path / "db") as reader:
            assert [fact.text for fact in known_facts.news(reader, [port], NOW)] == ["api listens on port 8000"]
