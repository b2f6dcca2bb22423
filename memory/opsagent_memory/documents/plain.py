"""Plain text to sections: paragraphs, and headings that are underlined (as in reStructuredText and many READMEs)."""

from __future__ import annotations

import re

from opsagent_memory.documents.parsed import Block, Parsed, SectionsBuilder

_UNDERLINE = re.compile(r"([=\-~^\"'+*#])\1{2,}")
_ITEM = re.compile(r"\s*(?:[-*+•]|\d+[.)])\s+\S")


def read(text: str) -> Parsed:
    """Return the sections of a plain text."""
    lines = [line.rstrip() for line in text.replace("\r\n", "\n").replace("\r", "\n").replace("\f", "\n\n").split("\n")]
    builder, levels, title = SectionsBuilder(), dict[str, int](), ""
    paragraph: list[str] = []
    at = 0
    while at < len(lines):
        line = lines[at]
        following = lines[at + 1] if at + 1 < len(lines) else ""
        if not paragraph and _is_heading(line, following):
            level = levels.setdefault(following[0], len(levels) + 1)
            builder.heading(level, line.strip())
            title = title or line.strip()
            at += 2
            continue
        if line:
            paragraph.append(line)
        if (not line or at + 1 == len(lines)) and paragraph:
            builder.block(_block(paragraph))
            paragraph = []
        at += 1
    return Parsed(title=title, sections=builder.sections())


def _is_heading(line: str, following: str) -> bool:
    words = line.strip()
    if not words or len(words) > 120 or _UNDERLINE.fullmatch(words):
        return False
    return _UNDERLINE.fullmatch(following) is not None and len(following) >= min(len(words), 3)


def _block(lines: list[str]) -> Block:
    """Return a paragraph; where its lines are items of a list, or code (indented), they may be cut between lines."""
    lines = [line for line in lines if not _UNDERLINE.fullmatch(line)]  # a line over a heading, a rule
    listing = sum(map(bool, map(_ITEM.match, lines))) * 2 >= len(lines)
    indented = all(line[:1].isspace() for line in lines)
    return Block(parts=tuple(lines) if listing or indented else ("\n".join(lines),))
