"""When what was read in a field is what was typed into it, as far as pictures tell. Pure.

Accepted are differences that the letters of screens do not show: spaces, the width of dashes and quotes, `0` and `O`,
`1`, `l`, `I` and `|`, and capitals that have the shape of their small letters. Nothing else: a digit for another, or a
letter that is missing, is another text.
"""

from __future__ import annotations

import re
import unicodedata

_NUMBER = re.compile(r"[+-]?\d[\d., ]*")
_UNIT = re.compile(r"[^\d\s]{1,12}")
_WITH_UNIT = re.compile(r"([^\d+-]*)([+-]?\d[\d., ]*)(\D*)")
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
    """Say whether `read` is how `typed` is read. Places that a mask of input left blank are none of it."""
    return shape_of(typed) in {shape_of(read), _filled(typed, read)}


def part_when_read(typed: str, read: str) -> bool:
    """Say whether `read` is a part of `typed`, as a field shows that is too narrow for it: its first letter may be cut."""
    shape, wanted = shape_of(read), shape_of(typed)
    return (len(shape) >= _LONG_ENOUGH and shape in wanted) or (len(shape) > _LONG_ENOUGH and shape[1:] in wanted)


def _filled(typed: str, read: str) -> str:
    """Return what pictures tell of a text without the places that a mask of input (`10_.1__.`) left blank."""
    return shape_of(read if "_" in typed else read.replace("_", ""))


def is_number(text: str) -> bool:
    """Say whether a text is a number, which a unit may stand beside."""
    return _NUMBER.fullmatch(text) is not None


def is_unit(text: str) -> bool:
    """Say whether a text may be a unit, or a sign of a currency: a word without digits."""
    return _UNIT.fullmatch(text.strip()) is not None


def without_unit(read: str, unit: str) -> str:
    """Return the number in what was read, if a unit stands right before or after it; else what was read."""
    found = _WITH_UNIT.fullmatch(read.strip())
    if not unit or found is None or max(len(found[1]), len(found[3])) > len(unit) + 1:
        return read
    return found[2].strip()


def nearly_when_read(typed: str, read: str) -> bool:
    """Say whether `read` may be a misreading of `typed`: few of its signs are others, missing, or too many."""
    wanted, found = shape_of(typed), _filled(typed, read)
    allowed = 1 + len(wanted) // 8
    if abs(len(wanted) - len(found)) > allowed or len(wanted) < 2:
        return False
    return _distance(wanted, found) <= allowed


def quite_another(typed: str, read: str) -> bool:
    """Say whether `read` is another text than `typed` however badly it was read: most of its signs are others."""
    wanted, found = shape_of(typed), _filled(typed, read)
    return len(found) >= _LONG_ENOUGH and 2 * _distance(wanted, found) > max(len(wanted), len(found))


def _distance(wanted: str, found: str) -> int:
    """Return how many signs are others, missing, or too many (Levenshtein's distance)."""
    row = list(range(len(found) + 1))
    for at, sign in enumerate(wanted, 1):
        before, row[0] = row[0], at
        for number, other in enumerate(found, 1):
            before, row[number] = row[number], min(row[number] + 1, row[number - 1] + 1, before + (sign != other))
    return row[-1]
