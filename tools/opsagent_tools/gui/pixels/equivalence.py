"""When what was read in a field is what was typed into it, as far as pictures tell. Pure.

Accepted are differences that the letters of screens do not show: spaces, the width of dashes and quotes, `0` and `O`,
`1`, `l`, `I` and `|`, and capitals that have the shape of their small letters. Nothing else: a digit for another, or a
letter that is missing, is another text.
"""

from __future__ import annotations

import unicodedata

_SHAPES = str.maketrans({
    "0": "o", "O": "o", "〇": "o", "1": "l", "I": "l", "|": "l", "丨": "l", "C": "c", "S": "s", "V": "v", "W": "w", "X": "x",
    "Z": "z", "U": "u", "–": "-", "—": "-", "−": "-", "‐": "-", "一": "-", "ー": "-", "’": "'", "‘": "'", "`": "'", "´": "'",
    "“": '"', "”": '"', "：": ":", "，": ",", "；": ";", "（": "(", "）": ")", "！": "!", "？": "?", "×": "x",
})  # fmt: skip
_LONG_ENOUGH = 4


def shape_of(text: str) -> str:
    """Return what pictures tell of a text."""
    return "".join(unicodedata.normalize("NFC", text).translate(_SHAPES).split())


def same_when_read(typed: str, read: str) -> bool:
    """Say whether `read` is how `typed` is read."""
    return shape_of(typed) == shape_of(read)


def part_when_read(typed: str, read: str) -> bool:
    """Say whether `read` is a part of `typed`, as a field shows that is too narrow for it."""
    shape = shape_of(read)
    return len(shape) >= _LONG_ENOUGH and shape in shape_of(typed)


def nearly_when_read(typed: str, read: str) -> bool:
    """Say whether `read` may be a misreading of `typed`: few of its signs are others, missing, or too many."""
    wanted, found = shape_of(typed), shape_of(read)
    allowed = 1 + len(wanted) // 8
    if abs(len(wanted) - len(found)) > allowed or len(wanted) < 2:
        return False
    row = list(range(len(found) + 1))  # Levenshtein's distance, a row at a time
    for at, sign in enumerate(wanted, 1):
        before, row[0] = row[0], at
        for number, other in enumerate(found, 1):
            before, row[number] = row[number], min(row[number] + 1, row[number - 1] + 1, before + (sign != other))
    return row[-1] <= allowed
