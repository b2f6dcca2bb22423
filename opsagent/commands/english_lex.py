"""English, first look: which words belong together, and everything that they may be. Pure.

The longest phrase wins; of one length, a unit's name before a time, a time before a word of the table. Where a unit is
called like a word that people need otherwise (`search`, `worker`), both are tried.
"""

from __future__ import annotations

import itertools
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

from opsagent.commands import english_words, times_en
from opsagent.commands.english_cells import Cell, Cells
from opsagent.commands.english_names import Namer
from opsagent.commands.english_slips import slip
from opsagent.commands.english_words import NUMBERS, Meaning
from opsagent.commands.known import Known
from opsagent.commands.reading import Context
from opsagent.commands.tags import MAX_ROWS, Role
from opsagent.commands.words import Token

MAX_NUMBER = 100_000
_MAX_DOUBLE = 4
"""Words that are a unit and a word of the table in one text: with more of them nobody knows what is meant."""
_TIMELY = re.compile(
    r"\d|a|an|the|at|in|on|every|each|for|since|until|till|til|tomorrow|today|tonight|daily|nightly|hourly|weekly|weekdays|later|soon|"
    r"over|within|during|from|of|last|past|previous|this|next|after|once|yesterday|overnight|noon|midnight|half|quarter|earlier|mondays?|"
    r"tuesdays?|wednesdays?|thursdays?|fridays?|saturdays?|sundays?|coming|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|"
    r"fifteen|twenty|thirty|forty|fifty|sixty|ninety|couple|january|february|march|april|may|june|july|august|september|october|november|december|hour"
)  # fmt: skip
_BEFORE_NUMBERS = frozenset({"to", "by", "with"})
_ID = re.compile(r"#?(?=[0-9a-z-]*\d)[0-9a-z][0-9a-z-]{1,40}")
_SIZE = re.compile(r"\d{1,6}(?:\.\d)?(?:[kmgt]i?b?|%)")
_CODES = re.compile(r"[45](?:\d\d|xx)s")
"""What a server answers when it fails: `502s`, `5xxs`; no seconds."""
_DASHES = frozenset({"-", "–", "—"})


_ORDER: Mapping[Role, int] = {
    role: place
    for place, role in enumerate((
        Role.UNIT, Role.GROUP, Role.NEGATION, Role.DOUBT, Role.CONDITION, Role.CORRECTION, Role.REASON, Role.MANNER,
        Role.REQUEST, Role.VERB, Role.ALL, Role.NOUN, Role.STATE, Role.PRONOUN, Role.QUESTION, Role.JOIN, Role.EXCEPT,
        Role.FILLER, Role.GLUE,
    ))
}  # fmt: skip


def rows(tokens: Sequence[Token], known: Known, context: Context) -> Iterator[Cells]:
    """Yield every way to see the words; one in which nothing is known where there are too many."""
    namer = Namer(known, context)
    words = tuple(_plain_word(token) for token in tokens)
    double = tuple(at for at in range(len(tokens)) if _is_double(tokens, words, at, namer))
    if len(double) > _MAX_DOUBLE:
        yield tuple(Cell(at, at + 1, ((Role.UNKNOWN, token.text, ""),)) for at, token in enumerate(tokens))
        return
    orders = tuple(_ways(tokens, words, at, namer) for at in double)
    for chosen in itertools.islice(itertools.product(*orders), MAX_ROWS):
        taken = dict(zip(double, chosen, strict=True))
        yield _Words(tokens, words, namer, taken, context).cells()


_COUNTED = frozenset(
    {
        "worker",
        "workers",
        "instance",
        "instances",
        "process",
        "processes",
        "replica",
        "replicas",
        "node",
        "nodes",
        "pods",
    }
)
_COUNTS = frozenset({"more", "extra", "additional", "another", "fewer", "of", "number", "other"})


def _is_counted(tokens: Sequence[Token], words: Sequence[str], at: int, namer: Namer) -> bool:
    """Tell whether instances may be meant, and not the unit that is called so: `4 workers`, `the workers of web`."""
    before = words[at - 1] if at else ""
    counted = before.isdigit() or before in NUMBERS or before in _COUNTS or words[at + 1 : at + 2] == ("of",)
    return counted or (at > 0 and next(iter(namer.at(tokens[:at], at - 1)), None) is not None)


