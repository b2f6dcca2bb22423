"""Columns that a collector puts before a line: a label, a count, a host, a second stamp. Standard library only.

Programs that gather the logs of many machines write what they know before what was logged, and no two of them the same
columns. What they have in common: they come before a stamp, a level or a program's tag, and are values, not words.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple

_HEAD = 200
_WORDS = 12
"""Columns stand within so many words."""
_FIRST = re.compile(r"(?:-|[A-Z][A-Z0-9_]{2,}|[^\s\d]{0,20}\d\S*) +\S")
_STAMP = re.compile(r"\d{4}[-/.]\d\d[-/.]\d\d[T _-]\d\d[:.]\d\d[:.]\d\d|[12]\d{9}(?: |$)|\d\d:\d\d:\d\d")
_CLOCK = re.compile(r"\d\d[:.]\d\d[:.]\d\d|[12]\d{9}")
"""What every stamp has in it."""
_WIDEST = 20
_SYSLOG = re.compile(r"[A-Z][a-z]{2} +\d\d? \d\d:\d\d:\d\d")
_MONTHS = frozenset("Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split())
_LEVELS = frozenset("TRACE DEBUG INFO NOTICE WARN WARNING ERROR FATAL CRITICAL SEVERE ALERT EMERG PANIC".split())
_TAG = re.compile(r"[\w./()-]+\[\d+\]:")
_DIGIT = re.compile(r"\d")
_SHORT = re.compile(r"(?!\S*\]:(?: |$))\d\S{0,6}(?= |$)")
"""A value that is no stamp and no tag for certain."""
_MARKS = "-|:;,.*#=+~[](){}<>/"
_PIPED = re.compile(r"(?:\d[\d:.,T /-]{5,30})?\|(?:[^|\s=]{0,40}\|){1,6}(?=\S)")
"""Columns between strokes, behind a stamp or none."""


_KEPT, _BUILT = 3, 40
"""Layouts that are tried first; and how many are made at all for one source."""
_PLAIN = 2
"""Columns that are words."""


class _Word(NamedTuple):
    at: int
    text: str
    kind: str


@dataclass(frozen=True, slots=True)
class Columns:
    """Where what stands before a line ends."""

    stamp: int
    """Where the first stamp among the columns begins; -1: there is none."""
    end: int
    """Where the rest begins: with the last stamp, with a level, or with the message behind a program's tag."""
    stamped: bool
    """Whether the rest begins with a stamp."""


class ColumnReader:
    """Reads the columns of one source's lines; the layout that the last line had is tried first."""

    def __init__(self) -> None:
        self._layouts: list[tuple[re.Pattern[str], bool]] = []
        self._built = 0

    def read(self, text: str, start: int = 0) -> Columns | None:
        """Return what `columns` does, sooner."""
        for number, (layout, stamped) in enumerate(self._layouts):
            found = layout.match(text, start)
            if found is not None and found.end() < start + _HEAD:
                if number:
                    self._layouts.insert(0, self._layouts.pop(number))
                return Columns(found.start("first"), found.start("end"), stamped=stamped)
        scanned = _scan(text, start)
        if scanned is None:
            return None
        result, words = scanned
        if words and self._built < _BUILT:
            self._built += 1
            self._layouts = [(_layout(text, start, result, words), result.stamped), *self._layouts[: _KEPT - 1]]
        return result


def columns(text: str, start: int = 0) -> Columns | None:
    """Return the columns that stand at `start`; None: none do.

    Half of those before a stamp may be words, but no more than two; of those before a level or a tag none.
    """
    scanned = _scan(text, start)
    return scanned[0] if scanned is not None else None


def _scan(text: str, start: int) -> tuple[Columns, list[_Word]] | None:
    """Return the columns, and the words that were looked at to find them."""
    if "|" in text[start : start + _HEAD]:
        piped = _PIPED.match(text, start)
        if piped is not None:
            return Columns(-1, piped.end(), stamped=False), []
    if _FIRST.match(text, start) is None:
        return None
    first = last = -1
    values = 0
    plain = True
    seen: list[_Word] = []
    begin, skip_to = start, 0
    for word in text[start : start + _HEAD].split(" ")[:_WORDS]:
        at, begin = begin, begin + len(word) + 1
        if not word or at < skip_to:
            continue
        stamp = _stamp(text, at, word)
        if seen and plain and stamp is None and (word in _LEVELS or (word[-2:] == "]:" and _TAG.fullmatch(word))):
            level = word in _LEVELS
            seen.append(_Word(at, word, "level" if level else "tag"))
            return Columns(first, at if level else min(begin, len(text)), stamped=False), seen
        if stamp is not None:
            skip_to = stamp.end()
            if seen and 2 * values >= len(seen):
                last, plain = at, True
                first = last if first < 0 else first
            values += 1
            seen.append(_Word(at, stamp[0], "stamp"))
        elif word.isupper() or _DIGIT.search(word) is not None or not word.strip(_MARKS):
            values += 1
            seen.append(_Word(at, word, "value"))
        else:
            seen.append(_Word(at, word, "word"))
            if last >= 0:
                return Columns(first, last, stamped=True), seen
            if plain and _CLOCK.search(text, at, start + _HEAD + _WIDEST) is None:
                return None
            plain = False
            if len(seen) - values > min(_PLAIN, values):
                return None
    return (Columns(first, last, stamped=True), []) if last >= 0 else None


def _stamp(text: str, at: int, word: str) -> re.Match[str] | None:
    if word in _MONTHS:
        return _SYSLOG.match(text, at)
    return _STAMP.match(text, at) if len(word) >= 8 and word[0].isdigit() else None


def _layout(text: str, start: int, result: Columns, words: list[_Word]) -> re.Pattern[str]:
    """Return a pattern of the lines that have the same columns as this one for certain."""
    parts, end = [], start
    for word in words:
        parts.append(_shape(text[end : word.at]))
        if word.at == result.stamp:
            parts.append("(?P<first>)")
        if word.at == result.end:
            parts.append("(?P<end>)")
        parts.append(_like(word))
        end = word.at + len(word.text)
    parts.append(" " if words[-1].kind != "word" else "(?= |$)")
    if result.end > words[-1].at:
        parts.append("(?P<end>)")
    if result.stamp < 0:
        parts.append("(?P<first>(?!))?")
    return re.compile("".join(parts))


def _like(word: _Word) -> str:
    """Return a pattern of the words that are of the same kind for certain."""
    match word.kind:
        case "level":
            return f"(?:{'|'.join(sorted(_LEVELS))})(?= )"
        case "tag":
            return _TAG.pattern
        case "word":
            return rf"(?!(?:{'|'.join(sorted(_MONTHS))}) )(?=[^\s\d]*[a-z])[^\s\d]+"
        case "stamp" if word.text[:3] in _MONTHS:
            return rf"(?:{'|'.join(sorted(_MONTHS))})" + _shape(word.text[3:])
        case "stamp" if word.text[:10].isdigit():
            return r"[12]\d{9}" + word.text[10:]
    if word.kind == "value" and _SHORT.fullmatch(word.text):
        return _SHORT.pattern
    if word.text[0].isdigit():
        return rf"(?![12]\d{{9}}(?: |$)){_shape(word.text)}" if word.kind == "value" else _shape(word.text)
    return _shape(word.text) if _DIGIT.search(word.text) is None else r"(?!\S*\]:(?: |$))[^\s\d]{1,20}\d\S*"


def _shape(text: str) -> str:
    """Return a pattern of this text with any digits for its digits."""
    return _DIGIT.sub(r"\\d", re.escape(text))
