"""The text of a Korean command and the pieces that it is cut into. A leaf of values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from opsagent.commands.words import Token

QUOTE = "\ue000"
"""Stands for a quoted token in the text that is cut."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: where it stands, what kind it is, what it means."""

    start: int
    end: int
    kind: str
    """A role of `opsagent.commands.tags.Role`, or `vn`, `verb`, `state`, `light`, `lightword`, `passive`, `particle`,
    `metric`, `copula`, `quoted`, `mark`."""
    value: str = ""
    form: str = ""
    polite: bool = False
    slip: bool = False
    """It was read so only after a slip of the pen was mended."""
    kinds: str = "other"
    """What it is to the piece behind it: noun, p (with a particle), vn, vnf, number, verb, question, other."""


@dataclass(frozen=True)
class Text:
    """A text to be cut, with what may be named in it."""

    text: str
    token_at: tuple[int, ...]
    """Index of the token of each character."""
    quoted: Mapping[int, str]
    """Place of each quoted token → what it says."""
    names: Mapping[str, tuple[str, str]]
    """Everything that may be named → (`unit`, `group` or `procedure`, the name that it has)."""
    now: datetime | None = None
    low: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", self.text.lower())

    @cached_property
    def spelt(self) -> Mapping[str, tuple[str, ...]]:
        """The names by their first letter in lower case."""
        found: dict[str, list[str]] = {}
        for name in self.names:
            found.setdefault(name[:1].lower(), []).append(name)
        return {letter: tuple(names) for letter, names in found.items()}

    @cached_property
    def sounding(self) -> tuple[str, ...]:
        """The names that may be written by their sound; nobody says a full id so."""
        return tuple(name for name in self.names if name.isascii() and ":" not in name)

    @classmethod
    def of(cls, tokens: Sequence[Token], names: Mapping[str, tuple[str, str]], now: datetime | None) -> Text:
        """Put tokens back into one text with single blanks."""
        text, places, quoted = "", [], {}
        for index, token in enumerate(tokens):
            if text:
                text += " "
                places.append(index)
            if token.quoted:
                quoted[len(text)] = token.text
            said = QUOTE if token.quoted else token.text
            text += said
            places.extend([index] * len(said))
        return cls(text, tuple(places), quoted, names, now)
