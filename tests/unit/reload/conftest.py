"""People's commands over a supervisor in memory whose processes live, with claims, preflights and incidents."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from opsagent.act import Actor
from opsagent.bad_release import BadReleases
from opsagent.books import Books
from opsagent.check import Checker
from opsagent.claims import Claims
from opsagent.detect import Detector
from opsagent.hands import Hands
from opsagent.locks import GroupLocks
from opsagent.model import Step
from opsagent.people import People
from opsagent.planning import new_plan
from opsagent.policy import Policy
from opsagent.ports import Progress
from opsagent.preflight_facts import PreflightDesk
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId
from tests.support.living import LivingSupervisor

API = UnitId.local("fake", "api")


@dataclass
class Desk:
    """Where people's commands come in."""

    folder: Path
    journal: Journal
    spec: ServiceSpec
    policy: Policy = field(default_factory=Policy)

    def __post_init__(self) -> None:
        self.supervisor = LivingSupervisor([self.spec], self.folder)
        supervisors = {"fake": self.supervisor}
        self.world = World([self.spec])
        checker = Checker(supervisors, self.world)
        situations = Situations(journal=self.journal, checker=checker, world=self.world, policy=lambda: self.policy)
        self.claims = Claims(self.folder / "claims")
        timeline, detector = Timeline(self.journal), Detector()
        shared: dict[str, Any] = {
            "checker": checker,
            "situations": situations,
            "journal": self.journal,
            "policy": lambda: self.policy,
            "claims": self.claims,
        }
        self.hands = Hands(supervisors, checker, last_good_dir=self.folder)
        self.people = People(
            **shared,
            timeline=timeline,
            actor=Actor(hands=self.hands, **shared),
            locks=GroupLocks(self.world),
            preflights=PreflightDesk(
                supervisors=supervisors, checker=checker, world=self.world, journal=self.journal, claims=self.claims
            ),
            releases=BadReleases(
                journal=self.journal,
                books=Books(self.journal, timeline),
                detector=detector,
                world=self.world,
                take_over=lambda _: False,
                withdraw=lambda *_: False,
            ),
        )

    async def unit(self) -> Unit:
        self.world.replace_units("fake", await self.supervisor.list())
        return await self.supervisor.describe(API)

    async def pids(self) -> set[int]:
        return {process.pid for process in (await self.unit()).processes}

    async def do(self, tool: str, *steps: Step, confirmed: bool = False, by: str = "kim") -> list[Progress]:
        """Submit a plan and return what was told."""
        plan = new_plan(unit=API, steps=steps, remedy=f"person/{tool}", origin="person", source="person")
        return [item async for item in self.people.submit(plan, confirmed=confirmed, by=by)]


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    opened = Journal.open(f"sqlite:///{tmp_path / 'journal.db'}")
    yield opened
    opened.close()


@pytest.fixture
def desk(tmp_path: Path, journal: Journal) -> Iterator[Desk]:
    """Three instances of `api` that may stand beside each other."""
    found = Desk(tmp_path, journal, ServiceSpec(name="api", command=("api",), cwd=tmp_path, instances=3))
    found.world.replace_units("fake", ())
    yield found
    found.supervisor.end_all()


@pytest.fixture
def single(tmp_path: Path, journal: Journal) -> Iterator[Desk]:
    """One instance of `api` that binds its port itself: nothing can stand beside it."""
    spec = ServiceSpec(name="api", command=("api",), cwd=tmp_path, port=1)
    found = Desk(tmp_path, journal, spec)
    yield found
    found.supervisor.end_all()


def now() -> datetime:
    return datetime.now(UTC)
