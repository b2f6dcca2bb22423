"""What Korean says beside what is to be done: conditions (죽었으면) and reasons (느려서). Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from opsagent.commands.korean_pieces import Piece, Text
from opsagent.commands.korean_verbing import LOOKING, WHO, said_by
from opsagent.commands.korean_verbs import OTHER

_IF = {"down": "down", "stopped": "stopped", "unhealthy": "unhealthy", "well": "healthy", "up": "up"}
_STATING = frozenset({"filler", "particle", "copula", "noun", "state", "question", "glue", "duration", "verb"})


def conditions(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Join what is supposed with whom it is supposed of."""
    found = list(pieces)
    at = 0
    while at < len(found):
        piece = found[at]
        supposed = _supposed(text, piece)
        if supposed is None:
            at += 1
            continue
        begin = _subject_begin(found, at)
        who = [one for one in found[begin:at] if one.kind in {"unit", "pronoun"}]
        odd = [
            one
            for one in found[begin:at]
            if one.kind in {"noun", "negation", "group", "all"} and one.value not in {"unit", "status"}
        ]
        if not supposed or len(who) > 1 or odd:
            found[at] = replace(piece, kind="doubt", value=said_by(text, piece), form="", polite=False)
            at += 1
            continue
        own = _says_who(found, at + 1)
        whom = who[0].value if who and who[0].kind == "unit" and own else "it"
        condition = replace(piece, kind="condition", value=f"{whom} {supposed}", form="", polite=False)
        kept = [] if own or not who else who
        rest = [one for one in found[begin:at] if one.kind == "filler"]
        found[begin : at + 1] = [*kept, *rest, condition]
        at = begin + len(kept) + len(rest) + 1
    return found


def _supposed(text: Text, piece: Piece) -> str | None:
    """Return what a piece supposes (`is down`), empty where nobody can tell; None: it supposes nothing."""
    if piece.kind == "metric":
        return piece.value
    if piece.form not in {"conditional", "lasting-if"}:
        return None
    if piece.kind == "state":
        return f"is {_IF[piece.value]}" if piece.value in _IF else ""
    if (
        piece.kind == "verb"
        and piece.value in {"stop", "pause"}
        and said_by(text, piece).startswith(("멈", "정지", "중지"))
    ):
        return "is stopped"
    return None


def _subject_begin(pieces: Sequence[Piece], at: int) -> int:
    begin = at
    while begin > 0 and pieces[begin - 1].kind in {
        "unit",
        "pronoun",
        "particle",
        "filler",
        "noun",
        "negation",
        "group",
        "all",
        "join",
    }:
        if pieces[begin - 1].kind == "join" and pieces[begin - 1].form != "glued":
            break
        begin -= 1
    while begin < at and pieces[begin].kind == "filler":
        begin += 1
    return begin


def _says_who(pieces: Sequence[Piece], start: int) -> bool:
    """Tell whether what follows, up to its verb, says by itself who is meant."""
    for piece in pieces[start:]:
        if piece.kind in WHO:
            return True
        if piece.kind == "verb":
            return False
    return False


_BECAUSE = ("니까", "니깐", "으니", "이니", "하니", "길래", "때문에", "이라서", "느라", "테니")
"""Endings that give a reason, whatever they stand behind: 트래픽 몰리니까, 점검 중이니."""