def _ways(tokens: Sequence[Token], words: Sequence[str], at: int, namer: Namer) -> tuple[bool, ...]:
    """Return in which order a double word is tried as a unit (True) and as a word."""
    if words[at] in english_words.THINGS:
        before, after = words[at - 1] if at else "", words[at + 1] if at + 1 < len(words) else ""
        if {before, after} & english_words.BESIDE or (
            before in {"of", "for"} and english_words.THINGS & set(words[: at - 1])
        ):
            return (True,)
        if after in {"of", "for", "from"} or before in {"its", "their", "his", "'s"}:
            return (False,)
        others = any(
            word not in english_words.THINGS and next(iter(namer.at(tokens[: n + 1], n)), None)
            for n, word in enumerate(words)
        )
        return (False,) if others else (True, False)
    return (False, True) if _leads(words, at) else (True, False)


def _leads(words: Sequence[str], at: int) -> bool:
    """Tell whether a word that begins a command is more likely its verb than a unit (`search`, `check`)."""
    verb = any(
        one[0] is Role.VERB for phrase, meanings in english_words.lexicon().get(words[at], ()) for one in meanings
    )
    return verb and at == 0


def _plain_word(token: Token) -> str:
    return token.word.replace("’", "'")


def _is_double(tokens: Sequence[Token], words: Sequence[str], at: int, namer: Namer) -> bool:
    """Tell whether a unit is called like a word that may be meant as a word."""
    if words[at] in _COUNTED and not _is_counted(tokens, words, at, namer):
        return False
    return (
        not tokens[at].quoted
        and words[at] in english_words.SOFT
        and next(iter(namer.at(tokens[: at + 1], at)), None) is not None
    )


@dataclass(frozen=True, slots=True)
class _Words:
    """One text, seen in one way: which of its double words are units."""

    tokens: Sequence[Token]
    words: Sequence[str]
    namer: Namer
    taken: Mapping[int, bool]
    context: Context

    def cells(self) -> Cells:
        """Return what belongs together, from the first word to the last."""
        cells: list[Cell] = []
        at = 0
        while at < len(self.tokens):
            cell = self._cell(at)
            cells.append(cell)
            at = cell.end
        return tuple(cells)

    def _cell(self, at: int) -> Cell:
        token = self.tokens[at]
        named = self._named(at)
        if token.quoted and token.text.lower() in {name.lower() for name in self.context.procedures}:
            name = next(name for name in self.context.procedures if name.lower() == token.text.lower())
            return Cell(at, at + 1, ((Role.PROCEDURE, name, ""),))
        if token.quoted:
            return Cell(at, at + 1, (named[1],) if named else ((Role.QUERY, token.text, "quoted"),))
        if _CODES.fullmatch(self.words[at]):
            return Cell(at, at + 1, ((Role.QUERY, token.text[:3], "code"),))
        found: list[tuple[int, tuple[Meaning, ...]]] = []
        if named is not None:
            found.append((named[0], (named[1],)))
        found.extend(_procedures(self.words, at, self.context))
        found.extend(_times(self.words, at, self.context.now))
        found.extend(_phrase(self.words, at, self.taken))
        found.extend(_numbers(self.words, at))
        if found:
            end = max(end for end, _ in found)
            longest = [options for last, options in found if last == end]
            number = next((options for options in longest if options[0][0] is Role.NUMBER), ())
            return Cell(at, end, longest[0] if longest[0] is number or number == () else (*number, *longest[0]))
        return Cell(at, at + 1, _unknown(token, self.words[at], self.namer))

    def _named(self, at: int) -> tuple[int, Meaning] | None:
        for end, meaning in self.namer.at(self.tokens, at):
            reserved = not self.tokens[at].quoted and at not in self.taken and self.words[at] in _reserved()
            if end > at + 1 or not (reserved or self.taken.get(at) is False):
                return end, meaning
        return None


@cache
def _reserved() -> frozenset[str]:
    """Return the words that never name a unit without quotes."""
    return english_words.words() - english_words.SOFT


