"""What pieces of a Korean command are together, as the roles that all languages share. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from opsagent.commands.korean_asides import (
    announcements,
    exclusions,
    introductions,
    left_alone,
    looked_after,
    named,
    never,
    plainly,
    sentences,
    told_params,
)
from opsagent.commands.korean_clauses import afterwords, conditions, reasons
from opsagent.commands.korean_composed import composed
from opsagent.commands.korean_pieces import Piece, Text
from opsagent.commands.korean_things import leaning, machines, nouns, numbers, queries
from opsagent.commands.korean_verbing import ANSWERS, LOOKING, said_by, verbs
from opsagent.commands.tags import Role

_PLAIN = frozenset({"obj", "subj", "topic", "of", "at", "in", "to", "also", "only", "side"})
"""Particles that only bind; others say something (from, until, like) that no change is understood to have."""
_FORMS = {
    "imperative": "imperative", "then": "then", "negated": "negated", "instead": "negated", "question": "question", "past": "past",
    "conditional": "conditional", "lasting-if": "conditional", "attributive": "attributive", "duty": "near", "wish": "near",
    "near": "near", "noun": "noun",
}  # fmt: skip
"""What an ending says → the form of a verb that all languages share; others state something (`third`)."""
_DOUBTS = frozenset({"quote", "or", "before", "other", "seems"})
_QUESTIONS = {"when": "how_often", "who": "what", "which": "what", "did": "is"}
_ROLES = frozenset(role.value for role in Role)


@dataclass(frozen=True, slots=True)
class _Said:
    """What the whole text says, as far as its pieces need to know."""

    text: Text
    pieces: Sequence[Piece]
    changes: bool
    """It has a verb that changes something, in whatever form."""
    questions: frozenset[str]

    def behind(self, piece: Piece) -> Piece | None:
        """Return the piece behind another."""
        place = next(at for at, one in enumerate(self.pieces) if one is piece) + 1
        return self.pieces[place] if place < len(self.pieces) else None


def verbs_and_states(text: Text, pieces: Sequence[Piece]) -> list[Piece]:
    """Return the pieces with roles as their kinds, joined where several say one thing."""
    found = list(pieces)
    for step in _STEPS:
        found = step(text, found)
    return found


def _is_left_undone(verb: Piece) -> bool:
    """Tell whether a verb says what is not to be done, and orders nothing by that."""
    return verb.form in {"negated", "instead"} and verb.value not in {"touch", "hold", *ANSWERS}


def _settled(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Give everything that is left its role; what has none is unknown."""
    said = _Said(
        text,
        pieces,
        changes=any(one.kind == "verb" and one.value not in LOOKING and not _is_left_undone(one) for one in pieces),
        questions=frozenset(one.value for one in pieces if one.kind == "question"),
    )
    found: list[Piece] = []
    for piece in pieces:
        for settled in _SETTLE.get(piece.kind, _as_it_is)(said, piece):
            known = settled.kind in _ROLES
            found.append(settled if known else replace(settled, kind="unknown", value=said_by(text, settled), form=""))
    return [*found, *_asking(said)]


_ASKING = re.compile(r"(?:냐|니|나|나요|냐고|까|까요|가요|는지|은지|런지|노)$")


def _asking(said: _Said) -> list[Piece]:
    """Give a question mark where the last word asks by its ending, and nobody wrote one: `api 살아있냐`."""
    last = next((one for one in reversed(said.pieces) if one.kind not in {"mark", "filler"}), None)
    marked = any(one.kind == "mark" and one.value in "?？" for one in said.pieces)
    if last is None or said.changes or marked or last.kind not in {"state", "question"}:
        return []
    if _ASKING.search(said_by(said.text, last)) is None:
        return []
    return [replace(last, start=last.end - 1, kind="question", value="mark", form="", polite=False)]


def _as_it_is(_said: _Said, piece: Piece) -> list[Piece]:
    return [piece]


def _particle(said: _Said, piece: Piece) -> list[Piece]:
    if piece.value in _PLAIN or not said.changes:
        return [replace(piece, kind="glue", value="particle", form="")]
    return [replace(piece, kind="unknown", value=said_by(said.text, piece), form="")]


def _copula(_said: _Said, piece: Piece) -> list[Piece]:
    return [replace(piece, kind="glue", value="particle", form="")]


def _mark(_said: _Said, piece: Piece) -> list[Piece]:
    if piece.value in "?？":
        return [replace(piece, kind="question", value="mark")]
    if piece.value in ",、.。":
        return [replace(piece, kind="join", value="," if piece.value in ",、" else ".")]
    return [replace(piece, kind="unknown" if piece.value == ";" else "filler", value=";" if piece.value == ";" else "")]


def _time(_said: _Said, piece: Piece) -> list[Piece]:
    if piece.form == "vague":
        return [replace(piece, kind="doubt", value="vague time", form="")]
    if "|" in piece.form:
        return [replace(piece, value=piece.form, form="either")]
    return [replace(piece, form="" if piece.form == "length" else piece.form)]


_OF_THE_PAST = frozenset({"why", "how_often", "when", "how_fixed", "did"})
_SPEAKS_OF = frozenset({"cause", "incidents", "logs", "errors", "fix"})


