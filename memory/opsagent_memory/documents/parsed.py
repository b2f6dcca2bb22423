"""What a reader makes of a file: sections of blocks. Plain data, so that it can come from another process as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Something that belongs together: a paragraph, a list, a table, a piece of code."""

    parts: tuple[str, ...]
    """Where it may be cut if it must: sentences of a paragraph are found later, but lines of code, rows of a table
    and items of a list are parts."""
    head: str = ""
    """Said again above each piece if it is cut: the fence of code, the header of a table."""
    tail: str = ""
    """Said again below each piece."""
    page: int | None = None
    """Of a PDF, from 1."""

    @property
    def text(self) -> str:
        """Return the whole block."""
        return self.of(self.parts)

    def of(self, parts: tuple[str, ...]) -> str:
        """Return some parts as a block of their own."""
        return "\n".join(filter(None, (self.head, "\n".join(parts), self.tail)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What stands under one heading, up to the next one."""

    path: tuple[str, ...]
    """The heading and those above it, outermost first; empty before the first heading."""
    blocks: tuple[Block, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Parsed:
    """A file as its reader understood it."""

    title: str = ""
    sections: tuple[Section, ...] = ()
    front_matter: Mapping[str, Any] = field(default_factory=dict)
    """Plain values and lists of them."""


class SectionsBuilder:
    """Puts headings and blocks, in the order of the document, into sections."""

    def __init__(self) -> None:
        self._open: list[tuple[int, str]] = []
        self._blocks: list[Block] = []
        self._sections: list[Section] = []

    def heading(self, level: int, text: str) -> None:
        """Begin a section; those of the same or a deeper level end."""
        self._close()
        while self._open and self._open[-1][0] >= level:
            self._open.pop()
        if text:
            self._open.append((level, text))

    def block(self, block: Block) -> None:
        """Add to the open section; a block that says nothing is left out."""
        if any(part.strip() for part in block.parts):
            self._blocks.append(block)

    def sections(self) -> tuple[Section, ...]:
        """Return what has been built."""
        self._close()
        return tuple(self._sections)

    def _close(self) -> None:
        if self._blocks:
            path = tuple(text for _, text in self._open)
            self._sections.append(Section(path=path, blocks=tuple(self._blocks)))
            self._blocks = []


def to_json(parsed: Parsed) -> dict[str, Any]:
    """Return it as JSON can hold it."""
    sections = [[section.path, [_block(block) for block in section.blocks]] for section in parsed.sections]
    return {"title": parsed.title, "front_matter": dict(parsed.front_matter), "sections": sections}


def from_json(data: Mapping[str, Any]) -> Parsed:
    """Return what `to_json` wrote down."""
    sections = tuple(
        Section(
            path=tuple(path),
            blocks=tuple(Block(parts=tuple(parts), head=head, tail=tail, page=page) for parts, head, tail, page in of),
        )
        for path, of in data["sections"]
    )
    return Parsed(title=data["title"], sections=sections, front_matter=data["front_matter"])


def _block(block: Block) -> list[Any]:
    return [block.parts, block.head, block.tail, block.page]