def _phrase(words: Sequence[str], at: int, taken: Mapping[int, bool]) -> Iterator[tuple[int, tuple[Meaning, ...]]]:
    for phrase, meanings in english_words.lexicon().get(words[at], ()):
        end = at + len(phrase)
        if tuple(words[at:end]) == phrase and not any(taken.get(place) for place in range(at, end)):
            yield end, tuple(sorted(meanings, key=lambda one: _ORDER.get(one[0], 99)))
            return


def _numbers(words: Sequence[str], at: int) -> Iterator[tuple[int, tuple[Meaning, ...]]]:
    for length in (3, 2, 1):
        said = " ".join(words[at : at + length])
        if at + length <= len(words) and said in NUMBERS:
            yield at + length, ((Role.NUMBER, str(NUMBERS[said]), ""),)
            return
    if re.fullmatch(r"\d{1,8}", words[at]):
        yield at + 1, ((Role.NUMBER, str(min(int(words[at]), MAX_NUMBER)), ""),)
    elif _SIZE.fullmatch(words[at]):
        yield at + 1, ((Role.NUMBER, words[at].upper(), "size"),)


def _times(words: Sequence[str], at: int, now: datetime | None) -> Iterator[tuple[int, tuple[Meaning, ...]]]:
    if not (_TIMELY.fullmatch(words[at]) or words[at][:1].isdigit()):
        return
    if (
        at and words[at - 1] in _BEFORE_NUMBERS and (words[at] in NUMBERS or words[at].isdigit())
    ):  # scale web to 4 tomorrow
        return
    if words[at] == "at" and any(
        word in _COUNTED or word == "copies" for word in words[at + 2 : at + 3]
    ):  # at 3 replicas
        return
    by_end: dict[int, list[Meaning]] = {}
    for span in times_en.spans(words, at, now):
        role = {"at": Role.TIME, "vague": Role.DOUBT}.get(span.kind, Role.DURATION)
        if span.kind == "vague":
            meaning = (role, "vague time", "time")
        else:
            form = "either" if span.either else {"at": "", "length": ""}.get(span.kind, span.kind)
            meaning = (role, "|".join(span.either) or span.value, form)
        by_end.setdefault(span.end, []).append(meaning)
    yield from ((end, tuple(meanings)) for end, meanings in by_end.items())


def _procedures(words: Sequence[str], at: int, context: Context) -> Iterator[tuple[int, tuple[Meaning, ...]]]:
    """Find names of procedures; an article may stand inside (`export the report`)."""
    for name in context.procedures:
        wanted = name.lower().split()
        end = at
        for number, one in enumerate(wanted):
            if number and end < len(words) and words[end] in {"the", "a", "my", "our", "this"} - {one}:
                end += 1
            if end >= len(words) or words[end] != one:
                break
            end += 1
        else:
            yield end, ((Role.PROCEDURE, name, ""),)


_MARKS: Mapping[str, Meaning] = {
    ",": (Role.JOIN, ",", ""), ";": (Role.JOIN, ".", ""), ".": (Role.JOIN, ".", ""), "!": (Role.JOIN, ".", "!"),
    "?": (Role.QUESTION, "mark", ""), "？": (Role.QUESTION, "mark", ""), ":": (Role.JOIN, ",", ":"), "…": (Role.FILLER, "", ""),
}  # fmt: skip


def _unknown(token: Token, word: str, namer: Namer) -> tuple[Meaning, ...]:
    if word in _MARKS:
        return (_MARKS[word],)
    if word in _DASHES:
        return ((Role.JOIN, ",", "-"),)
    if all(unicodedata.category(char) in {"So", "Sk", "Mn"} for char in word):
        return ((Role.FILLER, "", ""),)
    near = namer.near(token.text)
    options: list[Meaning] = [(Role.UNIT, near[0], "near")] if len(near) == 1 else []
    if _ID.fullmatch(word):
        options.append((Role.ID, token.text.removeprefix("#"), ""))
    mended = slip(word)
    if mended is not None:
        options.append(mended)
    return (*options, (Role.UNKNOWN, token.text, ""))
