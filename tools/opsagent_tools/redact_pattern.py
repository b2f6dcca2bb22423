"""Patterns that a person wrote: which of them may run over hostile text. Standard library only.

Python's `re` knows no time limit, so that a pattern is refused whose matching could take long: one that repeats what
repeats, that refers back, or in which two repeats side by side fit the same characters. `*`, `+` and `{n,}` are read as
"up to 256 times"; what is left is linear in the text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from re import _constants as op  # type: ignore[attr-defined]  # the tree of a pattern has no public name
from re import _parser as tree  # type: ignore[attr-defined]
from typing import Any

MANY = 256
"""What "any number of times" means."""
_LONGEST = 200
_CHOICES = 4
"""Alternatives that begin alike."""
_NESTED = 5
"""Repeats within repeats."""
_SMALL = 20
"""Times that more than one character may be repeated."""
_BEYOND = 0x180
"""Stands for all characters from here on."""
_ALL = frozenset(range(_BEYOND + 1))
_QUANTIFIER = re.compile(r"\{(\d+),\}|[*+]")
_DIGIT = frozenset(code for code in _ALL if chr(code).isdigit())
_SPACE = frozenset(code for code in _ALL if chr(code).isspace())
_WORD = frozenset(code for code in _ALL if chr(code).isalnum() or chr(code) == "_")
_MORE = frozenset({_BEYOND})
_CATEGORIES = {
    "CATEGORY_DIGIT": _DIGIT | _MORE, "CATEGORY_NOT_DIGIT": (_ALL - _DIGIT) | _MORE, "CATEGORY_SPACE": _SPACE | _MORE,
    "CATEGORY_NOT_SPACE": (_ALL - _SPACE) | _MORE, "CATEGORY_WORD": _WORD | _MORE,
    "CATEGORY_NOT_WORD": (_ALL - _WORD) | _MORE,
}  # fmt: skip


class Unsafe(ValueError):
    """A pattern cannot be used; the message says why."""


def safe(pattern: str) -> re.Pattern[str]:
    """Return a pattern that may run over any text, compiled. Raises Unsafe."""
    if len(pattern) > _LONGEST:
        raise Unsafe(f"is longer than {_LONGEST} characters")
    bounded = _bounded(pattern)
    try:
        compiled = re.compile(bounded)
        parsed = tree.parse(bounded)
        _Check().row(parsed, frozenset())
    except (re.error, OverflowError, RecursionError) as error:
        raise Unsafe(f"is no regular expression ({error})") from None
    if parsed.getwidth()[0] == 0:
        raise Unsafe("matches the empty text")
    if parsed.state.flags & ~(re.IGNORECASE | re.UNICODE | re.ASCII):
        raise Unsafe("has a flag other than (?i)")
    return compiled


def _bounded(pattern: str) -> str:
    """Return the pattern with a bound on everything that may come any number of times."""
    out, index, in_class = [], 0, False
    while index < len(pattern):
        char = pattern[index]
        if char == "\\":
            out.append(pattern[index : index + 2])
            index += 2
            continue
        found = None if in_class else _QUANTIFIER.match(pattern, index)
        if found is None:
            in_class = (in_class or char == "[") and not (char == "]" and in_class)
            out.append(char)
            index += 1
            continue
        least = int(found[1]) if found[1] else (1 if found[0] == "+" else 0)
        out.append(f"{{{least},{least + MANY}}}")
        index = found.end()
    return "".join(out)


_REPEATS = tuple(getattr(op, name) for name in ("MAX_REPEAT", "MIN_REPEAT", "POSSESSIVE_REPEAT") if hasattr(op, name))
_GROUPS = (op.SUBPATTERN, *((op.ATOMIC_GROUP,) if hasattr(op, "ATOMIC_GROUP") else ()))
_LOOKS = (op.ASSERT, op.ASSERT_NOT)


class _Check:
    """Looks whether at every place of a pattern the next character decides how to go on."""

    def __init__(self) -> None:
        self._choices = self._depth = 0

    def row(self, items: Sequence[Any], after: frozenset[int]) -> frozenset[int]:
        """Return the characters with which a row of parts, and then `after`, may begin. Raises Unsafe."""
        for kind, argument in reversed(items):
            after = self._part(kind, argument, after)
        return after

    def _part(self, kind: Any, argument: Any, after: frozenset[int]) -> frozenset[int]:
        if kind in _REPEATS:
            least, most, body = argument
            return self._repeat(least, most, body, after)
        if kind in _GROUPS:
            return self.row(argument[3] if kind == op.SUBPATTERN else argument, after)
        if kind == op.BRANCH:
            return self._branch(argument[1], after)
        if kind in _LOOKS:
            self.row(argument[1], frozenset())
            return after
        return after if kind == op.AT else _characters(kind, argument)

    def _repeat(self, least: int, most: int, body: Sequence[Any], after: frozenset[int]) -> frozenset[int]:
        self._depth += 1
        if self._depth > _NESTED:
            raise Unsafe("is nested too deeply")
        begin = self.row(body, frozenset())
        if most > 1 and (_varies(body) or (len(_flat(body)) != 1 and most > _SMALL)):
            raise Unsafe("repeats what repeats or varies itself")
        if _width(body) == 0:
            raise Unsafe("repeats what may be empty")
        if least != most and begin & after:
            raise Unsafe("has a repeat that is followed by what it repeats itself")
        self.row(body, after | begin if most > 1 else after)
        self._depth -= 1
        return begin | after if least == 0 else begin

    def _branch(self, branches: Sequence[Any], after: frozenset[int]) -> frozenset[int]:
        found: frozenset[int] = frozenset()
        for branch in branches:
            begin = self.row(branch, after)
            if begin & found:
                self._choices += 1
            found |= begin
        if self._choices > _CHOICES:
            raise Unsafe("has too many alternatives that begin alike")
        return found


def _width(items: Sequence[Any]) -> int:
    """Return how many characters these parts match at least."""
    return sum(_least(kind, argument) for kind, argument in items)


def _least(kind: Any, argument: Any) -> int:
    if kind in _REPEATS:
        return int(argument[0]) * _width(argument[2])
    if kind in _GROUPS or kind == op.BRANCH:
        return min(map(_width, _parts(kind, argument)))
    return 0 if kind in (op.AT, *_LOOKS) else 1


def _flat(items: Sequence[Any]) -> Sequence[Any]:
    """Return what stands in a group that has nothing beside it."""
    while len(items) == 1 and items[0][0] in _GROUPS:
        items = _parts(*items[0])[0]
    return items


def _varies(items: Sequence[Any]) -> bool:
    return any(
        kind == op.BRANCH or (kind in _REPEATS and argument[0] != argument[1]) for kind, argument in _walk(items)
    )


def _walk(items: Sequence[Any]) -> Iterator[tuple[Any, Any]]:
    for kind, argument in items:
        yield kind, argument
        for part in _parts(kind, argument):
            yield from _walk(part)


def _parts(kind: Any, argument: Any) -> list[Any]:
    if kind in _REPEATS:
        return [argument[2]]
    if kind == op.SUBPATTERN:
        return [argument[3]]
    if kind == op.BRANCH:
        return list(argument[1])
    if kind in _LOOKS:
        return [argument[1]]
    return [argument] if kind in _GROUPS else []


def _characters(kind: Any, argument: Any) -> frozenset[int]:
    """Return the characters that a part for one character matches. Raises Unsafe for what is none."""
    if kind == op.LITERAL:
        return _cases(argument)
    if kind == op.NOT_LITERAL:
        return (_ALL - {argument}) | _MORE
    if kind == op.ANY:
        return _ALL
    if kind == op.IN:
        return _of_class(argument)
    raise Unsafe("refers back to what it matched")


def _of_class(members: Sequence[Any]) -> frozenset[int]:
    found: set[int] = set()
    negated = False
    for kind, argument in members:
        if kind == op.NEGATE:
            negated = True
        elif kind == op.LITERAL:
            found |= _cases(argument)
        elif kind == op.RANGE:
            for code in range(min(argument[0], _BEYOND), min(argument[1], _BEYOND) + 1):
                found |= _cases(code)
        elif kind == op.CATEGORY:
            found |= _CATEGORIES[str(argument)]
    return (_ALL - found) | _MORE if negated else frozenset(found)


def _cases(code: int) -> frozenset[int]:
    """Return a character with its other case: a flag may say that case does not matter."""
    char = chr(code)
    if code >= _BEYOND:
        return _MORE
    return frozenset({code, *map(ord, (*char.lower()[:1], *char.upper()[:1]))})
