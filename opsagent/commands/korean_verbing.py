"""Korean verbs in a command: a verbal noun and its 하다 become one verb with a form, and what stands beside says what it means. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

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
        if piece.kind == "vn" and _is_what_goes_back(text, pieces, at):
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
            found.append(replace(piece, kind="verb", value="show", form=piece.form or "noun"))
        elif piece.kind == "lightword":
            found.append(replace(piece, kind="filler"))
        else:
            found.append(piece)
    return found


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


def clause_of(pieces: Sequence[Piece], at: int) -> tuple[int, int]:
    """Return where the clause of the verb at `at` begins and ends: between the verbs that go on."""
    begin = at
    while begin > 0 and not (
        pieces[begin - 1].kind == "verb" and pieces[begin - 1].form in {"then", "instead", "imperative", "negated"}
    ):
        begin -= 1
    return begin, at + 1


def composed(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Give verbs the meaning that they have with what stands beside them: 이전 버전으로 돌려, 3개로 올려, 로그 띄워."""
    found: list[Piece] = []
    for at, piece in enumerate(pieces):
        if piece.kind == "verb":
            found.extend(_composed(text, pieces, at))
        elif (
            piece.kind == "state"
            and piece.value == "up"
            and piece.form == "imperative"
            and _is_of_a_release(text, pieces, at)
        ):
            found.append(replace(piece, kind="verb", value="rollback"))  # 이전 버전으로 돌아가
        else:
            found.append(piece)
    return found


_EARLIER = (
    "이전",
    "전",
    "직전",
    "예전",
    "지난",
    "원",
    "구",
    "옛",
    "마지막",
    "배포",
    "정상",
    "안정",
    "아까",
    "어제",
    "잘",
    "돌아가던",
    "멀쩡",
)


def is_earlier(text: Text, piece: Piece) -> bool:
    """Tell whether a piece is an earlier release."""
    return piece.kind == "noun" and piece.value == "release" and said_by(text, piece).startswith(_EARLIER)


def _of_the_agent(text: Text, beside: Sequence[Piece], value: str) -> str:
    """`자동 조치 꺼줘` has the agent pause, `자동 조치 켜줘` go on."""
    if value in {"stop", "kill"}:
        return "pause"
    automatic = any(
        one.kind == "noun" and one.value == "agent" and said_by(text, one).startswith(("자동", "자율", "자가", "오토"))
        for one in beside
    )
    return "resume" if automatic and value in {"start", "restart", "run"} else value


_NEWER = ("새", "최신", "신", "다음")


def _goes_to_a_newer(text: Text, beside: Sequence[Piece]) -> bool:
    """Tell whether it is to go to a newer release: 최신 버전으로."""
    return any(
        one.kind == "noun" and one.value == "release" and said_by(text, one).startswith(_NEWER) and behind.value == "to"
        for one, behind in pairwise(beside)
    )


def _is_of_a_release(text: Text, pieces: Sequence[Piece], at: int) -> bool:
    begin, _ = clause_of(pieces, at)
    return any(is_earlier(text, one) for one in pieces[begin:at])


def _composed(text: Text, pieces: Sequence[Piece], at: int) -> list[Piece]:
    """Return the verb at `at` with its meaning; nothing of it is left where the verb behind it says the same."""
    piece = pieces[at]
    value, form = _meaning(text, pieces, at), piece.form
    if value == "restart" and text.text.startswith("다시", piece.start) and _was_stopped(pieces, at):
        value = "start"
    if value == "run":  # 돌려줘: run it, or give it back
        value = "restart" if text.text.startswith("다시", piece.start) else "start"
        form = "near" if form == "imperative" else form
    if value in {"touch", OTHER} and form == "question" and _permits(text, pieces, at):
        value, form = "resume", "imperative"
    if value in {"touch", OTHER} and form == "imperative" and _acts_again(text, pieces, at):
        value = "resume"
    if value == OTHER and form == "negated" and any(one.value == "auto" for one in pieces[:at]):
        value = "touch"  # 혼자 고치지 마
    follows = next((one for one in pieces[at + 1 :] if one.kind == "verb"), None)
    if value in ANSWERS and form == "instead" and follows is not None and follows.value in ANSWERS:
        return [replace(piece, kind="filler", value="", form="")]  # 승인하지 말고 거절해
    if value == "pause" and said_by(text, piece).startswith(("기다", "대기", "쉬")):
        form = "near" if form == "imperative" and any(one.kind in {"unit", "verb"} for one in pieces[:at]) else form
    if value == "touch" and form in {"negated", "instead"}:
        value, form = _left_alone(text, pieces, at, form)
    if not value:
        return [replace(piece, kind="filler", value="", form="")]
    polite = piece.polite
    if value in LOOKING and form in {"question", "will", "duty", "wish", "reason"} and (form != "question" or polite):
        form, polite = ("then" if form == "reason" else "imperative"), True
    if value in ANSWERS and form in {"will", "third"}:
        form = "imperative"
    verb = replace(piece, value=value, form=form, polite=polite)
    if form == "instead":
        return [
            verb,
            replace(piece, start=piece.end - 1, kind="join", value="instead", form="", polite=False, slip=False),
        ]
    return [verb]


