"""Lines that say the same folded into one with its count: `×1,204  GET /users/17 took 4 ms`. Pure."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

_DISTINCT = 6
"""So many kinds of lines may alternate and are still folded."""


@dataclass(slots=True)
class Folded:
    """One kind of line: how often it came, and what the last of it said."""

    text: str
    level: str = ""
    count: int = 1

    @property
    def prefix(self) -> str:
        """Return `×1,204  `; nothing for a line that stands alone."""
        return f"×{self.count:,}  " if self.count > 1 else ""


class Folding:
    """Folds a stream: lines of a few kinds that alternate are one block, in the order in which the kinds came."""

    def __init__(self) -> None:
        self._block: dict[Hashable, Folded] = {}

    @property
    def block(self) -> list[Folded]:
        """The lines of the block that is still growing."""
        return list(self._block.values())

    def add(self, kind: Hashable, text: str, level: str = "") -> list[Folded]:
        """Take a line; return the lines of the block that it ended, empty while it belongs to the one that grows."""
        known = self._block.get(kind)
        if known is not None:
            known.count += 1
            known.text, known.level = text, level
            return []
        ended = self.end() if len(self._block) >= _DISTINCT else []
        self._block[kind] = Folded(text, level)
        return ended

    def end(self) -> list[Folded]:
        """Return the lines of the block that grows, and begin another one."""
        ended = self.block
        self._block = {}
        return ended
