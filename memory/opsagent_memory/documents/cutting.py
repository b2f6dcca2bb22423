"""Sections to chunks: texts of a size that the embedding model reads whole, each under the headings it stands below."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from opsagent_memory.documents.parsed import Block, Parsed, Section

RECIPE = 2
"""Counts up when documents are cut in another way; those that were cut before are then cut anew."""
PIECES = 120
"""The model reads 128 word pieces; two are its own, and the count here is an estimate."""
_PATH_PIECES = 36
_SENTENCE = re.compile(r"(?<=[.!?。])\s+|\n+")
_WORD = re.compile(r"[A-Za-z]+|\d+|\s+|.", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A piece of a document."""

    path: tuple[str, ...]
    """The headings above it, outermost first."""
    text: str
    """What is embedded and searched: title and headings in one line, then the piece itself."""
    page: int | None


def pieces(text: str) -> int:
    """Return about how many word pieces a text has.

    Fitted to MiniLM's vocabulary on prose and code (within a tenth). A syllable of Hangul counts as one.
    """
    count = 0
    for word in _WORD.findall(text):
        if word.isspace():
            continue
        if word.isascii() and word.isalpha():
            count += 1 + (max(0, len(word) - 4) // 5 if len(word) > 8 else 0)
        elif word.isdigit():
            count += (len(word) + 2) // 3
        else:
            count += 1
    return count


def cut(parsed: Parsed, title: str) -> Iterator[Chunk]:
    """Yield the chunks of a document in their order."""
    for section in parsed.sections:
        label = _label(title, section.path)
        room = PIECES - pieces(label)
        for blocks in _packed(section, room):
            text = "\n\n".join(block.text for block in blocks)
            yield Chunk(path=section.path, text=f"{label}\n\n{text}" if label else text, page=blocks[0].page)


def _label(title: str, path: Sequence[str]) -> str:
    """Return title and headings as one line; where it would be long, what lies between the first and the last goes."""
    names = [title, *path] if title and title not in path[:1] else list(path)
    while len(names) > 2 and pieces(" › ".join(names)) > _PATH_PIECES:
        del names[1]
    words = " › ".join(names).split()
    while len(words) > 1 and pieces(" ".join(words)) > _PATH_PIECES:
        words.pop()
    return " ".join(words)[:300]


def _packed(section: Section, room: int) -> Iterator[list[Block]]:
    """Yield groups of whole blocks that fit; a block that does not fit into one is cut first."""
    group: list[Block] = []
    used = 0
    for block in _fitting(section.blocks, room):
        size = pieces(block.text)
        if group and used + size > room:
            # "Run this:" goes with what it announces.
            announced = len(group) > 1 and group[-1].text.endswith(":") and pieces(group[-1].text) + size <= room
            carried = [group.pop()] if announced else []
            yield group
            group, used = carried, sum(pieces(one.text) for one in carried)
        group.append(block)
        used += size
    if group:
        yield group


def _fitting(blocks: Iterable[Block], room: int) -> Iterator[Block]:
    for block in blocks:
        if pieces(block.text) <= room:
            yield block
            continue
        frame = pieces(block.head) + pieces(block.tail)
        if frame * 2 > room:  # a header of forty columns
            block = Block(parts=(block.head, *block.parts), page=block.page)  # noqa: PLW2901
            frame = 0
        for parts in _rows(_small(block.parts, room - frame), room - frame):
            yield Block(parts=parts, head=block.head, tail=block.tail, page=block.page)


def _rows(parts: Iterable[str], room: int) -> Iterator[tuple[str, ...]]:
    """Yield as many parts at a time as fit."""
    row: list[str] = []
    used = 0
    for part in parts:
        size = pieces(part)
        if row and used + size > room:
            yield tuple(row)
            row, used = [], 0
        row.append(part)
        used += size
    if row:
        yield tuple(row)


def _small(parts: Iterable[str], room: int) -> Iterator[str]:
    """Yield parts that fit: those that do not are cut between sentences, then between words, then anywhere."""
    for part in parts:
        if pieces(part) <= room:
            yield part
            continue
        for sentence in _SENTENCE.split(part):
            if pieces(sentence) <= room:
                yield sentence
            else:
                yield from (" ".join(words) for words in _rows(_short(sentence.split(), room), room))


def _short(words: Iterable[str], room: int) -> Iterator[str]:
    for word in words:
        if pieces(word) <= room:
            yield word
        else:
            yield from (word[at : at + room] for at in range(0, len(word), room))
