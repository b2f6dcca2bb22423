"""Numbers, things and what is looked for in a Korean command. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace

from opsagent.commands.korean_composed import is_earlier
from opsagent.commands.korean_pieces import Piece, Text
from opsagent.commands.korean_verbing import ANSWERS, LOOKING, WHO, said_by

_ID = re.compile(r"(?=[a-z]*\d)[0-9a-z]{2,}(?:-[0-9a-z]+)*")
"""How ids of questions of the agent look."""
_OF_A_UNIT = frozenset({"status", "uptime", "cause", "release", "fix"})


def numbers(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Give numbers their forms by what counts them and what stands behind."""
    found: list[Piece] = []
    answers = any(one.kind == "verb" and one.value in ANSWERS for one in pieces)
    scales = {one.value for one in pieces if one.kind == "verb"} & {"scale", "scale_up", "scale_down"}
    logged = any(one.kind == "noun" and one.value in {"logs", "errors"} for one in pieces)
    for at, piece in enumerate(pieces):
        if piece.kind == "number":
            found.extend(_number(pieces, at, scales, answers=answers, logged=logged))
        elif piece.kind == "particle" and piece.value == "until" and scales and at and pieces[at - 1].kind == "counter":
            found.append(replace(piece, value="to"))  # 5대까지 늘려줘
        elif piece.kind == "half" and scales:
            found.append(replace(piece, kind="number", form="half"))
        elif piece.kind in {"counter", "more"}:
            if not (at > 0 and pieces[at - 1].kind in {"number", "counter"}):
                kind = "filler" if piece.kind == "more" else "unknown"
                found.append(replace(piece, kind=kind, value=said_by(text, piece)))
        else:
            named = answers and piece.kind == "unknown" and _ID.fullmatch(piece.value) is not None
            found.append(replace(piece, kind="id") if named else piece)
    return _telegraphic(text, found)


def _number(pieces: Sequence[Piece], at: int, scales: set[str], *, answers: bool, logged: bool) -> list[Piece]:
    piece = pieces[at]
    behind = [one for one in pieces[at + 1 : at + 4] if one.kind in {"counter", "particle", "more", "filler"}]
    counter = next((one.value for one in behind if one.kind == "counter"), "")
    particles = {one.value for one in behind if one.kind == "particle"}
    if answers or counter == "id":
        return [replace(piece, kind="id" if answers else "unknown")]
    if scales and "in" in particles and any(one.kind == "number" for one in pieces[at + 1 :]):
        return [replace(piece, kind="glue", value="from", form="")]  # 2개에서 4개로
    if not counter and any(one.kind == "noun" and one.value == "instances" for one in pieces[:at]):
        counter = "instances"
    form = _number_form(piece, counter, particles, scales, more=any(one.kind == "more" for one in behind))
    number = replace(piece, form=form)
    return [number] if counter != "lines" or logged else [number, replace(piece, kind="noun", value="lines", form="")]


def _number_form(piece: Piece, counter: str, particles: set[str], scales: set[str], *, more: bool) -> str:
    if counter in {"lines", "percent"}:
        return {"lines": "lines", "percent": "size"}[counter]
    if counter == "times":
        return f"times{piece.value}" if piece.value in {"2", "3"} else "maybe"
    if not scales:
        return "instances" if counter == "instances" else ""
    if more:
        return "more"
    if particles & {"to", "until"} or "scale" in scales:
        return "instances"
    return "by" if counter == "instances" else ""


def _telegraphic(text: Text, pieces: list[Piece]) -> list[Piece]:
    """Without any verb, `3개로` and `이전 버전으로` name a change: it is offered."""
    if any(one.kind in {"verb", "question", "state"} or (one.kind == "mark" and one.value in "?？") for one in pieces):
        return pieces
    there = any(one.kind in WHO for one in pieces)
    back = any(is_earlier(text, one) for one in pieces)
    counted = any(one.kind == "number" and one.form in {"instances", "times2", "times3"} for one in pieces)
    if not there or not (back or counted):
        return pieces
    last = pieces[-1]
    return [*pieces, replace(last, start=last.end - 1, kind="verb", value="rollback" if back else "scale", form="near")]


def queries(_text: Text, pieces: list[Piece]) -> list[Piece]:
    """Make queries of what is looked for in logs: quoted, or a word that nobody knows."""
    verbs = {one.value for one in pieces if one.kind == "verb"}
    logged = any(one.kind == "noun" and one.value == "logs" for one in pieces)
    asks = any(one.kind == "question" and one.value in {"is", "what", "how_often"} for one in pieces)
    there = any(one.kind in {"unit", "group"} for one in pieces)
    looks = "search" in verbs or (logged and asks) or _asks_what_occurs(pieces)
    changes = bool(verbs - LOOKING)
    found: list[Piece] = []
    for at, piece in enumerate(pieces):
        unknown = piece.kind == "unknown" or (piece.kind == "number" and not piece.form)
        before_logs = at + 1 < len(pieces) and (pieces[at + 1].kind, pieces[at + 1].value) == ("noun", "logs")
        if piece.kind == "quoted":
            sought = (looks or logged or asks or bool(verbs & LOOKING)) and not changes
            found.append(replace(piece, kind="query" if sought else "unknown"))
        elif piece.kind == "doubt" and found and found[-1].kind == "query" and not changes:
            found.append(replace(piece, kind="filler", value=""))  # "SSL"이라는 단어
        elif unknown and there and not changes and (looks or (before_logs and piece.kind == "unknown")):
            if found and found[-1].kind == "query" and found[-1].form == "word":
                found[-1] = replace(found[-1], end=piece.end, value=f"{found[-1].value} {piece.value}")
            else:
                found.append(replace(piece, kind="query", form="word"))
        else:
            found.append(piece)
    return found


