"""A home and what runs, as values: what is carried out there needs no supervisor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from opsagent.carrying.carrier import Carrier
from opsagent.carrying.events import Event, Person, Said
from opsagent.commands.reading import CommandStep, Language
from opsagent.home import Home
from opsagent.naming import Descriptions
from opsagent.running import Running
from opsagent.store.journal import Journal
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState


def unit(name: str, state: UnitState = UnitState.RUNNING, *, pid: int = 0) -> Unit:
    processes = (Process(key=ProcessKey(pid, 1.0)),) if state is UnitState.RUNNING and pid >= 0 else ()
    return Unit(id=UnitId.local("circus", name), state=state, processes=processes)


def running_of(*units: Unit, specs: Sequence[ServiceSpec] = ()) -> Running:
    described = Descriptions({f"circus:{spec.name}": spec for spec in specs}, [one.id for one in units])
    return Running(engine_running=True, engine_pid=1, units=units, specs=tuple(specs), described=described)


@dataclass
class Room:
    """One person in one home."""

    home: Home
    running: Running
    daemon: dict[str, Any] | None = None
    asked: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)
    """What was shown before each question."""

    async def carry(
        self,
        *steps: CommandStep,
        says: bool | None = None,
        agreed: bool = False,
        language: Language = "en",
        text: str = "",
    ) -> list[Event]:
        """`says`: what the person answers to every question; None: nobody is there."""
        events: list[Event] = []

        async def confirm(question: str, lines: Sequence[str]) -> bool:
            self.asked.append((question, tuple(lines)))
            self.seen.extend(line for event in events for line in event.lines)
            return bool(says)

        person = Person(name="kim", confirm=None if says is None else confirm, agreed=agreed)
        carrier = Carrier(self.home, person, running=self.running, daemon=self.daemon)
        said = Said(steps=steps, text=text or "as said", language=language)
        async for event in carrier.carry(said):
            events.append(event)  # noqa: PERF401  # who is asked looks at what was told so far
        return events

    def journal(self) -> Journal:
        return Journal.read(self.home)


@pytest.fixture
def room(home: Path) -> Room:
    folder = Path("/")
    specs = [
        ServiceSpec(name="api", command=("api",), cwd=folder, depends_on=("store",)),
        ServiceSpec(name="store", command=("store",), cwd=folder),
        ServiceSpec(name="billing", command=("billing",), cwd=folder, protected=True),
    ]
    opened = Home.open(home)
    Journal.open(opened).close()
    return Room(opened, running_of(unit("api"), unit("billing"), unit("store"), specs=specs))
