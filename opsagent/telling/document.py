"""A text for people as a value: what it says, before a medium is chosen. Standard library only.

All strings are plain text, of whomever: the three ways of drawing it (`as_lines`, `as_markdown`, `as_html`) escape them,
each with the one function of its medium.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Heading:
    """Begins a section."""

    text: str


@dataclass(frozen=True, slots=True)
class Para:
    """A paragraph."""

    text: str
    soft: bool = False
    """A remark beside the matter."""


@dataclass(frozen=True, slots=True)
class Bullets:
    """A list; each entry with the lines below it."""

    items: Sequence[Bullet]


@dataclass(frozen=True, slots=True)
class Bullet:
    """An entry of a list."""

    text: str
    below: Sequence[str] = ()
    quote: str = ""
    """What somebody else wrote: shown as such."""


@dataclass(frozen=True, slots=True)
class Facts:
    """Names and values, one a line."""

    pairs: Sequence[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Rows:
    """A table."""

    heads: Sequence[str]
    rows: Sequence[Sequence[str]]


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines whose layout matters: a diff, a command."""

    text: str
    kind: str = ""
    """`diff`, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A moment that stands out in a chart."""

    at: datetime
    text: str
    hue: str
    """A class of `opsagent.telling.charts.STYLE`: bad, acted, good."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """One thing over time."""

    title: str
    points: Sequence[tuple[datetime, float]]
    kind: str
    """`line`; `bars` for counts; `band` for 1 (well) and 0 (not well)."""
    marks: Sequence[Mark] = ()
    keyed: bool = True
    """Whether it says what the marks mean."""
    scale: str = "{:g}"
    """How a value is written; `{bytes}` as a size."""
    begins: datetime
    ends: datetime


Block = Heading | Para | Bullets | Facts | Rows | Lines | Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A whole text."""

    title: str
    blocks: Sequence[Block]
    language: str = "en"
    zone: str = "UTC"
    """Of the times in its charts."""
