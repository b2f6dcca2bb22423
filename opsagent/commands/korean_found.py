"""Every piece of the Korean vocabulary that may stand at a place of a text, with its price. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

from opsagent.commands import korean_forms, korean_sounds, times_ko
from opsagent.commands.korean_text import QUOTE, Piece, Text
from opsagent.commands.korean_verbs import COPULA, conjugated
from opsagent.commands.korean_words import AND_GLUED, COUNTERS, PARTICLES, SYMBOLS, particles, words
from opsagent.commands.words import distance

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
_FULL = ("실행", "수행", "처리", "진행", "작업")
"""Verbs that only make verbs of other nouns where they say nothing by themselves: 검색 실행해줘."""
_STOPS = frozenset(
    {"imperative", "then", "negated", "instead", "conditional", "duty", "noun", "question", "quote", "will"}
)


def priced(text: Text, at: int, names_first: bool) -> Iterator[tuple[Piece, float]]:
    """Give every piece that begins at `at` with its price."""
    char = text.text[at]
    if char == QUOTE:
        yield from _quoted(text, at)
        return
    if char in ".,!?;…。、！？~^":
        yield Piece(at, at + 1, "mark", char), 1.0
        return
    if char in SYMBOLS:
        yield Piece(at, at + 1, "filler"), 1.0
        return
    yield from ((piece, 6.0 if names_first else 12.0) for piece in _names(text, at))
    yield from _times(text, at)
    yield from ((piece, 9.5 if piece.kind == "lightword" else 10.0) for piece in words_at(text, at))
    yield from conjugated_at(text, at)
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
    for name in text.spelt.get(text.low[at], ()):
        kind, meant = text.names[name]
        end = at + len(name)
        if text.low.startswith(name.lower(), at) and _edges(text.text, at, end):
            # In another case it is the name as well, if no other name is spelt so.
            alike = sum(one.lower() == name.lower() for one in text.spelt[text.low[at]])
            if text.text.startswith(name, at) or alike == 1:
                yield Piece(at, end, kind, meant, kinds="vn" if kind == "procedure" else "noun")
    for name in korean_sounds.by_beginning(text.sounding).get(first, ()) if first else ():
        heard_end = 0 if text.low.startswith(name.lower(), at) else _heard_end(text.text, at, name)
        if heard_end:
            found.setdefault(heard_end, set()).add(text.names[name])
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


def words_at(text: Text, at: int) -> Iterator[Piece]:
    """Give every word of the vocabulary that begins there."""
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


def conjugated_at(text: Text, at: int) -> Iterator[tuple[Piece, float]]:
    """Give every form of a verb or of a state that begins there."""
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
    found = {text.names[name] for name in _nearly(text.sounding, word)}
    return next(iter(found)) if len(found) == 1 else None


@lru_cache(maxsize=1024)
def _nearly(names: tuple[str, ...], word: str) -> tuple[str, ...]:
    low = word.lower()
    close = [name for name in names if abs(len(name) - len(low)) < 2] if low.isascii() else []
    found = tuple(name for name in close if low == name.lower() or (len(name) > 3 and distance(low, name.lower()) == 1))
    if found or not _hangul_near(word, 0):
        return found
    first = korean_sounds.heard(word)[0][:1]
    heard = korean_sounds.by_beginning(names).get(first, ())
    return tuple(name for name in heard if korean_sounds.nearly(name, word))
