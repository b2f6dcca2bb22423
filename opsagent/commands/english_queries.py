"""English: what is looked for in a log, and what a procedure is told. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsagent.commands.english_cells import NAMES, Cell, Cells, orders, replaced, skipped, word_of
from opsagent.commands.tags import Role
from opsagent.commands.words import Token

_DATED = re.compile(r"\d{4}-\d\d")
_LOOKS_FOR = frozenset({"for", "containing", "mentioning", "matching", "including", "saying", "about", "with", "contain", "contains",
                        "mention", "mentions", "mentioned", "of"})  # fmt: skip
_INSIDE = frozenset({"in", "inside", "from", "within", "through", "of", "on"})


def queries(cells: Cells, tokens: Sequence[Token], text: str) -> Cells:
    """Put together what a search is for: `grep timeout in api`, `search api logs for out of memory`."""
    searching = next((at for at, cell in enumerate(cells) if cell.may(Role.VERB, "search", "imperative")), None)
    if any(cell.first[0] is Role.QUERY for cell in cells):
        return cells
    logs = any(cell.may(Role.NOUN, "logs") or cell.may(Role.NOUN, "lines") for cell in cells)
    for at, cell in enumerate(cells):
        word = word_of(cell, tokens)
        if searching is not None and at == searching:
            ends = word.endswith(" for") or not any(
                word_of(one, tokens) in {"for", "containing", "mentioning", "matching"} for one in cells[at:]
            )
        else:
            named = (
                any(one.first[0] in NAMES for one in cells[:at])
                and at + 1 < len(cells)
                and cells[at + 1].first[0] is Role.UNKNOWN
            )
            ends = word in _LOOKS_FOR and ((searching is not None and word in {"for", "about"}) or (logs and ((named and word != "of") or word not in {"for", "of", "about", "with"})))  # fmt: skip
        if ends:
            found = _query(cells, at + 1, tokens, text)
            if found is not None:
                return found
    return cells


def _query(cells: Cells, at: int, tokens: Sequence[Token], text: str) -> Cells | None:
    while at < len(cells) and word_of(cells[at], tokens) in {
        "the",
        "a",
        "an",
        "any",
        "all",
        "for",
        "me",
        "that",
        "word",
        "string",
        "phrase",
        "text",
        "some",
        "occurrences",
        "of",
        "every",
        "instances",
    }:
        at += 1
    end = at
    while end < len(cells) and not _ends_query(cells, end, tokens):
        end += 1
    span = cells[at:end]
    if (
        not span
        or end - at > 6
        or span[0].first[0] in {Role.UNIT, Role.GROUP, Role.PRONOUN}
        or all(cell.may(Role.NOUN, "logs") or cell.may(Role.FILLER) for cell in span)
    ):
        return None
    if all(cell.may(Role.NOUN, "errors") for cell in span):
        return None
    begin, last = tokens[span[0].start], tokens[span[-1].end - 1]
    return replaced(cells, at, end, (Role.QUERY, text[begin.at : last.at + len(last.text)], ""))


def _ends_query(cells: Cells, at: int, tokens: Sequence[Token]) -> bool:
    cell, word = cells[at], word_of(cells[at], tokens)
    if cell.first[0] in NAMES and all(one.may(Role.NOUN, "logs") or one.may(Role.FILLER) for one in cells[at + 1 :]):
        return True
    if cell.first[0] in {Role.JOIN, Role.DURATION, Role.TIME} and cell.first[1] != "and":
        return True
    if cell.first[:2] == (Role.QUESTION, "mark") or word in {"please", "pls", "thanks"}:
        return True
    return word in _INSIDE and _leads_to_unit(cells, at + 1)


def _leads_to_unit(cells: Cells, at: int) -> bool:
    at = skipped(
        cells, at, lambda cell: cell.may(Role.NOUN, "logs") or cell.may(Role.GLUE) or cell.may(Role.NOUN, "unit")
    )
    return (
        at < len(cells) and (cells[at].first[0] in NAMES or cells[at].may(Role.PRONOUN) or cells[at].may(Role.ALL))
    ) or at >= len(cells)


def params(cells: Cells, tokens: Sequence[Token], text: str) -> Cells:
    """Put together what a procedure is told: everything behind its name up to a time, a join or thanks."""
    at = next((n for n, cell in enumerate(cells) if cell.first[0] is Role.PROCEDURE), None)
    if at is None:
        return cells
    start = skipped(cells, at + 1, lambda cell: cell.may(Role.NOUN, "procedure") or cell.may(Role.GLUE))
    dated = (
        start < len(cells)
        and start > at + 1
        and cells[start].first[0] is Role.TIME
        and _DATED.search(cells[start].first[1]) is not None
    )
    named = start > at + 2 and word_of(cells[start - 1], tokens) in {"date", "day", "month"}
    first = start + 1 if dated and named else start  # with date 2026-11-30: told, and no time to do it at
    end = skipped(cells, first, lambda cell: cell.first[0] not in {Role.JOIN, Role.TIME, Role.FILLER, Role.CONDITION, Role.NEGATION,
                Role.DOUBT, Role.REASON, Role.QUESTION} and not orders(cell))  # fmt: skip
    middle = tuple(cell.only(Role.FILLER) for cell in cells[at + 1 : start])
    if end == start:
        return (*cells[: at + 1], *middle, *cells[start:])
    begin, last = tokens[cells[start].start], tokens[cells[end - 1].end - 1]
    said = Cell(cells[start].start, cells[end - 1].end, ((Role.PARAMS, text[begin.at : last.at + len(last.text)], ""),))
    return (*cells[: at + 1], *middle, said, *cells[end:])
