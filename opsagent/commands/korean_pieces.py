"""A Korean command, cut into its pieces: names, nouns, particles, verbs with their endings, times. Pure.

Words run together and particles stick to them, so the text is cut where pieces of the vocabulary meet, at any character:
`워커로그보여줘` is 워커 + 로그 + 보여 + 줘. Among all ways to cut it the cheapest is taken, in which as little as possible is
unknown and pieces are long; what no piece explains is an unknown piece. Nothing is dropped but blanks.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from opsagent.commands import korean_forms, korean_sounds, times_ko
from opsagent.commands.korean_verbs import COPULA, conjugated
from opsagent.commands.korean_words import AND_GLUED, COUNTERS, PARTICLES, particles, words
from opsagent.commands.words import Token, distance

QUOTE = "\ue000"
"""Stands for a quoted token in the text that is cut."""

_NUMBER = re.compile(rf"(?:{times_ko.NUMBER})")
_METRIC = re.compile(
    r"(?P<what>메모리|램|memory|mem|ram|cpu|씨피유|시피유|CPU)(?: ?(?:사용량|사용률|점유율))?(?:이|가|은|는|를|을)? ?"
    r"(?P<n>\d{1,6}(?:\.\d)?|[가-힣]{1,4}?) ?(?P<unit>%|퍼센트|프로|[mMgG][bB]?|메가(?:바이트)?|기가(?:바이트)?)(?:를|을|이|가|보다)? ?"
    r"(?:넘으면|넘어가면|넘었으면|넘어서면|넘을 ?때|넘거든|넘는 ?경우|초과하면|초과 ?시|초과했으면|이상이면|이상일 ?때|이상 ?올라가면|돌파하면|높으면|많으면|커지면|크면|넘고 ?있으면|넘긴 ?하면)"
)
_PARAMS = re.compile(
    r"(?:(?:\d{4}년 ?)?\d{1,2}월(?! ?\d{1,2}일)|지난달|이번 ?달|저번 ?달|[1-4]분기|\d{4}년(?! ?\d{1,2}월)|상반기|하반기)(?:분|치|자)?(?![가-힣]*요일)"
)
"""What procedures are told: which month, which quarter."""
_LATIN = re.compile(r"[A-Za-z0-9_\-./@:*+&%]+")
_NOUNISH = frozenset({"noun", "p", "vn", "number", "counted", "time", "question"})
_FULL = ("실행", "수행", "처리", "진행", "작업")
"""Verbs that only make verbs of other nouns where they say nothing by themselves: 검색 실행해줘."""
_STOPS = frozenset(
    {"imperative", "then", "negated", "instead", "conditional", "duty", "noun", "question", "quote", "will"}
)
_DOES = ("해", "하", "부탁", "가", "갑", "갈", "합", "한")
"""What may stand behind a number of instances alone: 3대로 해줘."""


@dataclass(frozen=True, slots=True)
class Piece:
    """One piece: where it stands, what kind it is, what it means."""

    start: int
    end: int
    kind: str
    """A role of `opsagent.commands.tags.Role`, or `vn`, `verb`, `state`, `light`, `lightword`, `passive`, `particle`,
    `metric`, `copula`, `quoted`, `mark`."""
    value: str = ""
    form: str = ""
    polite: bool = False
    slip: bool = False
    """It was read so only after a slip of the pen was mended."""
    kinds: str = "other"
    """What it is to the piece behind it: noun, p (with a particle), vn, vnf, number, verb, question, other."""


@dataclass(frozen=True)
class Text:
    """A text to be cut, with what may be named in it."""

    text: str
    token_at: tuple[int, ...]
    """Index of the token of each character."""
    quoted: Mapping[int, str]
    """Place of each quoted token → what it says."""
    names: Mapping[str, tuple[str, str]]
    """Everything that may be named → (`unit`, `group` or `procedure`, the name that it has)."""
    now: datetime | None = None
    low: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "low", self.text.lower())

    @classmethod
    def of(cls, tokens: Sequence[Token], names: Mapping[str, tuple[str, str]], now: datetime | None) -> Text:
        """Put tokens back into one text with single blanks."""
        text, places, quoted = "", [], {}
        for index, token in enumerate(tokens):
            if text:
                text += " "
                places.append(index)
            if token.quoted:
                quoted[len(text)] = token.text
            said = QUOTE if token.quoted else token.text
            text += said
            places.extend([index] * len(said))
        return cls(text, tuple(places), quoted, names, now)


@dataclass(slots=True)
class _Best:
    cost: float
    pieces: tuple[Piece, ...]


def cut(text: Text, *, names_first: bool = True) -> tuple[Piece, ...]:
    """Return the pieces of the cheapest way to cut the text.

    `names_first`: where a word of the language may be a name as well, it is the name; else it is the word.
    """
    best: dict[int, dict[str, _Best]] = {0: {"start": _Best(0.0, ())}}
    end = len(text.text)
    for at in range(end):
        reached = best.pop(at, None)
        if reached is None:
            continue
        if text.text[at] == " ":
            _keep(best, at + 1, reached.items())
            continue
        pieces = tuple(_priced(text, at, names_first))
        for before, way in reached.items():
            for piece, price in pieces:
                if _may_follow(piece, before, text):
                    kinds = _kinds(piece, before)
                    glued = (
                        at > 0
                        and text.text[at - 1] != " "
                        and piece.kind not in {"particle", "copula", "light", "passive"}
                    )
                    _keep(best, piece.end, [(kinds, _Best(way.cost + price + 2 * glued, (*way.pieces, piece)))])
    return min(best[end].values(), key=lambda way: way.cost).pieces if end else ()


def may_be_a_word(text: Text, piece: Piece) -> bool:
    """Tell whether a piece that names something begins as a word of the language does."""
    if piece.kind not in {"unit", "group", "procedure"} or piece.form == "quoted":
        return False
    return any(True for _ in _words(text, piece.start)) or any(True for _ in _conjugated(text, piece.start))


def _keep(best: dict[int, dict[str, _Best]], at: int, ways: Iterable[tuple[str, _Best]]) -> None:
    there = best.setdefault(at, {})
    for kinds, way in ways:
        if kinds not in there or way.cost < there[kinds].cost:
            there[kinds] = way


def _kinds(piece: Piece, before: str) -> str:
    if piece.kind == "particle":
        return {"vn": "vn", "vnp": "vnf", "counted": "counted"}.get(before, "p")
    if before in {"vn", "vnf"} and piece.kind == "params":
        return "vnp"
    if before in {"vn", "vnf"} and piece.kind in {
        "filler",
        "time",
        "manner",
        "duration",
        "number",
        "counter",
        "params",
    }:
        return "vnf"
    if before in {"vn", "vnf"} and piece.kind == "noun" and piece.value in {"procedure", "work"}:
        return "vnf"
    if before == "counted" and piece.kind == "noun" and piece.value == "approval":
        return "counted"
    return piece.kinds


def _may_follow(piece: Piece, before: str, text: Text) -> bool:
    """Tell whether a piece may stand behind what came before."""
    begins = piece.start == 0 or text.text[piece.start - 1] == " "
    match piece.kind:
        case "particle":
            return before in {*_NOUNISH, "vnp"} and (
                not begins or (piece.value in {"obj", "subj", "topic", "in", "to", "of"} and before == "noun")
            )
        case "copula":
            return not begins and before in {"noun", "question", "p", "vn", "number", "counted"}
        case "light" | "passive":
            asks = text.text.startswith(("부탁", "요청", "바라", "바랍"), piece.start)
            counted = piece.start > 0 and before in {"p", "counted"} and text.text.startswith(_DOES, piece.start)
            return before in {"vn", "vnf", "vnp"} or (
                piece.kind == "light" and ((asks and before in _NOUNISH) or counted)
            )
        case "counter":
            return before == "number"
        case "lightword":
            asks = text.text.startswith("부탁", piece.start)
            goes_on = before == "counted" and text.text.startswith("진행", piece.start)
            return before in {"vn", "vnf", "vnp"} or goes_on or (asks and before in _NOUNISH) or piece.value == "please"
        case "join" if piece.form == "glued":
            spaced = text.text[piece.start : piece.end] in {"하고", "이랑", "랑"} and before == "noun"
            return before in {"noun", "p", "counted"} and (not begins or spaced)
        case "verb" | "state" if not begins and before != "start":
            return piece.end - piece.start > 2 or before in {"noun", "p", "number", "counted"}
        case "unknown":
            return begins or before != "start"
        case "filler" | "question" | "all" | "join" | "negation" | "pronoun" | "correction" | "doubt" | "glue":
            if piece.end - piece.start > 1 or text.text[piece.start] in "왜뭐좀":
                return True
            after = text.text[piece.end : piece.end + 1]
            return begins and not ("가" <= after <= "힣" and piece.kind == "filler")
        case _:
            return True


def _priced(text: Text, at: int, names_first: bool) -> Iterator[tuple[Piece, float]]:
    """Give every piece that begins at `at` with its price."""
    char = text.text[at]
    if char == QUOTE:
        yield from _quoted(text, at)
        return
    if char in ".,!?;…。、！？~^":
        yield Piece(at, at + 1, "mark", char), 1.0
        return
    yield from ((piece, 6.0 if names_first else 12.0) for piece in _names(text, at))
    yield from _times(text, at)
    yield from ((piece, 9.5 if piece.kind == "lightword" else 10.0) for piece in _words(text, at))
    yield from _conjugated(text, at)
    yield from _particles(text, at)
    yield from _numbers(text, at)
    yield from _unknown(text, at)


def _quoted(text: Text, at: int) -> Iterator[tuple[Piece, float]]:
    said = text.quoted[at]
    kind, name = text.names.get(said, ("quoted", said))
    yield (
        Piece(
            at, at + 1, kind, name, "quoted" if kind != "quoted" else "", kinds="vn" if kind == "procedure" else "noun"
        ),
        6.0,
    )


def _edges(text: str, start: int, end: int) -> bool:
    """Tell whether a Latin word stands alone there: Hangul may follow it, or be before it, more letters may not."""
    before, after = text[start - 1 : start], text[end : end + 1]
    first, last = text[start], text[end - 1]
    return not (
        (before and first.isascii() and before.isascii() and (before.isalnum() or before in "_-./@:"))
        or (
            after
            and last.isascii()
            and after.isascii()
            and (after.isalnum() or after in "_-/@:" or (after == "." and text[end + 1 : end + 2].isalnum()))
        )
    )


def _names(text: Text, at: int) -> Iterator[Piece]:
    found: dict[int, set[tuple[str, str]]] = {}
    begins = at == 0 or text.text[at - 1] == " "
    first = korean_sounds.heard(text.text[at])[0][:1] if begins and _hangul_near(text.text, at) else ""
    for name, (kind, meant) in text.names.items():
        kinds = "vn" if kind == "procedure" else "noun"
        end = at + len(name)
        if text.low.startswith(name.lower(), at) and _edges(text.text, at, end):
            # In another case it is the name as well, if no other name is spelt so.
            if text.text.startswith(name, at) or sum(one.lower() == name.lower() for one in text.names) == 1:
                yield Piece(at, end, kind, meant, kinds=kinds)
        elif first and name.isascii() and first in korean_sounds.beginnings(name.lower()):
            heard_end = _heard_end(text.text, at, name)
            if heard_end:
                found.setdefault(heard_end, set()).add((kind, meant))
    for end, meant_by in found.items():
        for kind, meant in meant_by:
            yield Piece(at, end, kind, meant, "" if len(meant_by) == 1 else "near", kinds="noun")


def _heard_end(text: str, at: int, name: str) -> int:
    """Return where a name that is written by its sound ends; 0: it is not there."""
    for end in korean_sounds.ends(name, text, at):
        whole = _edges(text, at, end) and _hangul_near(text, at, end)
        if whole and (end - at > 1 or not _is_small(text[at])):
            return end
    return 0


def _is_small(syllable: str) -> bool:
    """Tell whether a single syllable is a word, a particle or a counter, and so no name by its sound."""
    return (
        syllable in COUNTERS or syllable in PARTICLES or any(word[0] == syllable for word in words().get(syllable, ()))
    )


_HANGUL = re.compile(r"[가-힣]")


def _hangul_near(text: str, at: int, end: int | None = None) -> bool:
    return _HANGUL.search(text, at, end if end is not None else at + 12) is not None


def _times(text: Text, at: int) -> Iterator[tuple[Piece, float]]:
    begins = at == 0 or text.text[at - 1] == " "
    if not begins and (not text.text[at].isdigit() or (text.text[at - 1].isascii() and text.text[at - 1].isalnum())):
        return
    metric = _METRIC.match(text.text, at)
    if metric is not None:
        yield Piece(at, metric.end(), "metric", _metric(metric)), 8.0
    params = _PARAMS.match(text.text, at)
    if params is not None:
        yield Piece(at, params.end(), "params", params[0], kinds="noun"), 8.0
    for span in times_ko.spans(text.text, at, text.now):
        after = text.text[span.end : span.end + 1]
        if text.text[span.end - 1].isascii() and after.isascii() and after.isalnum():
            continue
        form = "|".join(span.either) if span.either else ""
        value = span.value
        kind = "duration" if span.kind in {"since", "for", "length"} else "time"
        yield (
            Piece(at, span.end, kind, value, form or ("" if span.kind == "at" else span.kind), kinds="time"),
            8.5 if span.kind != "length" else 9.5,
        )


def _metric(match: re.Match[str]) -> str:
    what = "cpu" if match["what"].lower() in {"cpu", "씨피유", "시피유"} else "memory"
    number = (
        match["n"]
        if match["n"][0].isdigit()
        else str(times_ko.number(match["n"]))
        if _NUMBER.fullmatch(match["n"])
        else ""
    )
    unit = "%" if match["unit"] in {"%", "퍼센트", "프로"} else "M" if match["unit"][0] in "mM메" else "G"
    return f"{what} > {number}{unit}" if number and (unit == "%") == (what == "cpu") else ""


_KINDS = {"noun": "noun", "pronoun": "noun", "all": "noun", "vn": "vn", "question": "question", "glue": "noun"}


def _words(text: Text, at: int) -> Iterator[Piece]:
    for word, kind, value, form in words().get(text.low[at], ()):
        if not text.low.startswith(word, at):
            continue
        end = at + len(word)
        if (word[0].isascii() or word[-1].isascii()) and not _edges(text.text, at, end):
            continue
        yield Piece(at, end, kind, value, form, kinds=_KINDS.get(kind, "other"))
    for joiner in AND_GLUED:
        if text.text.startswith(joiner, at):
            yield Piece(at, at + len(joiner), "join", "and", "glued")
    for ending in COPULA:
        if text.text.startswith(ending, at) and text.text[at + len(ending) : at + len(ending) + 1] in {
            "",
            " ",
            "?",
            ".",
        }:
            yield Piece(at, at + len(ending), "copula", ending)


def _conjugated(text: Text, at: int) -> Iterator[tuple[Piece, float]]:
    for base, kind, what, value in conjugated().get(text.text[at], ()):
        if not text.text.startswith(base, at):
            continue
        end = at + len(base)
        if kind == "word":
            yield Piece(at, end, what, value, "imperative", kinds="verb"), 10.0
            continue
        for ending in korean_forms.endings(text.text, end, kind):
            if value == "stop" and base.startswith("멈") and ending.form not in _STOPS:
                continue  # 멈췄어: it stopped; that is a state
            kinds = "noun" if ending.form == "attributive" else "verb"
            price = 17.0 if what == "light" and base.startswith(_FULL) else 10.0
            yield Piece(at, ending.end, what, value, ending.form, ending.polite, kinds=kinds), price


def _particles(text: Text, at: int) -> Iterator[tuple[Piece, float]]:
    for particle, value in particles().get(text.text[at], ()):
        if text.text.startswith(particle, at):
            end = at + len(particle)
            if value == "or?":
                yield Piece(at, end, "join", "or", "glued"), 3.0
            else:
                yield Piece(at, end, "particle", value, particle), 3.0


def _numbers(text: Text, at: int) -> Iterator[tuple[Piece, float]]:
    for counter, form in COUNTERS.items():
        if text.low.startswith(counter, at):
            yield Piece(at, at + len(counter), "counter", form, kinds="counted"), 3.0
    if at and text.text[at - 1].isascii() and text.text[at - 1].isalnum():
        return
    match = _NUMBER.match(text.text, at)
    if match is None:
        return
    after = text.text[match.end() : match.end() + 1]
    digits = match[0][0].isdigit()
    if digits and after and after.isascii() and (after.isalpha() or after in "_-/:"):
        return
    counted = any(text.text[match.end() :].lstrip(" ").startswith(counter) for counter in COUNTERS)
    if digits or counted or (match[0] in {"하나", "둘", "셋", "넷", "다섯"}):
        yield Piece(at, match.end(), "number", str(times_ko.number(match[0])), kinds="number"), 8.0


def _unknown(text: Text, at: int) -> Iterator[tuple[Piece, float]]:
    """Give what is not explained: the rest of the word, with and without a particle at its end, and a near name."""
    stop = text.text.find(" ", at)
    end = len(text.text) if stop < 0 else stop
    word = text.text[at:end].rstrip("?.!,;")
    if not word:
        return
    latin = _LATIN.match(text.text, at)
    begins = at == 0 or text.text[at - 1] == " "
    dear = 100.0 if begins else 130.0
    ends = {at + len(word)}
    if latin is not None and latin.end() < at + len(word):
        ends.add(latin.end())
    for particle in PARTICLES:
        if len(particle) < len(word) and word.endswith(particle):
            ends.add(at + len(word) - len(particle))
    for one in sorted(ends):
        yield Piece(at, one, "unknown", text.text[at:one], kinds="noun"), dear + (one - at) * 0.5
        near = _near(text, text.text[at:one]) if begins else None
        if near is not None:
            yield Piece(at, one, near[0], near[1], "near", kinds="noun"), 40.0


def _near(text: Text, word: str) -> tuple[str, str] | None:
    """Return the one name that a word is nearly: in another case, with one slip."""
    if len(word) < 3:
        return None
    low = word.lower()
    found = {
        meant
        for name, meant in text.names.items()
        if low == name.lower()
        or (len(name) > 3 and abs(len(name) - len(low)) < 2 and low.isascii() and distance(low, name.lower()) == 1)
    }
    if not found and _hangul_near(word, 0):
        first = korean_sounds.heard(word)[0][:1]
        found = {
            meant
            for name, meant in text.names.items()
            if name.isascii() and first in korean_sounds.beginnings(name.lower()) and korean_sounds.nearly(name, word)
        }
    return next(iter(found)) if len(found) == 1 else None