def _verb(said: _Said, piece: Piece) -> list[Piece]:
    """A change that is only spoken of (누가 껐어, 끄는 방법) is a doubt, unless its past or its cause is asked for."""
    if piece.value == "teach":  # what is to be remembered was found before the text was cut, if anything was
        return [replace(piece, kind="unknown", value=said_by(said.text, piece), form="", polite=False)]
    verb = replace(piece, form=_FORMS.get(piece.form, "third"))
    told = piece.form in _DOUBTS
    if piece.value not in LOOKING and piece.form == "attributive":
        behind = said.behind(piece)
        told = behind is None or not (behind.kind == "unit" or (behind.kind == "noun" and behind.value in _SPEAKS_OF))
    elif piece.value not in LOOKING and verb.form in {"past", "third"}:
        told = told or (bool(said.questions) and not said.questions & _OF_THE_PAST)
    return [_doubt(said, piece), verb] if told else [verb]


def _state(said: _Said, piece: Piece) -> list[Piece]:
    if piece.form == "ever":
        return [replace(piece, kind="noun", value="incidents", form="")]
    if said_by(said.text, piece).startswith(("에러", "오류")) and not said.changes:
        return [replace(piece, kind="noun", value="errors", form="")]
    supposes = piece.form in {"conditional", "lasting-if", "other", "or", "duty", "will", "wish"}
    doubt = [_doubt(said, piece)] if supposes or (piece.form == "negated" and said.changes) else []
    form = "past" if piece.form in {"past", "quote"} else ""
    value = "healthy" if piece.value == "well" else piece.value
    return [*doubt, replace(piece, value=value, form=form, polite=False)]


def _unknown(said: _Said, piece: Piece) -> list[Piece]:
    """The word that ends a sentence says what is asked: where nobody knows it, nothing is looked at either."""
    last = next((one for one in reversed(said.pieces) if one.kind not in {"mark", "filler"}), None)
    hangul = any("가" <= char <= "힣" for char in piece.value)
    return [_doubt(said, piece), piece] if last is piece and hangul and not said.changes else [piece]


def _filler(said: _Said, piece: Piece) -> list[Piece]:
    return [_doubt(said, piece)] if said.changes and said_by(said.text, piece) == "아직" else [piece]


def _join(said: _Said, piece: Piece) -> list[Piece]:
    """`끝나면` joins only behind something that is done; else it is a condition that nobody can tell."""
    if "면" in said_by(said.text, piece) and piece.value == "then":
        place = next(at for at, one in enumerate(said.pieces) if one is piece)
        before = said.pieces[place - 1] if place else None
        if (
            before is None
            or before.kind not in {"verb", "join", "mark"}
            or before.form not in {"then", "imperative", ""}
        ):
            return [_doubt(said, piece)]
    behind = said.behind(piece)
    if behind is None:  # and what?
        return [replace(piece, kind="unknown", value=said_by(said.text, piece), form="")]
    if piece.value == "or" and piece.form == "glued" and behind.value in LOOKING:
        return [replace(piece, kind="glue", value="particle", form="")]  # 로그나 보여줘
    return [replace(piece, form="")]


def _doubt(said: _Said, piece: Piece) -> Piece:
    return replace(piece, kind="doubt", value=said_by(said.text, piece), form="", polite=False)


def _question(said: _Said, piece: Piece) -> list[Piece]:
    if piece.value == "when" and any(one.kind == "state" and one.value == "up" for one in said.pieces):
        return [replace(piece, kind="noun", value="uptime", form=""), replace(piece, value="how_much", form="")]
    if piece.value == "did" and "how" in said.questions:
        return [replace(piece, value="how_fixed", form="")]
    return [replace(piece, value=_QUESTIONS.get(piece.value, piece.value), form="")]


_LONG_AGO = ("예전", "이전", "전에", "과거", "지난번", "저번", "옛날", "그동안", "여태", "종전", "요전", "일전")


def _glue(said: _Said, piece: Piece) -> list[Piece]:
    if piece.value != "past":
        return [piece]
    if said.changes:
        return [_doubt(said, piece)]
    asks = bool(said.questions) or any(one.kind == "state" for one in said.pieces)
    if asks and said_by(said.text, piece).startswith(_LONG_AGO):
        return [replace(piece, kind="noun", value="incidents", form="")]
    return [piece]


def _plain(_said: _Said, piece: Piece) -> list[Piece]:
    return [replace(piece, form="")]


def _named(_said: _Said, piece: Piece) -> list[Piece]:
    return [replace(piece, form="" if piece.form == "quoted" else piece.form)]


_STEPS: tuple[Callable[[Text, list[Piece]], list[Piece]], ...] = (
    introductions, announcements, verbs, looked_after, told_params, composed, never, left_alone, plainly, sentences, exclusions, named, machines, conditions, reasons, afterwords, numbers, queries, nouns, leaning, _settled,
)  # fmt: skip
_SETTLE: dict[str, Callable[[_Said, Piece], list[Piece]]] = {
    "particle": _particle, "copula": _copula, "mark": _mark, "time": _time, "duration": _time, "verb": _verb, "state": _state,
    "question": _question, "glue": _glue, "join": _join, "unknown": _unknown, "filler": _filler, "query": _plain, "unit": _named, "group": _named, "procedure": _named,
}  # fmt: skip