def _left_alone(text: Text, pieces: Sequence[Piece], at: int, form: str) -> tuple[str, str]:
    """`두 시간 동안 건드리지 마` is a hold; `조치하지 말고 멈춰 있어`, of no unit, is said by the verb that follows."""
    begin, _ = clause_of(pieces, at)
    beside = pieces[begin:at]
    who = any(one.kind in WHO for one in beside)
    follows = next((one for one in pieces[at + 1 :] if one.kind == "verb"), None)
    if (
        form == "instead"
        and follows is not None
        and (follows.value in LOOKING or (not who and follows.value == "pause"))
    ):
        return "", ""
    if any(one.kind == "duration" and "since" not in one.form for one in beside) and (who or begin > 0):
        return "hold", "imperative"
    alone = any(one.value == "auto" for one in beside) or text.text.startswith("아무", pieces[at].start)
    if not who and begin == 0 and form == "negated":  # of no unit: all of it
        return "pause", "imperative" if alone else "near"
    return "touch", form


_PERMISSION = re.compile(
    r"(?:건드|손대|손 대|만져|고쳐|조치|관여|나서|개입|신경).*도 ?(?:돼|돼요|됩니다|됨|된다|좋아|좋습니다|괜찮아)"
)


def _permits(text: Text, pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether it lets the agent act again: 이제 건드려도 돼. With a question mark it asks."""
    said = said_by(text, pieces[at])
    asked = any(one.kind == "mark" and one.value in "?？" for one in pieces)
    return _PERMISSION.match(said) is not None and not asked


def _acts_again(text: Text, pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether the agent is to act by itself again: 이제 자동으로 조치해."""
    before = pieces[:at]
    alone = {said_by(text, one) for one in before if one.value == "auto"}
    again = {said_by(text, one) for one in before} & {"이제", "다시", "이제부터"}
    return bool(alone & {"자동으로", "스스로"} or (alone and again)) and not any(one.kind in WHO for one in before)


def _was_stopped(pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether the text stops something before: what is 다시 시작 then is only started."""
    return any(
        one.kind == "verb" and one.value == "stop" and one.form in {"then", "noun", "imperative"} for one in pieces[:at]
    )


_OF_NUMBERS = ("변경", "설정", "세팅", "조정", "바꾸", "바꿔", "바꿨", "바꾼", "맞추", "맞춰", "추가", "더")
_MOVES = ("올", "다시 올", "내", "띄", "켜")


def _meaning(text: Text, pieces: Sequence[Piece], at: int) -> str:
    """Return what the verb at `at` does with what stands before it in its clause."""
    piece = pieces[at]
    begin, _ = clause_of(pieces, at)
    beside = pieces[begin:at]
    things = {one.value for one in beside if one.kind == "noun"}
    value, said = piece.value, said_by(text, piece)
    if any(one.kind == "procedure" for one in beside) and value in {"run", "start", "restart", "show", OTHER}:
        return "run_gui_procedure"
    if value in {"run", "scale", OTHER, "stop", "start", "restart"} and any(is_earlier(text, one) for one in beside):
        return "rollback"
    if "agent" in things and not any(one.kind in WHO for one in beside):
        value = _of_the_agent(text, beside, value)
    if value == "rollback" and _goes_to_a_newer(text, beside):
        return OTHER
    if things & {"logs", "errors", "status", "services", "incidents"} and (value == "start" or said.startswith("정리")):
        return "show"
    if value == "run" and _is_counted(beside):
        return "scale"
    if value in {"start", "stop", "restart"} and said.startswith(_MOVES) and _is_counted(beside):
        return {"올": "scale_up", "다": "scale_up", "내": "scale_down"}.get(said[0], "scale")
    if value in {"scale", "scale_up"} and said.startswith(_OF_NUMBERS) and not _is_counted(beside):
        return OTHER
    return value


def _is_counted(beside: Sequence[Piece]) -> bool:
    counters = [one.value for one in beside if one.kind == "counter"]
    return any(one.kind == "number" for one in beside) and (
        not counters or bool({"instances", "times"} & set(counters))
    )
