"""A fault that comes back within the hour counts against the repair that was thought to have ended it, once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.casefile import CaseFile
from opsagent.home import Home
from opsagent.learn import Learner
from opsagent.memory_settings import MemorySettings
from opsagent.model import Fault, Incident, Plan
from opsagent.planning import new_plan, start_steps
from opsagent.recall import MemoryDesk
from opsagent.returned import SUPERVISOR, Returns, life_of
from opsagent_memory import Episode, Kind, MemoryReader
from opsagent_memory.testing import HashEmbedder
from tests.unit.agent.conftest import STORE, Bench

NOW = datetime.now(UTC)


@dataclass
class Story:
    """A store that was mended some minutes ago, and an incident of it that has just been opened."""

    bench: Bench
    home: Home
    missed: list[tuple[str, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.desk = MemoryDesk(self.home, MemorySettings(), embedder=HashEmbedder())
        self.returns = self.of_another_life()

    def of_another_life(self) -> Returns:
        """As an agent has it that was only just started."""
        return Returns(
            journal=self.bench.journal,
            timeline=self.bench.timeline,
            learner=Learner(self.desk, self.bench.timeline),
            supervisors=self.bench.supervisors,
            missed=lambda plan, why: self.missed.append((plan.remedy, why)),
        )

    async def mended(self, minutes_ago: float, name: str = "before", **values: Any) -> Plan:
        at = NOW - timedelta(minutes=minutes_ago)
        incident = Incident(id=name, fault=Fault.CRASH, unit=STORE, opened_at=at, began_at=at)
        plan = new_plan(
            unit=STORE,
            steps=start_steps(await self.bench.unit(STORE)),
            remedy="crash/start",
            origin="agent",
            source="runbook",
            incident=name,
        )
        journal, life = self.bench.journal, await life_of(self.bench.supervisor)
        journal.open_incident(incident)
        journal.end_step(journal.intend_step(plan, 0, plan.steps[0], {}, "mode"), "done")
        journal.end_plan(plan.id, "done")
        ended = {"status": "resolved", "outcome": "repaired", "remedy": plan.remedy, "resolved_at": at}
        journal.set_incident(name, **{**ended, "impact": {SUPERVISOR: life}, **values})
        return plan

    def again(self, name: str = "again", fault: Fault = Fault.CRASH) -> CaseFile:
        incident = Incident(id=name, fault=fault, unit=STORE, opened_at=NOW, began_at=NOW)
        self.bench.journal.open_incident(incident)
        return CaseFile(incident=incident)

    def lessons(self) -> list[tuple[str, str, str]]:
        with MemoryReader(self.home.database) as reader:
            found = [one for one in reader.containing(kind=Kind.EPISODE) if isinstance(one, Episode)]
        return [(one.id, str(one.remedy), str(one.outcome)) for one in found]

    def events(self, incident: str) -> list[str]:
        return [event.kind for event in self.bench.journal.events(incident)]


@pytest.fixture
async def story(bench: Bench, home: Path) -> Any:
    found = Story(bench, Home.open(home))
    yield found
    await found.desk.close()


async def test_what_came_back_counts_against_the_repair_once_whoever_sees_it(story: Story) -> None:
    plan = await story.mended(12)
    file = story.again()
    await story.returns.look(file)
    assert story.bench.journal.incident("again").returned_of == "before"
    assert story.lessons() == [], "it may still mend itself"
    assert await story.returns.count(file)
    assert story.lessons() == [(f"ep-{plan.id}-returned", "crash/start", "failed")]
    assert story.missed == [("crash/start", "its fault was back 12 min later")]
    assert story.events("again") == ["returned", "learnt"]
    assert not await story.returns.count(file), "counted"
    file.returned = story.bench.journal.incident("before")  # the agent ended, and looks again
    assert await story.of_another_life().count(file)
    assert len(story.lessons()) == 1, "not twice"


async def _another_life(story: Story) -> None:
    story.bench.journal.set_incident("before", impact={SUPERVISOR: "1@2.00"})


async def _a_command(story: Story) -> None:
    plan = replace(await story.mended(1, "another"), id="aperson", origin="person", incident=None)
    story.bench.journal.set_incident("another", status="closed", outcome="recovered by itself")
    story.bench.journal.record_plan(plan)


async def _a_deploy(story: Story) -> None:
    story.bench.journal.begin_deploy(STORE, datetime.now(UTC) + timedelta(hours=1), "a release", "kim")


@pytest.mark.parametrize("meanwhile", [_another_life, _a_command, _a_deploy])
async def test_a_new_story_is_no_return(story: Story, meanwhile: Callable[[Story], Any]) -> None:
    await story.mended(12)
    await meanwhile(story)
    file = story.again()
    await story.returns.look(file)
    assert (file.returned, story.bench.journal.incident("again").returned_of) == (None, None)
    assert not await story.returns.count(file)
    assert story.lessons() == []


@pytest.mark.parametrize(
    ("minutes", "fault", "values"),
    [
        (61, Fault.CRASH, {}),
        (12, Fault.HANG, {}),
        (12, Fault.CRASH, {"outcome": "recovered by itself"}),
        (12, Fault.CRASH, {"status": "closed"}),
    ],
)
async def test_later_or_another_trouble_is_no_return(
    story: Story, minutes: float, fault: Fault, values: dict[str, Any]
) -> None:
    await story.mended(minutes, **values)
    file = story.again(fault=fault)
    await story.returns.look(file)
    assert file.returned is None


async def test_a_repair_that_never_lasts_is_told(story: Story) -> None:
    for number, minutes in enumerate((40, 20)):
        await story.mended(minutes, f"time{number}", **({"returned_of": "time0"} if number else {}))
    file = story.again()
    await story.returns.look(file)
    await story.returns.count(file)
    assert [row.id for row in story.bench.journal.returns_of("again")] == ["time1", "time0"]
    assert story.events("again") == ["returned", "does_not_last", "learnt"]
