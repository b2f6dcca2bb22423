"""Follows one plan from its submission to its end, as events."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from opsagent.carrying.events import Ending, Event, EventKind
from opsagent.carrying.working import Desk, Place

if TYPE_CHECKING:
    from opsagent.ports import Progress

CODES: Mapping[str, int] = {
    "done": Ending.DONE,
    "failed": Ending.FAILED,
    "asked": Ending.NEEDS_APPROVAL,
    "declined": Ending.NEEDS_APPROVAL,
    "refused": Ending.REFUSED,
}
"""How a plan may end, as exit codes."""


@dataclass(slots=True)
class Ended:
    """How a plan ended."""

    result: EventKind = "failed"
    detail: str = "it broke off"
    rule: str = ""
    approval: str = ""
    incident: str = ""
    """Id of the incident that was opened for how it ended; empty: none was."""
    preflight: Mapping[str, Any] | None = None
    """What was looked at before anything was done; None: nothing."""
    progress: list[Progress] = field(default_factory=list)

    @property
    def code(self) -> int:
        """Return the exit code that this is."""
        return int(CODES.get(self.result, Ending.FAILED))

    def take(self, item: Progress) -> None:
        """Take one line of progress in."""
        self.progress.append(item)
        if item.kind in CODES:
            self.result, self.detail = item.kind, item.text  # type: ignore[assignment]  # one of the last ones
            self.rule, self.approval = item.rule, item.approval
            self.incident = str(item.data.get("incident", ""))
        elif item.kind == "preflight" and item.data:
            self.preflight = item.data

    def as_json(self) -> dict[str, Any]:
        """Return it in its documented JSON form."""
        return {
            "result": self.result,
            "detail": self.detail,
            "rule": self.rule,
            "approval": self.approval or None,
            "incident": self.incident or None,
            "preflight": dict(self.preflight) if self.preflight is not None else None,
            "progress": [_plain(item) for item in self.progress],
        }


async def follow(
    desk: Desk, place: Place, progress: AsyncIterator[Progress], *, told: bool = False, plan: str = ""
) -> Ended:
    """Tell what happens to one plan, and return how it ended.

    `plan` is its id. `told`: what was looked at beforehand was shown already.
    """
    ended, data = Ended(), {"plan": plan} if plan else {}
    async with aclosing_of(progress) as items:
        async for item in items:
            ended.take(item)
            if told and item.kind == "preflight":
                continue
            step, number = place.step, place.number
            desk.tell(Event(kind="progress", step=step, number=number, text=item.text, progress=item, data=data))
    return ended


@asynccontextmanager
async def aclosing_of(items: AsyncIterator[Progress]) -> AsyncIterator[AsyncIterator[Progress]]:
    """Close a stream at the end, where it is one that can be closed: who goes away ends it at once."""
    try:
        yield items
    finally:
        if isinstance(items, AsyncGenerator):
            await items.aclose()


def ended_as(place: Place, ended: Ended, *, plan: str = "") -> Event:
    """Return how a step ended by how its plan did."""
    more = {name: value for name, value in ended.as_json().items() if name not in {"result", "detail"}}
    if plan:
        more["plan"] = plan
    return place.ends(ended.result, ended.detail, ended.code, **more)


def _plain(item: Progress) -> dict[str, Any]:
    """Return a line of progress as JSON; what it carries beside its text is told once, beside the lines."""
    return {
        "kind": item.kind,
        "at": item.at.isoformat(),
        "text": item.text,
        "step": item.step,
        "steps": item.steps,
        "rule": item.rule,
        "risk": item.risk,
        "approval": item.approval,
    }
