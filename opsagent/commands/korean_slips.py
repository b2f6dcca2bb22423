"""Korean words with one slip in a letter of a syllable: 즁지, 롤벡, 로고. Pure; for offers and for looking only."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache

from opsagent.commands.korean_verbs import VERBAL_NOUNS
from opsagent.commands.korean_words import words

_FIRST, _LAST = 0xAC00, 0xD7A3
_LONGEST = 6
_NOUNS = frozenset({"로그", "상태", "메모리", "디스크"})


def letters(word: str) -> str:
    """Return the letters of the syllables, three for each; what is no syllable stays."""
    found = []
    for char in word:
        if _FIRST <= ord(char) <= _LAST:
            code = ord(char) - _FIRST
            found.append(chr(0x1100 + code // 588) + chr(0x1161 + code % 588 // 28) + chr(0x11A7 + code % 28))
        else:
            found.append(char)
    return "".join(found)


@cache
def _by_hole() -> dict[tuple[str, str], tuple[str, ...]]:
    """Return the words by what is left of them without one of their syllables: (what is before it, what is behind)."""
    nouns = {noun for entries in VERBAL_NOUNS.values() for noun in entries.split()}
    nouns |= {word for row in words().values() for word, kind, _, _ in row if kind == "noun" and word in _NOUNS}
    found: dict[tuple[str, str], list[str]] = {}
    for noun in sorted(nouns):
        if len(noun) > 1 and all(_FIRST <= ord(char) <= _LAST for char in noun):
            for at in range(len(noun)):
                found.setdefault((noun[:at], noun[at + 1 :]), []).append(noun)
    return {hole: tuple(row) for hole, row in found.items()}


def spellings(word: str) -> Iterator[str]:
    """Give the word with its beginning spelt as a word of the vocabulary that differs in one letter."""
    if word.startswith(("해", "하", "한", "할", "했")) or word.endswith(("니까", "니깐", "으니", "이니")):
        return
    for length in range(min(len(word), _LONGEST), 1, -1):
        for at in reversed(range(length)):
            for noun in _by_hole().get((word[:at], word[at + 1 : length]), ()):
                differ = sum(a != b for a, b in zip(letters(noun[at]), letters(word[at]), strict=False))
                if differ == 1:
                    yield noun + word[length:]
