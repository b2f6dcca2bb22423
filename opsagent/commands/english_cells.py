"""English words that belong together, with everything that they may be; how rows of them are looked through. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from opsagent.commands.english_words import Meaning
from opsagent.commands.tags import Role
from opsagent.commands.words import Token

NAMES = (Role.UNIT, Role.GROUP)
CHANGED = frozenset({"restart", "stop", "start", "reload", "rollback", "scale", "scale_up", "scale_down", "kill"})
ORDERED = CHANGED | {"pause", "resume", "hold", "approve", "deny", "touch"}
"""Verbs of tools that change something, or order the agent."""


@dataclass(frozen=True, slots=True)
class Cell:
    """Words that belong together, and everything that they may be, likeliest first."""

    start: int
    end: int
    options: tuple[Meaning, ...]

    @property
    def first(self) -> Meaning:
        """What it is taken for where nothing speaks for another meaning."""
        return self.options[0]

    def may(self, role: Role, value: str | None = None, form: str | None = None) -> bool:
        """Tell whether it may be that."""
        for one in self.options:  # asked some hundred times a text: no generator
            if one[0] is role and (value is None or one[1] == value) and (form is None or one[2] == form):
                return True
        return False

    def of(self, role: Role, form: str | None = None) -> Meaning | None:
        """Return what it is in that role; None: it is not."""
        for one in self.options:
            if one[0] is role and (form is None or one[2] == form):
                return one
        return None

    def only(self, role: Role, value: str = "", form: str = "") -> Cell:
        """Return it, decided."""
        return replace(self, options=((role, value, form),))


Cells = tuple[Cell, ...]


def replaced(cells: Cells, start: int, end: int, meaning: tuple[Role, str, str]) -> Cells:
    """Return the cells with those from `start` to `end` as one piece."""
    one = Cell(cells[start].start, cells[end - 1].end, (meaning,))
    return (*cells[:start], one, *cells[end:])


def skipped(cells: Cells, at: int, skip: Callable[[Cell], bool]) -> int:
    """Return the first place from `at` on that is not skipped."""
    while at < len(cells) and skip(cells[at]):
        at += 1
    return at


def word_of(cell: Cell, tokens: Sequence[Token]) -> str:
    """Return the words of a cell, in lower case."""
    return " ".join(tokens[n].word for n in range(cell.start, cell.end))


def orders(cell: Cell) -> bool:
    """Tell whether a change is named in it, in whatever form, unless the word may just tell how things are."""
    return any(
        one[0] is Role.VERB and one[1] in ORDERED and one[2] not in {"past", "third", "light"} for one in cell.options
    ) and not cell.may(Role.STATE)
