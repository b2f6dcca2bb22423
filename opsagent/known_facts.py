"""What the agent knows of services by looking, as facts: on which ports one listens, and what it needs.

A fact is written when it differs from the one before, so that a memory tells what held when. The consolidation ends the
older one then. What is down for the moment is not looked at: it has no ports, and that is no news.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opsagent.naming import full_name
from opsagent.recall import scope_of
from opsagent.world import World
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId, UnitState

if TYPE_CHECKING:
    from opsagent_memory import Fact, Memory, MemoryReader

_MOST_VALUES, _LOOKED_THROUGH = 50, 200


@dataclass(frozen=True, slots=True)
class Seen:
    """One thing that holds of a unit now."""

    unit: UnitId
    what: str
    """`ports` or `needs`."""
    value: tuple[int | str, ...]

    @property
    def about(self) -> list[str]:
        """Return what the fact is about; two facts about the same cannot both hold."""
        return [self.what, full_name(self.unit)]

    @property
    def text(self) -> str:
        """Return it as a sentence."""
        said = ", ".join(str(one) for one in self.value)
        return redact(f"{self.unit.name} {'listens on port' if self.what == 'ports' else 'needs'} {said}")


def seen(world: World) -> tuple[Seen, ...]:
    """Return what holds of the units that run now."""
    return tuple(_seen(world))


def _seen(world: World) -> Iterator[Seen]:
    for unit in list(world.units.values()):
        if unit.state is not UnitState.RUNNING:
            continue
        if unit.ports:
            yield Seen(unit.id, "ports", tuple(sorted(unit.ports)[:_MOST_VALUES]))
        needs = sorted({full_name(other) for other in world.upstream(unit.id)})
        if needs:
            yield Seen(unit.id, "needs", tuple(needs[:_MOST_VALUES]))


def news(reader: MemoryReader, found: Iterable[Seen], now: datetime) -> list[Fact]:
    """Return the facts to write: what the memory does not know, or knows otherwise."""
    from opsagent_memory import Fact, Kind, Source

    known: dict[str, dict[str, Any]] = {}
    new: list[Fact] = []
    for one in found:
        scope = scope_of(one.unit)
        if scope not in known:
            facts = reader.containing(scope=scope, kind=Kind.FACT, limit=_LOOKED_THROUGH)
            known[scope] = _values(fact for fact in facts if fact.source is Source.AGENT and fact.imported_at is None)
        if known[scope].get(str(one.about)) != list(one.value):
            fields = {"about": one.about, "value": list(one.value)}
            new.append(Fact(scope=scope, text=one.text, fields=fields, created_at=now, source=Source.AGENT))
    return new


def _values(newest_first: Iterable[Any]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for fact in newest_first:
        about = fact.fields.get("about")
        if isinstance(about, list) and fact.ended_at is None:
            values.setdefault(str(about), fact.fields.get("value"))
    return values


def keep(memory: Memory, facts: Sequence[Fact]) -> int:
    """Write them; return how many."""
    if facts:
        memory.add_many(facts)
    return len(facts)
