"""When two names on screens are the same name: written twice by a toolkit, read by OCR, or put in other words."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

AS_WRITTEN, ALIKE, AS_READ, NEARLY, NOT = 1.0, 0.94, 0.85, 0.7, 0.0
"""How surely two names are one: equal · but for case and decoration · but for what OCR confuses · but for one sign."""

_SHORTCUT = re.compile(
    r"(?:\s+|\t)(?:(?:ctrl|strg|alt|shift|umschalt|super|meta|cmd|command|control|altgr)\s?[+-]\s?)+\S{1,10}\s*$"
    r"|(?:\t|\s{2,})\(?f\d{1,2}\)?\s*$",
    re.IGNORECASE,
)
_MNEMONIC_IN_BRACKETS = re.compile(r"(?<=[^\x00-\x7f])\s*\(_?&?[A-Za-z0-9]\)")
_TRAILING = re.compile(r"(?:\s|\.{2,}|[:*]|-+>|[▶▸►→»])+$")
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "‘": "'", "’": "'", "–": "-", "—": "-", "−": "-", "·": "."})
_CONFUSED = str.maketrans({"0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "5": "s", "8": "b", "2": "z", "ı": "l"})
_NOT_READ = re.compile(r"[\s.,:;'\"`´_*•()\[\]{}<>-]+")
_AS_DIGIT = "[0-9olisbz|!ı]"
"""Digits, and what they are read as."""
_SIGNS = re.compile(
    rf"(?<=\d)[.,:'](?={_AS_DIGIT})|(?<={_AS_DIGIT})[.,:'](?=\d)|(?<=\d)-(?=\w)|(?<=\w)-(?=\d)|^-(?=\d)|(?<=\w)-$"
)
_WAYS = re.compile("[<>]")
_LONGEST_KEPT = 200
"""Signs of a text that is remembered; what areas of text hold would fill the memory."""
_LONG_ENOUGH = 8
_LONG_WORD = 4
_LEFT_OUT = re.compile(r"…|\.{3}|~(?!/)|(?<=/)~(?=/)")
"""What stands for the part of a name that had no room."""


def plain(name: str) -> str:
    """Return `name` without case, mnemonics, width forms, shortcut text, and a trailing colon, ellipsis or arrow.

    A name that is nothing but such signs (the `*` of a calculator) stays as it is.
    """
    return _plain_kept(name) if len(name) <= _LONGEST_KEPT else _plain(name)


def skeleton(name: str, *, kept: bool = True) -> str:
    """Return what OCR keeps of `name`: no spaces, accents or small signs, and one letter for those that look alike.

    `kept`: it may stay in the memory of the process. A secret may not.
    """
    return _skeleton_kept(name) if kept and len(name) <= _LONGEST_KEPT else _skeleton(name)


def _plain(name: str) -> str:
    text = unicodedata.normalize("NFKC", name).translate(_QUOTES)
    text = _MNEMONIC_IN_BRACKETS.sub("", _SHORTCUT.sub("", text))
    text = _without_mnemonic(text)
    bare = " ".join(_TRAILING.sub("", text).split()).casefold()
    return bare or " ".join(text.split()).casefold()


def _skeleton(name: str) -> str:
    said = _plain(name)
    return _bones(said) or said


def _bones(said: str) -> str:
    unaccented = "".join(one for one in unicodedata.normalize("NFD", said) if unicodedata.category(one) != "Mn")
    bare = _NOT_READ.sub("", unicodedata.normalize("NFC", unaccented))
    return bare.translate(_CONFUSED).replace("rn", "m").replace("vv", "w")


_plain_kept = lru_cache(maxsize=8192)(_plain)
_skeleton_kept = lru_cache(maxsize=8192)(_skeleton)


def same(wanted: str, seen: str, *, read: bool = False) -> float:
    """Return how surely `seen` is the name `wanted`, from NOT to AS_WRITTEN. `read`: it was recognised, not told.

    Names that a person tells apart are told apart: `Export` is not `Export all`, `Item 1` not `Item 2`, nor `Import` `Export`.
    """
    if not wanted or not seen:
        return NOT
    if wanted == seen:
        return AS_WRITTEN
    if plain(wanted) == plain(seen):
        return ALIKE
    if not read:
        return NOT
    bones, bones_seen = skeleton(wanted), skeleton(seen)
    if bones == bones_seen and (len(bones) > 1 or plain(wanted).isalnum() == plain(seen).isalnum()):
        return AS_READ if _same_signs(wanted, seen) else NOT
    nearly = _one_sign_apart(bones, bones_seen) and _digits(wanted) == _digits(seen) and _same_short_words(wanted, seen)
    return NEARLY if nearly and [kind for _, kind in _signs(wanted)] == [kind for _, kind in _signs(seen)] else NOT


def _same_signs(wanted: str, seen: str) -> bool:
    """Tell whether small signs that tell one number or direction from another are the same, at the same places.

    `10.0.0.11` is not `10.0.01.1`, nor `db-1` `db1`, `-10` `10`, `Page <` `Page >`. A point, a comma and a colon are one.
    """
    ways, ways_seen = ({*_WAYS.findall(plain(one))} for one in (wanted, seen))
    return _signs(wanted) == _signs(seen) and (not ways or not ways_seen or ways == ways_seen)


def _signs(name: str) -> list[tuple[int, str]]:
    """Return points between digits, and dashes beside digits and at the end: behind how many signs, and which."""
    text = "".join(plain(name).split())
    return [(len(_bones(text[: one.start()])), "-" if one.group() == "-" else ".") for one in _SIGNS.finditer(text)]


def shortened(one: str, other: str) -> bool:
    """Tell whether one of both is the other without a part that had no room: `...2/work/reports`, `Long na…`, `/usr/~/doc`."""
    for short, whole in ((one, other), (other, one)):
        parts = _LEFT_OUT.split(short)
        if len(parts) != 2 or len(short) >= len(whole) or len(parts[0]) + len(parts[1]) < _LONG_ENOUGH:
            continue
        if whole.startswith(parts[0]) and whole.endswith(parts[1]):
            return True
    return False


def _without_mnemonic(text: str) -> str:
    """Drop the one `_` or `&` that marks a letter; `log_level` keeps nothing to tell it from `loglevel`, which is no harm."""
    for mark in "_&":
        if text.count(mark) == 1 and re.search(rf"{mark}\w", text) and not re.search(rf"\s{mark}\s", text):
            text = text.replace(mark, "")
    return text.replace("&&", "&")


def _digits(name: str) -> str:
    return "".join(one for one in name if one.isdigit())


def _same_short_words(wanted: str, seen: str) -> bool:
    """Tell whether no short word is another one: `Time X` is not `Time Y`, nor `copy to` `copy of`, however alike the rest is."""
    words, others = plain(wanted).split(), plain(seen).split()
    if len(words) != len(others):
        return True  # a space was not read
    apart = [
        max(len(one), len(other)) for one, other in zip(words, others, strict=True) if skeleton(one) != skeleton(other)
    ]
    return not apart or min(apart) >= _LONG_WORD


def _one_sign_apart(left: str, right: str) -> bool:
    """Tell whether one letter, not the first, was misread, lost or added in a long name."""
    if min(len(left), len(right)) < _LONG_ENOUGH or abs(len(left) - len(right)) > 1 or left[0] != right[0]:
        return False
    at = next((n for n, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    if at >= min(len(left), len(right)):
        return False  # one more sign at the end is another word: `Report`, `Reports`
    if at == len(left) - 1 == len(right) - 1:
        return False  # the last sign tells one from another: `Axis X`, `Axis Y`
    return left[at + 1 :] == right[at + 1 :] or left[at:] == right[at + 1 :] or left[at + 1 :] == right[at:]
