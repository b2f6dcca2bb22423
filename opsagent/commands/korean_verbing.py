"""Korean verbs in a command: a verbal noun and its 하다 become one verb with a form. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from opsagent.commands.korean_pieces import Piece, Text
from opsagent.commands.korean_verbs import OTHER

LOOKING = frozenset({"show", "check", "search"})
ANSWERS = frozenset({"approve", "deny"})
WHO = frozenset({"unit", "group", "all", "pronoun"})
_BEGS = ("부탁", "요청", "바라", "바랍", "바람", "바래")
_BETWEEN = frozenset({"filler", "time", "duration", "manner", "number", "counter", "more"})
"""May stand between a verbal noun and its 하다: 재시작 좀 해줘."""


def said_by(text: Text, piece: Piece) -> str:
    """Return the words of a piece."""
    return text.text[piece.start : piece.end]


def verbs(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Join verbal nouns with what makes verbs of them, and give every verb its form."""
    found: list[Piece] = []
    done: set[int] = set()
    for at, piece in enumerate(pieces):
        if at in done:
            continue
        follows = _what_follows(text, pieces, at) if piece.kind == "vn" else None
        if follows is not None:
            found.extend(follows[0])
            done.update(range(at, follows[1]))
        elif piece.kind == "vn" and _is_what_goes_back(text, pieces, at):
            found.append(replace(piece, kind="noun", value="release"))
        elif piece.kind == "vn":
            end = _maker_of(pieces, at)
            if end is None:
                found.append(replace(piece, kind="verb", form=_form_of_noun(text, pieces, at)))
            else:
                found.extend(one for one in pieces[at + 1 : end] if one.kind != "particle")
                found.append(_made(text, piece, pieces[end]))
                done.update(range(at, end + 1))
        elif piece.kind == "verb":
            found.append(replace(piece, form=piece.form or "imperative"))
        elif piece.kind == "light" and any(one.kind == "procedure" for one in pieces[:at]):
            found.append(replace(piece, kind="verb", value="run_gui_procedure", form=piece.form or "imperative"))
        elif piece.kind == "light" and _counts(pieces, at, "instances"):
            found.append(replace(piece, kind="verb", value="scale", form=piece.form or "imperative"))
        elif piece.kind in {"light", "lightword"} and _counts(pieces, at, "id"):
            found.append(_answered(piece))
        elif piece.kind == "light" or (piece.kind == "lightword" and said_by(text, piece).startswith(("부탁", "요청"))):
            strange = at > 0 and pieces[at - 1].kind == "unknown"  # 심폐소생 부탁
            found.append(replace(piece, kind="verb", value=OTHER if strange else "show", form=piece.form or "noun"))
        elif piece.kind == "lightword":
            found.append(replace(piece, kind="filler"))
        else:
            found.append(piece)
    return found


_AFTER = re.compile(r" ?(?:후|뒤|다음|이후)(?:에는|에|엔)?(?=[ ,])")
_NOT_THAT = ("말고", "말구")


def _what_follows(text: Text, pieces: Sequence[Piece], at: int) -> tuple[list[Piece], int] | None:
    """Read a verbal noun that something follows: 재시작 후, 재시작 말고. Returns its pieces, and where the next one is."""
    noun = pieces[at]
    after = _AFTER.match(text.text, noun.end)
    if after is not None and noun.value != OTHER:
        end = next((place for place in range(at + 1, len(pieces)) if pieces[place].start >= after.end()), len(pieces))
        rest = pieces[end:]
        who = next((place for place, one in enumerate(rest) if one.kind in WHO), len(rest))
        does = next((place for place, one in enumerate(rest) if one.kind in {"vn", "verb"}), None)
        things = {one.value for one in rest[:who] if one.kind == "noun"}
        if does is None or any(one.kind == "question" for one in rest):
            return None
        if things & {"logs", "errors", "incidents"} or "이후" in after[0]:  # after it, or those after it?
            joined = replace(noun, start=noun.end - 1, kind="join", value="then", form="", slip=False)
            return [replace(noun, kind="verb", form="near"), joined], end
        return [replace(noun, kind="verb", form="then")], end
    place = at + 1
    while place < len(pieces) and pieces[place].kind == "particle":
        place += 1
    if place < len(pieces) and pieces[place].kind == "except" and said_by(text, pieces[place]).startswith(_NOT_THAT):
        verb = replace(noun, end=pieces[place].end, kind="verb", form="instead")
        if any(one.kind in {"vn", "verb"} for one in pieces[place + 1 :]):
            return [verb], place + 1
        before = [one for one in pieces[:at] if one.kind in {"vn", "verb"}]
        units = any(one.kind in WHO for one in pieces[pieces.index(before[-1]) : at]) if before else True
        if before and not units and before[-1].value != noun.value:  # 리로드만 해줘, 재시작은 말고
            return [replace(verb, kind="filler", value="", form="")], place + 1
    return None


