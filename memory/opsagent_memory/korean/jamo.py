"""Hangul taken apart into its letters, where endings melt into stems. Standard library only."""

from __future__ import annotations

import re

HANGUL = re.compile(r"[가-힣]+")
_FIRST, _VOWELS, _LAST = 0x1100, 0x1161, 0x11A7
_EU, _I, _O, _U, _A, _EO = (chr(_VOWELS + place) for place in (18, 20, 8, 13, 0, 4))
_AE, _YEO, _WA, _WO = (chr(_VOWELS + place) for place in (1, 6, 9, 14))
_R, _SILENT, _H = chr(_FIRST + 5), chr(_FIRST + 11), chr(_FIRST + 18)
_B_LAST, _R_LAST = chr(_LAST + 17), chr(_LAST + 8)
_MELTED = {_I: (_YEO,), _U: (_WO,), _O: (_WA,), _EU: (_EO, _A)}


def letters(text: str) -> str:
    """Return Hangul syllables as first, middle and last letters (conjoining code points); the rest as it is."""
    parts: list[str] = []
    for char in text:
        code = ord(char) - 0xAC00
        if 0 <= code < 11_172:
            parts += (chr(_FIRST + code // 588), chr(_VOWELS + code % 588 // 28))
            if code % 28:
                parts.append(chr(_LAST + code % 28))
        else:
            parts.append(char)
    return "".join(parts)


def starts_syllable(letter: str) -> bool:
    """Whether a letter of `letters` is the first of a syllable."""
    return _FIRST <= ord(letter) < _VOWELS


def stem_forms(stem: str) -> set[str]:
    """Return the shapes that a stem, in letters, takes before endings (느리: 느리, 느려; 무겁: 무겁, 무거우, 무거워)."""
    forms = {stem}
    last, before = stem[-1], stem[:-1]
    if stem.endswith(_R + _EU) and len(stem) > 3:  # 흐르: 흘러, 모르: 몰라
        forms |= {stem[:-2] + _R_LAST + _R + vowel for vowel in (_EO, _A)}
    if stem.endswith(_H + _A):
        forms.add(before + _AE)
    if last == _B_LAST:
        forms |= {before + _SILENT + _U, before + _SILENT + _WO}
    for vowel in _MELTED.get(last, ()):
        forms.add(before + vowel)
    return forms
