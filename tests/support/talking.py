"""A desk for conversations without a home: the real reader reads, what would be carried out is noted."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opsagent.answering.answer import Answer
from opsagent.brain.port import NoModel, Thinker
from opsagent.carrying.events import Event as Carried
from opsagent.carrying.events import EventKind, Person, Said
from opsagent.chat.conversation import Conversation
from opsagent.chat.events import Event
from opsagent.chat.ports import Surroundings
from opsagent.commands.reading import CommandStep, Context, Language
from opsagent.model import Check, CheckKind, Step
from opsagent.store.rows import ApprovalRow
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.registry import READING
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

NOW = datetime(2026, 1, 31, 12, 0, tzinfo=UTC)


def unit(name: str, instances: int = 1) -> Unit:
    """Return one that runs."""
    processes = tuple(Process(key=ProcessKey(100 + n, 1.0)) for n in range(instances))
    return Unit(
        id=UnitId("circus", name, "box"), state=UnitState.RUNNING, instances=instances, processes=processes
    )  # fmt: skip


def question(id_: str, *, proposer: str = "agent", needed: int = 1) -> ApprovalRow:
    """Return an open question: restart web?"""
    web = UnitId("circus", "web", "box")
    step = Step(
        action=Action(name=ActionName.RESTART, unit=web),
        goal=Check(kind=CheckKind.HEALTHY, unit=web),
        why="web does not answer",
    )
    return ApprovalRow(
        id=id_,
        incident_id=None,
        plan_id="plan-1",
        ordinal=0,
        step=step,
        binding="b",
        proposer=proposer,
        asked_at=NOW,
        expires_at=NOW + timedelta(hours=1),
        status="pending",
        needed=needed,
    )


@dataclass
class NotedCarrier:
    """Notes what it is to carry out, and says that it is done."""

    desk: NotedDesk
    wanted: Person
    left: tuple[CommandStep, ...] = ()

    async def carry(self, said: Said) -> AsyncIterator[Carried]:
        """Note the steps; ask for a yes where the desk says so."""
        self.left = said.steps
        for number, step in enumerate(said.steps):
            self.left = said.steps[number + 1 :]
            kind: EventKind = "done"
            if step.tool not in READING and self.desk.asks and not self.wanted.agreed and self.wanted.confirm:
                kind = "done" if await self.wanted.confirm("go on?", ("it does not serve for 2 s",)) else "declined"
            if self.desk.ends_as:
                kind = self.desk.ends_as
            if kind == "done":
                self.desk.carried.append((step, self.wanted.agreed))
            answer = Answer(data={}, headline=f"about {step.target}") if step.tool in READING else None
            if answer is not None:
                yield Carried(kind="answer", step=step, number=number, text=answer.headline, answer=answer)
                continue
            code = {"done": 0, "declined": 3, "refused": 4}.get(kind, 1)
            rule = "hold" if kind == "refused" else ""
            yield Carried(kind=kind, step=step, number=number, text=f"{kind} so", code=code, rule=rule)
            if code:
                return


@dataclass
class NotedDesk:
    """Knows some units, and does nothing."""

    person: str = "ann"
    thinker: Thinker = field(default_factory=NoModel)
    units: Sequence[Unit] = (unit("web", 2), unit("api"), unit("worker", 3), unit("redis"))
    open: list[ApprovalRow] = field(default_factory=list)
    asks: bool = False
    """Whether changes want a yes."""
    ends_as: EventKind | None = None
    daemon: bool = False
    carried: list[tuple[CommandStep, bool]] = field(default_factory=list)
    """What was carried out, each with whether the person had said yes to exactly that."""
    learnt: list[tuple[str, tuple[CommandStep, ...]]] = field(default_factory=list)
    made: Callable[[NotedDesk, Person], Any] = NotedCarrier

    async def look(self) -> Surroundings:
        """Return the units."""
        return Surroundings(units=self.units, context=Context(now=NOW), daemon=self.daemon)

    def carrier(self, person: Person) -> Any:
        """Return who notes."""
        return self.made(self, person)

    async def questions(self) -> Sequence[ApprovalRow]:
        """Return the open ones."""
        return self.open

    async def evidence(self, question: ApprovalRow) -> Sequence[str]:
        """Return something."""
        return ("the kernel: state T",)

    async def cost(self, question: ApprovalRow) -> str:
        """Return what is known."""
        return "0.7 s without service"

    async def learn(self, text: str, language: Language, steps: Sequence[CommandStep]) -> bool:
        """Note it."""
        self.learnt.append((text, tuple(steps)))
        return True

    async def understood(self, text: str) -> None:
        """Nothing is counted here."""

    def explain(self, error: Exception) -> str:
        """Let a test see it."""
        raise error

    @property
    def did(self) -> list[str]:
        """Return what was carried out, in words."""
        return [" ".join(filter(None, (str(step.tool), step.target))) for step, _ in self.carried]


@dataclass
class Kept:
    """Keeps what is said in a list."""

    said: list[tuple[str, str]] = field(default_factory=list)

    async def keep(self, who: str, text: str, data: Mapping[str, Any], language: Language) -> None:
        """Keep it."""
        self.said.append((who, text))


async def turn(conversation: Conversation, text: str, *answers: str) -> list[Event]:
    """Say one thing, answer what is asked, and return what is said back but the `end`; its code is in the last."""
    heard, left = [], list(answers)
    async for event in conversation.turn(text):
        heard.append(event)
        if event.kind == "confirm":
            conversation.answer(left.pop(0) if left else "")
    return heard
