"""The agent's verbs over a supervisor in memory and a real journal."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.act import Actor
from opsagent.check import Checker
from opsagent.hands import Hands
from opsagent.locks import GroupLocks
from opsagent.model import Fault, Incident, Plan, Step
from opsagent.people import People
from opsagent.planning import new_plan
from opsagent.policy import Policy
from opsagent.ports import Progress
from opsagent.reconcile import Reconciler
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.verify import Baseline, Verifier
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.fake import FakeSupervisor
from opsagent_tools.units import Unit, UnitId

API, STORE = UnitId.local("fake", "api"), UnitId.local("fake", "store")


@dataclass
class Bench:
    """Everything but sense and detect."""

    folder: Path
    journal: Journal
    policy: Policy = field(default_factory=lambda: Policy(mode="auto"))
    told: list[Progress] = field(default_factory=list)

    def __post_init__(self) -> None:
        specs = (self.spec("store", autorestart=False), self.spec("api", depends_on=("store",)))
        self.supervisor = FakeSupervisor(specs)
        self.supervisors = {"fake": self.supervisor}
        self.world = World(specs)
        self.checker = Checker(self.supervisors, self.world)
        self.timeline = Timeline(self.journal)
        self.situations = Situations(
            journal=self.journal, checker=self.checker, world=self.world, policy=lambda: self.policy
        )
        hands = Hands(self.supervisors, self.checker, last_good_dir=self.folder)
        self.actor = Actor(
            hands=hands,
            checker=self.checker,
            situations=self.situations,
            journal=self.journal,
            policy=lambda: self.policy,
        )
        self.people = People(
            journal=self.journal,
            timeline=self.timeline,
            checker=self.checker,
            situations=self.situations,
            actor=self.actor,
            locks=GroupLocks(self.world),
            policy=lambda: self.policy,
        )
        self.reconciler = Reconciler(journal=self.journal, checker=self.checker, timeline=self.timeline)
        self.verifier = Verifier(self.checker, self.world, Baseline())

    def spec(self, name: str, **values: Any) -> ServiceSpec:
        return ServiceSpec(name=name, command=(name,), cwd=self.folder, **values)

    async def unit(self, unit: UnitId) -> Unit:
        """Return the unit as it is now; the world sees it too."""
        self.world.replace_units("fake", await self.supervisor.list())
        return await self.supervisor.describe(unit)

    async def kill(self, unit: UnitId) -> None:
        for process in (await self.unit(unit)).processes:
            self.supervisor.die(unit, process.pid)

    async def incident(self, unit: UnitId, fault: Fault = Fault.CRASH) -> Incident:
        now = datetime.now(UTC)
        incident = Incident(id=f"inc-{unit.name}", fault=fault, unit=unit, opened_at=now, began_at=now)
        self.journal.open_incident(incident)
        return incident

    def plan(self, unit: UnitId, *steps: Step, incident: Incident | None = None, **values: Any) -> Plan:
        given = {"remedy": "crash/start", "origin": "agent", "source": "runbook", "verify_s": 0.3}
        return new_plan(unit=unit, steps=steps, incident=incident.id if incident else None, **{**given, **values})


@pytest.fixture
async def bench(tmp_path: Path) -> Any:
    journal = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    found = Bench(tmp_path, journal)
    await found.unit(API)
    yield found
    journal.close()


def texts(told: list[Progress]) -> Iterator[str]:
    return (progress.kind for progress in told)