def reasons(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Join what only says why something is to be done; the unit stays, where nothing else says who is meant."""
    found = list(pieces)
    at = 0
    while at < len(found):
        piece = found[at]
        because = _says_because(text, found, at)
        if not because and not (piece.kind == "state" and (piece.form == "attributive" or _is_reason(found, at))):
            at += 1
            continue
        begin = _reason_begin(found, at, widely=because, own=_says_who(found, at + 1))
        clause = found[begin:at]
        own = _says_who(found, at + 1)
        names = [one.value for one in clause if one.kind == "unit"]
        reason = replace(piece, kind="reason", value=",".join(names) if own else "", form="", polite=False, slip=False)
        kept = [] if own else [one for one in clause if one.kind in WHO or (one.kind == "join" and one.form == "glued")]
        found[begin : at + 1] = [*kept, reason]
        at = begin + len(kept) + 1
        if at < len(found) and found[at].kind == "mark" and found[at].value in ",.!":
            found[at] = replace(found[at], kind="filler", value="")
    return found


def _says_because(text: Text, pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether a piece ends in a reason, and something to do follows it."""
    piece = pieces[at]
    if piece.kind == "verb" and piece.value == OTHER and piece.form == "past":  # 설정 바꿨어, 리로드해줘
        return any(one.kind == "verb" and one.form in {"imperative", "noun"} for one in pieces[at + 1 :])
    told = piece.kind == "verb" and piece.form in {"reason", "will", "progress", "past", "third", "other"}
    spoken = piece.kind in {"unknown", "copula", "question", "light"} or told
    if not spoken or not said_by(text, piece).rstrip("요").endswith(_BECAUSE):
        return False
    return any(one.kind == "verb" and one.form in {"imperative", "then", "noun", "negated"} for one in pieces[at + 1 :])


def _is_reason(pieces: Sequence[Piece], at: int) -> bool:
    """Tell whether a state is said only to say why: something to do follows in the same breath."""
    form = pieces[at].form
    if pieces[at].end - pieces[at].start < 2:  # 새 서비스: new, not leaking
        return False
    asked = any(one.kind == "question" for one in pieces[:at]) or (at + 1 < len(pieces) and pieces[at + 1].value == "?")
    if form in {"question", "negated", "or", "other", "before", "duty", "will", "conditional", "lasting-if"} or asked:
        return False
    for piece in pieces[at + 1 :]:
        if piece.kind == "verb":
            return piece.value not in LOOKING and piece.form in {"imperative", "then", "noun"}
    return False


_STATED = frozenset(
    {"unit", "pronoun", "group", "particle", "filler", "noun", "duration", "glue", "negation", "state", "reason"}
)


_RISKY = re.compile(r"금지|말|마라|마세|면|라고|다고|래|대요|아니|않|못|예시|예를|가정|규칙|만약|혹시")
_ENDS = re.compile(r"[까나니냐래대게고서며해요다지죠어아네라자줘셈음]$")
"""How words end that say what somebody does, and not what about."""
_PARTS = re.compile(
    r"(?:큐|대기열|커넥션|세션|스레드|쓰레드|락|데드락|소켓|포트|응답|요청|속도|화면|페이지|결제|주문|로그인|문의|메시지|트래픽|접속|연결|처리|작업|고객|유저|사용자)(?:들|량|수)?(?:이|가|은|는|도|을|를)?"
)
"""What may be amiss with a service: it names no other one."""


def _is_matter(pieces: Sequence[Piece], at: int, *, own: bool) -> bool:
    """Tell whether a word that nobody knows is only what a reason is about: 주문이 밀려서, 큐 꽉 찼어요.

    What follows then says itself who is meant (`own`), or the word stands behind the unit and is a part of one.
    """
    word = pieces[at]
    if word.kind != "unknown" or not re.fullmatch(r"[가-힣]+", word.value) or _RISKY.search(word.value):
        return False
    joined = at + 1 < len(pieces) and pieces[at + 1].kind == "join"
    bound = at + 1 < len(pieces) and pieces[at + 1].kind == "particle"
    if not bound and _ENDS.search(word.value) and _PARTS.fullmatch(word.value) is None:
        return False
    return not joined and (own or _PARTS.fullmatch(word.value) is not None)


def _reason_begin(pieces: Sequence[Piece], at: int, *, widely: bool, own: bool) -> int:
    """Return where a reason begins. `widely`: its ending tells, so that words nobody knows may be part of it."""
    begin = at
    while begin > 0:
        before = pieces[begin - 1]
        stated = before.kind in _STATED or (before.kind == "join" and before.form == "glued")
        stated = stated or (before.kind == "verb" and before.value == OTHER and before.form in {"noun", "attributive"})
        told = before.kind in {"unknown", "vn", "question"} or (
            before.kind == "verb" and before.form in {"attributive", "past", "third", "noun"}
        )
        between = pieces[begin:at]
        since = before.kind == "verb" and before.value == OTHER and before.form in {"then", "past"}
        stated = stated or (since and all(one.kind in {"filler", "particle", "glue"} for one in between))
        if not stated and not (widely and told) and not _is_matter(pieces, begin - 1, own=own):
            break
        begin -= 1
    return begin


def _is_stated(text: Text, piece: Piece) -> bool:
    """Tell whether a piece may be part of a statement that takes nothing back."""
    match piece.kind:
        case "question":
            return piece.value == "is"
        case "verb":
            return piece.form in {"past", "third", "attributive"} or (piece.form == "noun" and piece.value == OTHER)
        case "state":
            told = {"past", "imperative", "third", "seems", "reason", "attributive", "progress"}
            return piece.form in told and not said_by(text, piece).startswith("안")  # 안 돼: no!
        case kind:
            return kind in _STATING


def afterwords(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Take what is stated behind the last thing to do as its reason: 원복해줘 방금 배포한 게 문제야."""
    last = max((at for at, one in enumerate(pieces) if one.kind == "verb" and one.form == "imperative"), default=None)
    if last is None or pieces[last].value in LOOKING:
        return pieces
    begin = last + 1
    while begin < len(pieces) and pieces[begin].kind == "mark" and pieces[begin].value in ".,!":
        begin += 1
    tail = [one for one in pieces[begin:] if not (one.kind == "mark" and one.value in ".!")]
    states = any(
        one.kind in {"state", "copula"} or (one.kind == "verb" and one.form in {"past", "third"}) for one in tail
    )
    if not states or not all(_is_stated(text, one) for one in tail):
        return pieces
    return [*pieces[: last + 1], replace(tail[0], end=tail[-1].end, kind="reason", value="", form="", polite=False)]
