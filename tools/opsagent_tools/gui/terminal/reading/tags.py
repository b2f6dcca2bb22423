"""Tags: the first word of each row of a list, by which a program knows its rows (`2  Restart`). People go by what follows."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsagent_tools.gui.matching.telling import tells
from opsagent_tools.gui.terminal.reading.words import tidy

_SHORT = 3
_TELLS = 3
"""Shorter tags are keys and numbers: places in a list, which say nothing of what stands there."""
_FIRST = re.compile(r"\s*(?P<tag>\S+)")


def untagged(lines: Sequence[str], *, likely: bool = False) -> list[str]:
    """Return what follows the tag in each row; empty texts where the rows have no tags, or differ by nothing else.

    Rows have tags if each begins with a word of its own and what follows begins at one column in all of them: behind two blanks
    somewhere, after very short words, or where tags are likely. Menus whose items happen to begin with words of one length have none.

    likely: they stand in a dialog with buttons, where programs list tags and items.
    """
    none = [""] * len(lines)
    tags = [_FIRST.match(line) for line in lines]
    if len(lines) < 2 or not all(tags) or len({len(line) - len(line.lstrip()) for line in lines}) != 1:
        return none
    if len({tag["tag"] for tag in tags if tag}) != len(lines):
        return none
    ends = [tag.end() for tag in tags if tag]
    start = max(ends) + 1
    start += min(len(line[start:]) - len(line[start:].lstrip()) for line in lines)
    for line, end in zip(lines, ends, strict=True):
        if line[end:start].strip() or not line[start : start + 1].strip() or start - end < 1:
            return none
    short = max(len(tag["tag"]) for tag in tags if tag) <= _SHORT
    padded = any(start - end >= 2 for end in ends)
    items = [tidy(line[start:]) for line in lines]
    return items if (short or padded or likely) and len(set(items)) == len(items) else none


def tag_of(line: str) -> str:
    """Return the tag of a row that has one, if it is a word that can only mean this row; else an empty text."""
    found = _FIRST.match(line)
    tag = tidy(found["tag"]) if found else ""
    return tag if len(tag) >= _TELLS and tells(tag) and any(one.isalpha() for one in tag) else ""