def _counts(pieces: Sequence[Piece], at: int, what: str) -> bool:
    """Tell whether a number of that kind stands right before: 3대로 해줘, 22번 해줘."""
    before = [one for one in pieces[max(0, at - 4) : at] if one.kind not in {"filler", "noun"}]
    return any(one.kind == "counter" and one.value == what for one in before[-2:])


def _answered(piece: Piece) -> Piece:
    """`22번 해도 돼` says yes to a question of the agent, `22번은 하지 마` no."""
    form = piece.form or "imperative"
    answer = {"imperative": "approve", "will": "approve", "question": "approve", "negated": "deny"}.get(form)
    if answer is None:
        return replace(piece, kind="verb", value="approve", form=form)
    return replace(piece, kind="verb", value=answer, form="near" if form == "question" else "imperative")


def _is_what_goes_back(text: Text, pieces: Sequence[Piece], at: int) -> bool:
    """`배포 되돌려`: what was deployed is to go back."""
    behind = next((one for one in pieces[at + 1 :] if one.kind != "particle"), None)
    goes_back = behind is not None and behind.kind == "verb" and behind.value == "rollback"
    return goes_back and said_by(text, pieces[at]) in {"배포", "디플로이"}


def _maker_of(pieces: Sequence[Piece], at: int) -> int | None:
    """Return the place of what makes a verb of the verbal noun at `at`."""
    for place in range(at + 1, len(pieces)):
        piece = pieces[place]
        if piece.kind in {"light", "lightword", "passive"}:
            return place
        if piece.kind not in _BETWEEN and not (
            piece.kind == "particle" and piece.value in {"obj", "topic", "only", "also"}
        ):
            return None
    return None


def _made(text: Text, noun: Piece, maker: Piece) -> Piece:
    form = maker.form or "imperative"
    polite = maker.polite
    if any(beg in said_by(text, maker) for beg in _BEGS):
        if form in {"third", "will", "reason", "seems"}:
            form = "imperative"
        elif form == "question":
            form, polite = "imperative", True
    if said_by(text, maker).startswith("가능"):  # 가능할까요: may be asked for, may be asked about
        form = "near" if form in {"question", "third", "imperative"} else form
    if maker.kind == "passive":
        form = {"imperative": "third", "then": "third"}.get(form, form)
    return replace(
        noun, end=max(noun.end, maker.end), kind="verb", form=form, polite=polite, slip=noun.slip or maker.slip
    )


def _form_of_noun(text: Text, pieces: Sequence[Piece], at: int) -> str:
    """Return the form of a verbal noun that nothing makes a verb of."""
    if at + 1 < len(pieces) and said_by(text, pieces[at + 1]).startswith(("고마", "고맙", "감사", "땡큐", "수고")):
        return "attributive"  # thanks for it
    after = next((one for one in pieces[at + 1 :] if one.kind != "filler" or said_by(text, one).startswith("중")), None)
    if after is None:
        return "noun"
    said = said_by(text, after)
    if after.kind == "vn" and said_by(text, after).startswith(("취소", "보류", "연기")):
        return "attributive"
    if after.kind == "unit" and any(one.kind == "unit" for one in pieces[:at]):
        return "attributive"  # web 재시작 api: whose restart?
    if after.kind == "noun" and after.value in {"cause", "incidents", "fix"}:
        return "attributive"
    if after.kind == "copula" or said.startswith("중"):
        return "question" if after.kind == "copula" else "third"
    if said.startswith(("전에", "이전", "이후", "후", "뒤", "때", "다음")) or after.kind == "unknown":
        return "attributive"
    return "attributive" if after.kind == "particle" and after.value != "obj" else "noun"
