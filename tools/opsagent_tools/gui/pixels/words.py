"""Recognised text, and what its words say of a field."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from opsagent_tools.gui.model import Box

_BULLETS = re.compile(r"[•●·*○◦∙⋅.]{2,}")

_WORD_GAP = 0.85
"""Of the height of text: what parts words of one sentence, at most."""
_DIGITS, _LOW = 4, 0.65
"""From so many lone digits on one that is lower than this part of the usual height is none."""


@dataclass(frozen=True, slots=True)
class Text:
    """One recognised text."""

    box: Box
    text: str
    score: float
    height: int
    """Of the ink of its line, in pixels: what distances are measured in."""


def median_height(texts: Sequence[Text]) -> int:
    """Return the usual height of some texts, 0 where there is none."""
    heights = sorted(one.height for one in texts)
    return heights[len(heights) // 2] if heights else 0


def without_low_digits(texts: Sequence[Text]) -> list[Text]:
    """Return the texts without lone digits that are much lower than the others: a `,` on a button is read as `1`."""
    heights = sorted(one.box.height for one in texts if _is_digit(one))
    if len(heights) < _DIGITS:
        return list(texts)
    least = _LOW * heights[len(heights) // 2]
    return [one for one in texts if not _is_digit(one) or one.box.height >= least]


def _is_digit(one: Text) -> bool:
    return len(one.text) == 1 and one.text.isdecimal()


def in_reading_order(texts: Sequence[Text]) -> list[Text]:
    """Return texts row by row, each from left to right. What stands in one row need not be equally high."""
    rows: list[list[Text]] = []
    for one in sorted(texts, key=lambda each: each.box.center.y):
        last = rows[-1][-1] if rows else None
        if last is not None and one.box.center.y - last.box.center.y <= 0.5 * max(one.height, last.height):
            rows[-1].append(one)
        else:
            rows.append([one])
    return [one for row in rows for one in sorted(row, key=lambda each: each.box.left)]


def whole_sentences(texts: Sequence[Text], bottom: int) -> list[Text]:
    """Return the texts with those of the first row joined that are words of one sentence.

    Menus stand close in large fonts, as words of fixed-pitch fonts do; but their names begin with capitals.

    Args:
        texts: in any order.
        bottom: where the first row ends.
    """
    row = sorted((one for one in texts if one.box.center.y < bottom), key=lambda one: one.box.left)
    found = [one for one in texts if one.box.center.y >= bottom]
    for one in row:
        last = found[-1] if found and found[-1].box.center.y < bottom else None
        close = last is not None and 0 <= one.box.left - last.box.right <= _WORD_GAP * last.height
        if last is None or not close or not one.text[:1].islower():
            found.append(one)
            continue
        top, low = min(last.box.top, one.box.top), max(last.box.bottom, one.box.bottom)
        box = Box(last.box.left, top, one.box.right - last.box.left, low - top)
        found[-1] = Text(box, f"{last.text} {one.text}", min(last.score, one.score), max(last.height, one.height))
    return found


def is_masked(value: str) -> bool:
    """Say whether a value is shown as bullets."""
    return _BULLETS.fullmatch(value.replace(" ", "")) is not None


def stray_ends(text: str) -> tuple[int, int]:
    """Return how many signs at the beginning and end are no text: a picture beside Latin words, read as a sign.

    `易File` is an arrow and `File`; `Name▼` is the name of a column, and which way it is sorted.
    """
    kinds = [_kind(sign) for sign in text]
    if kinds.count("latin") < 2 or kinds.count("picture") > 2:
        return 0, 0
    before = next(n for n, kind in enumerate(kinds) if kind not in {"picture", "space"})
    after = next(n for n, kind in enumerate(reversed(kinds)) if kind not in {"picture", "space"})
    return (before if "picture" in kinds[:before] else 0, after if after and "picture" in kinds[-after:] else 0)


def is_lone_sign(text: str) -> bool:
    """Say whether a text is one sign of a script that has no small letters: a `+` is easily read as `十`."""
    return len(text) == 1 and _kind(text) == "picture"


def has_words_of_others(text: str) -> bool:
    """Say whether there are two letters of such a script side by side: words, and no misread picture."""
    kinds = "".join("p" if _kind(sign) == "picture" and sign.isalpha() else "-" for sign in text)
    return "pp" in kinds


def _kind(sign: str) -> str:
    if sign.isspace():
        return "space"
    if sign.isascii() or "LATIN" in unicodedata.name(sign, ""):
        return "latin" if sign.isalnum() else "other"
    return "picture" if unicodedata.category(sign) in {"Lo", "So", "Sm"} else "other"
