"""What a Korean verb means with what stands beside it: 이전 버전으로 돌려, 3개로 올려, 로그 띄워, 자동 조치 꺼. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

from opsagent.commands.korean_pieces import Piece, Text
from opsagent.commands.korean_verbing import ANSWERS, LOOKING, WHO, said_by
from opsagent.commands.korean_verbs import OTHER


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
    if value == "show" and said_by(text, piece).lower().startswith(("tail", "테일")):
        return [replace(piece, kind="noun", value="logs", form="", polite=False, slip=False), verb]
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
    alone = any(one.value == "auto" for one in beside) or text.text.startswith(("아무", "자동"), pieces[at].start)
    if not who and begin == 0 and form == "negated":  # of no unit: all of it
        return "pause", "imperative" if alone else "near"
    return "touch", form


_PERMISSION = re.compile(
    r"(?:자동(?:으로)? ?)?(?:건드|손대|손 대|만져|고쳐|조치|복구|대응|처리|관여|나서|개입|신경).*도 ?(?:돼|돼요|됩니다|됨|된다|좋아|좋습니다|괜찮아)"
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
    auto = said_by(text, pieces[at]).startswith("자동")
    return bool(alone & {"자동으로", "스스로"} or ((alone or auto) and again)) and not any(
        one.kind in WHO for one in before
    )


def _was_stopped(pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether the text stops something before: what is 다시 시작 then is only started."""
    return any(
        one.kind == "verb" and one.value == "stop" and one.form in {"then", "noun", "imperative"} for one in pieces[:at]
    )


_OF_NUMBERS = ("변경", "설정", "세팅", "조정", "바꾸", "바꿔", "바꿨", "바꾼", "맞추", "맞춰", "추가", "더")
_NEEDS_A_THING = ("보내", "열", "던지", "던져", "남기", "남겨", "대", "까")
"""Show something only where it is said what: 로그 보내줘; not 메일 보내줘."""
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
    if (
        value == "show"
        and said.startswith(_NEEDS_A_THING)
        and all(one.kind in WHO | {"particle", "filler"} for one in beside)
    ):
        return OTHER
    if value == "rollback" and _goes_to_a_newer(text, beside):
        return OTHER
    if value == "show" and said.startswith("남") and any(one.kind == "half" for one in beside):
        return "scale_down"  # 절반만 남겨
    if value == "start" and any(one.kind == "manner" for one in beside):  # 무중단으로 다시 띄워
        return "restart" if said.startswith("다시") else OTHER
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
