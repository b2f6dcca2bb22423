"""Matches tokens against patterns: the vocabulary is a table, and what no pattern explains is not understood. Pure.

A pattern is a row of elements, separated by blanks:

    reload|restart      one of these words
    word?  word*        may be missing; any number of times
    @set                one phrase of a named set (a phrase may have several words)
    <unit>  <units>     the name of a unit; several of them, joined by the language's `and`
    <n>                 a number
    <query>             free text to look for (reading only): one word, or quoted

Every way to match is tried. A text is understood when all of it is explained, and in one way only.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from opsagent.commands.words import Token
from opsagent.model import Scalar

MAX_NUMBER = 100_000


@dataclass(frozen=True, slots=True)
class Clause:
    """One call that was understood, for one or several units."""

    tool: str
    units: tuple[str, ...] = ()
    args: tuple[tuple[str, Scalar], ...] = ()
    towards: str = ""
    """`up` or `down` where the text said so; it must fit the number."""
    goes_on: bool = False
    """The verb's form says that another clause follows."""


@dataclass(frozen=True, slots=True)
class Pattern:
    """A row of elements and the call that it means."""

    tool: str
    elements: tuple[str, ...]
    args: tuple[tuple[str, Scalar], ...] = ()
    towards: str = ""
    goes_on: bool = False


def pattern(tool: str, text: str, *, towards: str = "", goes_on: bool = False, **args: Scalar) -> Pattern:
    """Return a pattern from its written form."""
    return Pattern(tool, tuple(text.split()), tuple(args.items()), towards, goes_on)


@dataclass(frozen=True)
class Grammar:
    """The closed vocabulary of one language."""

    sets: Mapping[str, Sequence[str]]
    patterns: Sequence[Pattern]
    numbers: Mapping[str, int]
    joiners: frozenset[str]
    """Words between the names of several units."""
    articles: frozenset[str] = frozenset()
    """Words that may stand before a name."""
    nouns: frozenset[str] = frozenset()
    """Words that may stand before or after a name (`service`); a unit may bear such a name."""
    things: frozenset[str] = frozenset()
    """Other words for things (`worker`) that a unit may be called; where that gives two readings, it is asked back."""
    soft_sets: frozenset[str] = frozenset()
    """Sets whose words a unit may be called, for the same reason."""
    never: frozenset[str] = frozenset()
    """Words that are not understood, but must not be taken for a unit's name either (`not`, `if`)."""
    particles: frozenset[str] = frozenset()
    """Endings that were split off names and may follow them inside a list."""

    @cached_property
    def phrases(self) -> Mapping[str, tuple[tuple[str, ...], ...]]:
        """Return the sets, phrases split into words."""
        return {name: tuple(tuple(phrase.split()) for phrase in phrases) for name, phrases in self.sets.items()}

    @cached_property
    def words(self) -> frozenset[str]:
        """Return every word of the vocabulary; a unit of such a name must be quoted."""
        literal = {
            word
            for pattern in self.patterns
            for element in pattern.elements
            if element[0] not in "@<"
            for word in element.rstrip("?*").split("|")
        }
        hard = (phrases for name, phrases in self.phrases.items() if name not in self.soft_sets)
        in_sets = {word for phrases in hard for phrase in phrases for word in phrase}
        kept = literal | in_sets | self.joiners | self.articles | set(self.numbers) | self.never
        return frozenset(kept) - self.nouns - self.things


@dataclass(frozen=True, slots=True)
class _Found:
    """A partial match: where it ends and what it caught."""

    end: int
    units: tuple[str, ...] = ()
    args: tuple[tuple[str, Scalar], ...] = ()


@dataclass(frozen=True)
class Matcher:
    """One text against one grammar and the units that exist."""

    grammar: Grammar
    tokens: tuple[Token, ...]
    names: frozenset[str]
    _reserved: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_reserved", self.grammar.words)

    def clauses(self, start: int) -> Iterator[tuple[Clause, int]]:
        """Give every clause that begins at `start`, with the place where it ends."""
        for one in self.grammar.patterns:
            for found in self._row(one.elements, _Found(start)):
                args = one.args + found.args
                yield Clause(one.tool, found.units, args, one.towards, one.goes_on), found.end

    def phrase(self, name: str, start: int) -> Iterator[int]:
        """Give every place where a phrase of the set `name` that begins at `start` ends."""
        for words in self.grammar.phrases[name]:
            end = start + len(words)
            if tuple(token.word for token in self.tokens[start:end]) == words:
                yield end

    def _row(self, elements: tuple[str, ...], sofar: _Found) -> Iterator[_Found]:
        if not elements:
            yield sofar
            return
        first, rest = elements[0], elements[1:]
        if first.endswith("*"):
            yield from self._row(rest, sofar)
            for found in self._element(first[:-1], sofar):
                yield from self._row(elements, found)
            return
        if first.endswith("?"):
            yield from self._row(rest, sofar)
            first = first[:-1]
        for found in self._element(first, sofar):
            yield from self._row(rest, found)

    def _element(self, element: str, sofar: _Found) -> Iterator[_Found]:
        if sofar.end >= len(self.tokens):
            return
        if element == "<units>":
            yield from (_Found(end, sofar.units + names, sofar.args) for names, end in self._units(sofar.end))
        elif element == "<unit>":
            yield from (_Found(end, (*sofar.units, name), sofar.args) for name, end in self._unit(sofar.end))
        elif element.startswith("@"):
            yield from (_Found(end, sofar.units, sofar.args) for end in self.phrase(element[1:], sofar.end))
        else:
            caught = self._single(element, self.tokens[sofar.end])
            if caught is not None:
                yield _Found(sofar.end + 1, sofar.units, sofar.args + caught)

    def _single(self, element: str, token: Token) -> tuple[tuple[str, Scalar], ...] | None:
        """Match an element that takes one token; return what it catches, None where it does not fit."""
        if element == "<n>":
            number = self._number(token)
            return None if number is None else (("n", number),)
        if element == "<query>":
            return (("query", token.text),) if token.quoted or token.word not in self._reserved else None
        return () if token.word and token.word in element.split("|") else None

    def _number(self, token: Token) -> int | None:
        if token.text.isascii() and token.text.isdigit() and not token.quoted:
            return min(int(token.text[:8]), MAX_NUMBER)
        return self.grammar.numbers.get(token.word)

    def _unit(self, start: int) -> Iterator[tuple[str, int]]:
        """Give the unit named at `start`, with or without an article and a noun around it."""
        at = start
        if self._word(at) in self.grammar.articles:
            at += 1
        for named in {at, at + 1 if self._word(at) in self.grammar.nouns else at}:
            if named < len(self.tokens) and self._is_name(self.tokens[named]):
                yield self.tokens[named].text, named + 1
                if self._word(named + 1) in self.grammar.nouns:
                    yield self.tokens[named].text, named + 2

    def _units(self, start: int) -> Iterator[tuple[tuple[str, ...], int]]:
        for name, end in self._unit(start):
            yield (name,), end
            joined = end
            while self._word(joined) in self.grammar.particles and self._word(joined) not in self.grammar.joiners:
                joined += 1
            if self._word(joined) not in self.grammar.joiners:
                continue
            while self._word(joined) in self.grammar.joiners:
                joined += 1
            for names, last in self._units(joined):
                if name not in names:
                    yield (name, *names), last

    def _word(self, at: int) -> str:
        return self.tokens[at].word if at < len(self.tokens) else ""

    def _is_name(self, token: Token) -> bool:
        return token.text in self.names and (token.quoted or token.word not in self._reserved)
