"""Numbers, things and what is looked for in a Korean command. Pure."""

from __future__ import annotations

import re
from dataclasses import replace

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
    numbers = [place for place, one in enumerate(pieces) if one.kind == "number"]
    for at, piece in enumerate(pieces):
        if piece.kind in {"counter", "more"}:
            counts = at > 0 and pieces[at - 1].kind in {"number", "counter"}
            if not counts:
                found.append(
                    replace(piece, kind="filler" if piece.kind == "more" else "unknown", value=said_by(text, piece))
                )
            continue
        if piece.kind != "number":
            named = answers and piece.kind == "unknown" and _ID.fullmatch(piece.value) is not None
            found.append(replace(piece, kind="id") if named else piece)
            continue
        behind = [one for one in pieces[at + 1 : at + 4] if one.kind in {"counter", "particle", "more", "filler"}]
        counter = next((one.value for one in behind if one.kind == "counter"), "")
        particles = {one.value for one in behind if one.kind == "particle"}
        if answers or counter == "id":
            found.append(replace(piece, kind="id" if answers else "unknown"))
        elif scales and "in" in particles and len(numbers) > 1 and at == numbers[0]:
            found.append(replace(piece, kind="glue", value="from", form=""))
        else:
            found.append(
                replace(
                    piece,
                    form=_number_form(counter, particles, scales, more=any(one.kind == "more" for one in behind)),
                    kind="number",
                )
            )
    return found


def _number_form(counter: str, particles: set[str], scales: set[str], *, more: bool) -> str:
    if counter == "lines":
        return "lines"
    if counter == "percent":
        return "size"
    if counter == "times":
        return "times"
    if not scales:
        return "instances" if counter == "instances" else ""
    if more:
        return "more"
    if "to" in particles or "scale" in scales:
        return "instances"
    return "by" if counter == "instances" else ""


def queries(_text: Text, pieces: list[Piece]) -> list[Piece]:
    """Make queries of what is looked for in logs: quoted, or a word that nobody knows."""
    verbs = {one.value for one in pieces if one.kind == "verb"}
    nouns = {one.value for one in pieces if one.kind == "noun"}
    asks = any(one.kind == "question" and one.value in {"is", "what"} for one in pieces)
    there = any(one.kind in {"unit", "group"} for one in pieces)
    looks = bool(verbs & {"search"}) or ("logs" in nouns and asks)
    changes = verbs - LOOKING
    found: list[Piece] = []
    for piece in pieces:
        unknown = piece.kind == "unknown" or (piece.kind == "number" and not piece.form)
        if piece.kind == "quoted":
            kind = "query" if (looks or "logs" in nouns or verbs & LOOKING) and not changes else "unknown"
            found.append(replace(piece, kind=kind))
        elif unknown and looks and there and not changes:
            if found and found[-1].kind == "query" and found[-1].form == "word":
                joined = f"{found[-1].value} {piece.value}"
                found[-1] = replace(found[-1], end=piece.end, value=joined)
            else:
                found.append(replace(piece, kind="query", form="word"))
        else:
            found.append(piece)
    return found


_EVERY = ("모든", "전체", "서비스 전", "전 ", "서비스들", "프로세스들", "앱들")
_EARLIER = ("이전", "전", "직전", "예전", "지난", "원", "구", "옛", "마지막", "배포", "정상", "안정", "아까", "어제")


def nouns(text: Text, pieces: list[Piece]) -> list[Piece]:
    """`api 서버` is a service, `서버` alone the machine; `모든 서비스` are all of them where something is done to them."""
    changes = any(one.kind == "verb" and one.value not in LOOKING for one in pieces)
    there = any(one.kind in {"unit", "group", "pronoun"} for one in pieces)
    found: list[Piece] = []
    for piece in pieces:
        kind, value = piece.kind, piece.value
        if kind == "noun":
            said = said_by(text, piece)
            if value == "machine" and said in {"서버", "노드", "머신"} and found and found[-1].kind == "unit":
                value = "unit"
            elif value == "unit" and not there and not changes:
                value = "services"
            elif value == "services" and changes and said.startswith(_EVERY):
                kind = value = "all"
            elif value == "release" and said.startswith(_EARLIER):
                value = "last_release"
        found.append(replace(piece, kind=kind, value=value))
    return found


def leaning(_text: Text, pieces: list[Piece]) -> list[Piece]:
    """`롤백하고 상태 보여줘`: what is looked at behind something that was done is of the same unit."""
    found: list[Piece] = []
    done = False
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
            clause.insert(0, replace(first, kind="pronoun", value="it", form="", polite=False, slip=False))
        done = done or (ends and who)
        found.extend(clause)
        clause = []
    return found
