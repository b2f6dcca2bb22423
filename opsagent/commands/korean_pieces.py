"""A Korean command, cut into its pieces: names, nouns, particles, verbs with their endings, times. Pure.

Words run together and particles stick to them, so the text is cut where pieces of the vocabulary meet, at any character:
`워커로그보여줘` is 워커 + 로그 + 보여 + 줘. Among all ways to cut it the cheapest is taken, in which as little as possible is
unknown and pieces are long; what no piece explains is an unknown piece. Nothing is dropped but blanks.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsagent.commands.korean_found import conjugated_at, priced, words_at
from opsagent.commands.korean_text import Piece, Text

__all__ = ["Piece", "Text", "cut", "may_be_a_word"]


_NOUNISH = frozenset({"noun", "p", "vn", "number", "counted", "time", "question"})
_DOES = ("진행", "처리", "해", "하", "부탁", "가", "갑", "갈", "합", "한")
"""What may stand behind a number of instances alone: 3대로 해줘."""


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
        pieces = tuple(priced(text, at, names_first))
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
    if end not in best:  # no row of pieces reaches the end: nothing of it is understood
        return (Piece(0, end, "unknown", text.text, kinds="noun"),) if end else ()
    return min(best[end].values(), key=lambda way: way.cost).pieces if end else ()


def may_be_a_word(text: Text, piece: Piece) -> bool:
    """Tell whether a piece that names something begins as a word of the language does."""
    if piece.kind not in {"unit", "group", "procedure"} or piece.form == "quoted":
        return False
    return any(True for _ in words_at(text, piece.start)) or any(True for _ in conjugated_at(text, piece.start))


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
            return piece.end - piece.start > 2 or before in {"noun", "p", "number", "counted", "question"}
        case "unknown":
            return begins or before != "start"
        case "filler" | "question" | "all" | "join" | "negation" | "pronoun" | "correction" | "doubt" | "glue":
            if (
                piece.end - piece.start > 1
                or text.text[piece.start] in "왜뭐좀"
                or not text.text[piece.start].isalnum()
            ):
                return True
            after = text.text[piece.end : piece.end + 1]
            return begins and not ("가" <= after <= "힣" and piece.kind == "filler")
        case _:
            return True