def _asks_what_occurs(pieces: Sequence[Piece]) -> bool:
    """Tell whether it is asked if, or how often, something unknown is in a service: `web에 ECONNRESET 뜬 거 있나`."""
    for at, piece in enumerate(pieces[:-3]):
        if piece.kind != "unit" or pieces[at + 1].kind != "particle" or pieces[at + 1].value not in {"in", "at"}:
            continue
        behind = pieces[at + 2 :]
        strange = (place for place, one in enumerate(behind) if one.kind in {"unknown", "quoted"} or _is_code(one))
        unknown = next(strange, None)
        asks = {"is", "how_often", "how_much", "did"}
        if unknown is not None and any(one.kind == "question" and one.value in asks for one in behind[unknown + 1 :]):
            return all(one.kind not in {"verb", "vn"} or one.value in LOOKING for one in behind)
    return False


def _is_code(piece: Piece) -> bool:
    return piece.kind == "number" and not piece.form and len(piece.value) == 3  # 502


def machines(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`api 서버` is a service, `서버` alone the machine; `api랑 web 둘 다` are those two."""
    found: list[Piece] = []
    leaves_out = any(one.kind == "except" for one in pieces)
    for piece in pieces:
        said = said_by(text, piece)
        units = 0 if leaves_out else sum(one.kind == "unit" for one in found)
        if (
            piece.kind == "noun"
            and piece.value == "machine"
            and said in {"서버", "노드", "머신"}
            and found
            and found[-1].kind == "unit"
        ):
            found.append(replace(piece, value="unit"))
        elif (
            units > 1
            and found[-1].kind == "counter"
            and piece.kind == "all"
            and said in {"다", "모두", "전부"}
            and [one.value for one in found[-2:-1] if one.kind == "number"] == [str(units)]
        ):
            found[-2:] = []  # 세 개 다
        elif (
            units > 1
            and said in {"둘 다", "둘다", "셋 다", "다", "모두", "전부", "다들"}
            and piece.kind in {"pronoun", "all"}
        ):
            found.append(replace(piece, kind="filler", value="", form=""))
        else:
            found.append(piece)
    return found


_EVERY = ("모든", "전체", "서비스 전", "전 ", "서비스들", "프로세스들", "앱들")


def nouns(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`api 서버` is a service, `서버` alone the machine; `모든 서비스` are all of them where something is done to them."""
    changes = any(one.kind == "verb" and one.value not in LOOKING for one in pieces)
    there = any(one.kind in {"unit", "group", "pronoun"} for one in pieces)
    found: list[Piece] = []
    for piece in pieces:
        kind, value, form = piece.kind, piece.value, piece.form
        if kind == "unit" and changes and found and found[-1].kind == "unit":  # api 워커 2개로: whose, or both?
            counted = any(one.kind == "number" and one.form == "instances" for one in pieces)
            if counted and said_by(text, piece) in {"워커", "프로세스"}:
                kind, value = "noun", "instances"
            else:
                form = "near"
        if kind == "noun":
            said = said_by(text, piece)
            if value == "unit" and not there and not changes:
                value = "services"
            elif value == "services" and changes and said.startswith(_EVERY):
                kind = value = "all"
            elif is_earlier(text, piece):
                value = "last_release"
        found.append(replace(piece, kind=kind, value=value, form=form))
    return found


def leaning(_text: Text, pieces: list[Piece]) -> list[Piece]:
    """`롤백하고 상태 보여줘`: what is looked at behind something that was done is of the same unit."""
    found: list[Piece] = []
    done, several = False, 0
    clause: list[Piece] = []
    for piece in pieces:
        clause.append(piece)
        ends = piece.kind == "verb" and piece.form in {"then", "imperative", "noun", "negated"}
        if not ends and piece is not pieces[-1]:
            continue
        things = {one.value for one in clause if one.kind == "noun"}
        who = any(one.kind in WHO or one.kind == "unknown" for one in clause)
        if done and things & _OF_A_UNIT and not who and not things & {"machine", "services", "disk", "load"}:
            first = clause[0]
            clause.insert(
                0,
                replace(
                    first, kind="pronoun", value="it" if several < 2 else "them", form="", polite=False, slip=False
                ),
            )
        done = done or (ends and who)
        several = sum(one.kind == "unit" for one in clause) if ends and who else several
        found.extend(clause)
        clause = []
    return found
