"""Text → tokens, and which of them cannot be trusted to be what they look like. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, field

MAX_TEXT = 400
"""Characters that a command may have; longer text is no command."""

_QUOTES = {'"': '"', "'": "'", "`": "`", "“": "”", "‘": "’"}
_QUOTED = "".join({*_QUOTES, *_QUOTES.values()}) + ".,!?"
_PUNCTUATION = ".,!?;:…。、！？"
_STYLED = re.compile("(.)\ufe0f")
_INVISIBLE = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@dataclass(frozen=True, slots=True)
class Token:
    """One word of a command, a quoted piece of text, or a punctuation mark."""

    text: str
    quoted: bool = False
    at: int = field(default=0, compare=False)
    """Where it begins in the text."""

    @property
    def word(self) -> str:
        """The form that the vocabulary is written in; empty for quoted text, which is never vocabulary."""
        return "" if self.quoted else self.text.lower()


def tokenize(text: str) -> tuple[Token, ...]:
    """Split a command into words, quoted pieces and punctuation marks; nothing is dropped but blanks."""
    tokens: list[Token] = []
    at = 0
    while at < len(text):
        char = text[at]
        if char.isspace():
            at += 1
            continue
        end = _end_of_quoted(text, at)
        if end is not None:
            tokens.append(Token(text[at + 1 : end], quoted=True, at=at + 1))
            at = end + 1
            continue
        end = at
        while end < len(text) and not text[end].isspace() and (end == at or _end_of_quoted(text, end) is None):
            end += 1
        tokens.extend(_split_punctuation(text[at:end], at))
        at = end
    return tuple(tokens)


def _end_of_quoted(text: str, at: int) -> int | None:
    """Return where the piece that is quoted from `at` on ends; None where no quotation begins there."""
    closing = _QUOTES.get(text[at])
    if closing is None or (at > 0 and not text[at - 1].isspace() and text[at - 1] not in "(,"):
        return None
    end = text.find(closing, at + 1)
    return end if end > at + 1 else None


def _split_punctuation(word: str, at: int) -> list[Token]:
    body = word.rstrip(_PUNCTUATION)
    marks = [Token(mark, at=at + n) for n, mark in enumerate(word[len(body) :], start=len(body))]
    return ([Token(body, at=at)] if body else []) + marks


_POLITE = re.compile(
    r"^(?:(?:please|pls|plz|hey|hi|hello|ok|okay|can you|could you|would you|opsagent|just|좀|제발|저기)[\s,]+)+"
    r"|(?:[\s,]+(?:please|pls|plz|thanks|thank you|thx|now|for me|좀|요|고마워|감사합니다))+$"
)


def normal_form(text: str) -> str:
    """Return the form in which a text is kept beside what a person meant by it: case, blanks and politeness are gone.

    Names stay, and so does everything that may change a meaning: a question mark, `not`, `if`.
    """
    plain = " ".join(unicodedata.normalize("NFC", text).lower().replace("’", "'").split()).strip(" .!。")
    bare = _POLITE.sub("", plain).strip(" ,.!")
    return bare or plain


def suspicious(text: str, names: frozenset[str] = frozenset()) -> str:
    """Return why the text may not be what it looks like, or an empty string.

    Invisible and bidirectional characters can hide words; letters of two alphabets in one word can imitate a name
    (Unicode TR 39, mixed-script confusables). Hangul beside Latin is how Korean particles are written. `names` are
    known: they may be in any alphabet.
    """
    if text.isascii() and text.isprintable():
        return ""
    for char in text:
        if unicodedata.category(char) in _INVISIBLE and char != "\t":
            return f"it has an invisible or control character (U+{ord(char):04X})"
    for word in _without_styles(text).split():
        for char in "" if word.strip(_QUOTED) in names else word:
            script = _script(char)
            if script not in {"LATIN", "HANGUL", ""}:
                return f"{char!r} (U+{ord(char):04X}, {unicodedata.name(char, 'unnamed').lower()}) looks out of place"
            if script == "LATIN" and not char.isascii() and not _is_a_word(word, names):
                return f"{char!r} (U+{ord(char):04X}) is not a plain letter"
    return ""


def _is_a_word(word: str, names: frozenset[str]) -> bool:
    """Tell whether a word with accents is a long one, such as a customer's name, and none that looks like a service's."""
    bare = "".join(char for char in unicodedata.normalize("NFD", word) if char.isascii())
    latin = all(char.isascii() or "À" <= char <= "ÿ" for char in word)
    return latin and len(word) > 4 and bare.strip(_QUOTED).lower() not in {name.lower() for name in names}


def _without_styles(text: str) -> str:
    """Return a text without the mark that says that the symbol before it is drawn in colours (U+FE0F)."""
    return _STYLED.sub(lambda found: found[1] if unicodedata.category(found[1]) in {"So", "Sm"} else found[0], text)


def _script(char: str) -> str:
    """Return the alphabet of a letter by its Unicode name; empty for what is no letter."""
    if not unicodedata.category(char).startswith(("L", "N", "M")) or (char.isascii() and not char.isalpha()):
        return ""
    return unicodedata.name(char, "UNKNOWN").split(" ")[0]


def vocabulary(words: str) -> frozenset[str]:
    """Return the words of a blank-separated list."""
    return frozenset(words.split())


def has_hangul(text: str) -> bool:
    """Tell whether any syllable or letter of the Korean alphabet is in it."""
    return any("가" <= char <= "힣" or "ㄱ" <= char <= "ㅣ" for char in text)


def distance(one: str, other: str) -> int:
    """Return the edit distance in which a swap of neighbours counts once (optimal string alignment)."""
    rows = [list(range(len(other) + 1))]
    for i, a in enumerate(one, 1):
        row = [i]
        for j, b in enumerate(other, 1):
            cost = min(rows[-1][j] + 1, row[-1] + 1, rows[-1][j - 1] + (a != b))
            if i > 1 and j > 1 and a == other[j - 2] and b == one[i - 2]:
                cost = min(cost, rows[-2][j - 2] + 1)
            row.append(cost)
        rows.append(row)
    return rows[-1][-1]


def nearest(word: str, names: Iterable[str]) -> tuple[str, ...]:
    """Return the names that may have been meant by `word`, nearest first. For offers only, never to run."""
    lowered = word.lower()
    found = []
    for name in names:
        allowed = max(1, len(name) // 3)
        starts = len(lowered) >= 2 and name.lower().startswith(lowered)
        if starts:
            found.append((0, name))
        elif abs(len(lowered) - len(name)) <= allowed and (far := distance(lowered, name.lower())) <= allowed:
            found.append((far, name))
    return tuple(name for _, name in sorted(found))
