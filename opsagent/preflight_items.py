"""What a preflight found, as values: each thing that was looked at, and what all of it means for the command. A leaf."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from opsagent.model import Scalar


class Level(StrEnum):
    """What an item means for the command."""

    OK = "ok"
    WARN = "warn"
    BLOCK = "block"


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One thing that was looked at."""

    name: str
    """`health`, `incident`, `hold`, `deploy`, `busy`, `instances`, `graceful`, `last`, `load`, `dependents`."""
    level: Level
    says: str
    """One line; redacted, not escaped."""
    facts: Mapping[str, Scalar] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Preflight:
    """All that was looked at, in the order in which it is told."""

    unit: str
    what: str
    """`reload`, `restart` or `scale`."""
    way: str
    items: tuple[Item, ...]
    costs: str = ""
    """What it will cost users of the service, as far as it is known beforehand; empty: nothing is expected."""

    @property
    def blocked(self) -> str:
        """Return why it may not begin; empty where it may."""
        return next((item.says for item in self.items if item.level is Level.BLOCK), "")

    def lines(self) -> list[str]:
        """Return it as lines for a person."""
        return [f"preflight {item.level.value:5} {item.name}: {item.says}" for item in self.items]

    def to_json(self) -> dict[str, Any]:
        """Return the documented JSON form (docs/reload.md)."""
        return {
            "unit": self.unit,
            "what": self.what,
            "way": self.way,
            "blocked": self.blocked or None,
            "costs": self.costs or None,
            "items": [
                {"name": item.name, "level": item.level.value, "says": item.says, "facts": dict(item.facts)}
                for item in self.items
            ],
        }
