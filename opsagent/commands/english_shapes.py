"""English clauses inside clauses: what is forbidden, and on what condition something is to be done. Pure.

Each function takes the cells of a text and gives them back with the pieces that it understood decided; what it does not
understand keeps a meaning that nobody acts on.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsagent.commands.english_cells import ORDERED, Cell, Cells, replaced, skipped, word_of
from opsagent.commands.english_verbs import who
from opsagent.commands.english_words import OTHER
from opsagent.commands.tags import Role
from opsagent.commands.words import Token

_WAITING = {"when", "whenever", "once", "as soon as", "the moment"}
"""Words that wait for something to happen: no `if`, and offered as one."""
_WHETHER = {"whether", "any", "anything", "something"}
_NOT = {"not", "isn't", "aren't"}
_STATES = {"up", "down", "healthy", "unhealthy", "stopped"}
_REALLY = frozenset({"really", "actually", "indeed", "truly", "definitely"})
_OPPOSITE = {"up": "down", "healthy": "unhealthy", "down": "up", "unhealthy": "healthy"}
_METRICS = {"memory": "memory", "cpu": "cpu"}
_ABOVE = re.compile(
    r"\b(?:above|over|exceeds?|more than|greater than|higher than|goes over|goes above|beyond|past|>)\b|>"
)
_SIZE = re.compile(
    r"(\d{1,7}(?:\.\d{1,3})?)\s*(?:(k|m|g)(?:i?b|ig|igs|eg|egs)?|(kilo|mega|giga)bytes?|(%|percent|per cent))(?![\w.])",
    re.IGNORECASE,
)


def forbidden(cells: Cells, *, light: bool) -> Cells:
    """Bind a no to the verb behind it: `don't restart`, `without restarting`, `instead of stopping`.

    `light`: verbs that were not composed to one of a tool, too.
    """
    at = 0
    while at < len(cells):
        if cells[at].may(Role.NEGATION):
            verb = skipped(
                cells,
                at + 1,
                lambda cell: (cell.may(Role.FILLER) or cell.may(Role.GLUE, "to")) and not cell.may(Role.VERB),
            )
            if verb < len(cells) and (meaning := _changing(cells[verb], light=light)) is not None:
                tool = (
                    OTHER if meaning[1:] == ("touch", "gerund") else meaning[1]
                )  # no touching: nobody is asked to hold off
                cells = (*cells[:verb], cells[verb].only(Role.VERB, tool, "negated"), *cells[verb + 1 :])
                named = [cell.first[0] for cell in who(cells, verb + 1)[1]]
                apart = at > 0 and cells[at].may(Role.NEGATION, "without") and Role.UNIT in named
                said = (Role.JOIN, "but", "") if apart else (Role.FILLER, "", "")  # restart api without touching web
                cells = (*cells[:at], cells[at].only(*said), *cells[at + 1 :])
            else:
                cells = _unwanted(cells, at)
        at += 1
    return cells


def _unwanted(cells: Cells, at: int) -> Cells:
    """`I don't want api stopped`: the verb stands behind whom it is about."""
    end, targets = who(cells, at + 1)
    if not targets or end >= len(cells) or not cells[end].may(Role.VERB, None, "past"):
        return cells
    verb = next(one for one in cells[end].options if one[0] is Role.VERB and one[2] == "past")
    cells = (*cells[:end], cells[end].only(Role.VERB, verb[1], "negated"), *cells[end + 1 :])
    return (*cells[:at], cells[at].only(Role.FILLER), *cells[at + 1 :])


def _changing(cell: Cell, *, light: bool) -> tuple[Role, str, str] | None:
    """Return what is not to be done, in the words of a tool where there is one."""
    forms = {"imperative", "gerund", "light", "third"}  # no restarts, please
    verbs = [one for one in cell.options if one[0] is Role.VERB and one[2] in forms]
    acts = [one for one in verbs if one[1] in ORDERED | {OTHER}]
    return next(iter([*acts, *(one for one in verbs if light and one[2] == "light")]), None)


def conditions(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """Put an `if` and what follows it together, where it is one that can be looked at: `if api is down`."""
    at = 0
    while at < len(cells):
        unless = cells[at].first[0] is Role.CONDITION and word_of(cells[at], tokens) == "unless"
        waits = cells[at].may(Role.CONDITION) and word_of(cells[at], tokens) in _WAITING
        if unless or waits or cells[at].first[:2] == (Role.CONDITION, "if") or _inverted(cells, at, tokens):
            found = _state(cells, at, tokens, unless=unless) or (None if unless else _threshold(cells, at, tokens))
            if found is not None:
                end, text = found
                cells = replaced(cells, at, end, (Role.CONDITION, text, "waits" if waits else "whole"))
        at += 1
    return cells


def _inverted(cells: Cells, at: int, tokens: Sequence[Token]) -> bool:
    """`should api go down, restart it`: an `if` in another order."""
    starts = at == 0 or cells[at - 1].first[0] in {Role.JOIN, Role.FILLER}
    follows = any(cell.may(Role.JOIN, ",") for cell in cells[at:])
    return starts and follows and word_of(cells[at], tokens) == "should"


def _subject(cells: Cells, at: int) -> tuple[int, str] | None:
    end, targets = who(cells, at)
    named = [cell for cell in targets if cell.first[0] in {Role.UNIT, Role.PRONOUN}]
    if len(named) != 1 or any(cell.first[0] in {Role.ALL, Role.GROUP, Role.JOIN} for cell in targets):
        return None
    role, value, form = named[0].first
    if form == "near":
        return None
    return end, value if role is Role.UNIT else "it"


_MEASURE = re.compile(r"[\d.]+|(?:k|m|g)(?:i?b|ig|igs|eg|egs)?|(?:kilo|mega|giga)bytes?|percent|%", re.IGNORECASE)


def _state(cells: Cells, at: int, tokens: Sequence[Token], *, unless: bool) -> tuple[int, str] | None:
    subject = _subject(cells, at + 1)
    if subject is None:
        return None
    end, name = subject
    no = unless
    seen = False
    while end < len(cells) and (
        cells[end].may(Role.QUESTION, "is")
        or cells[end].may(Role.GLUE, "still")
        or cells[end].may(Role.NEGATION)
        or word_of(cells[end], tokens) in _REALLY
    ):
        word = word_of(cells[end], tokens)
        if word in _WHETHER or (cells[end].may(Role.NEGATION) and word not in _NOT):
            return None
        no ^= cells[end].may(Role.NEGATION)
        seen |= cells[end].may(Role.QUESTION, "is")
        end += 1
    seen |= end < len(cells) and word_of(cells[end], tokens).startswith(("isn't", "aren't"))
    state = cells[end].of(Role.STATE) if end < len(cells) else None
    becomes = state is not None and state[2] in {"third", "past"} and not unless
    if state is None or not (seen or becomes) or (state[2] and not becomes) or state[1] not in _STATES:
        return None
    value = _OPPOSITE.get(state[1], "") if no else state[1]
    end += 1
    while end < len(cells) and cells[end].may(Role.GLUE, "still"):
        end += 1
    return (end, f"{name} is {value}") if value and _closed(cells, end) else None


def _closed(cells: Cells, end: int) -> bool:
    """Tell whether a clause ends here: the text does, or a join or a verb follows."""
    if end >= len(cells):
        return True
    cell = cells[end]
    return cell.first[0] in {Role.JOIN, Role.FILLER, Role.VERB, Role.REQUEST, Role.MANNER, Role.TIME, Role.REASON}


def _threshold(cells: Cells, at: int, tokens: Sequence[Token]) -> tuple[int, str] | None:
    """Read `if api uses more than 500M of memory`, `if the cpu of api is above 80%`."""
    end = at + 1
    while end < len(cells) and not (cells[end].first[0] is Role.JOIN or _commands(cells, end)):
        end += 1
    span = cells[at + 1 : end]
    said = " ".join(tokens[n].word for cell in span for n in range(cell.start, cell.end))
    named = [cell.first[1] if cell.first[0] is Role.UNIT else "it" for cell in span
             if cell.first[0] is Role.UNIT or cell.may(Role.PRONOUN)]  # fmt: skip
    metrics = {meaning[1] for cell in span if (meaning := cell.of(Role.NOUN)) is not None and meaning[1] in _METRICS}
    sizes = list(_SIZE.finditer(said))
    known = all(
        (cell.first[0] is not Role.UNKNOWN or _MEASURE.fullmatch(word_of(cell, tokens)))
        and cell.first[0] not in {Role.NEGATION, Role.DOUBT, Role.CONDITION, Role.CORRECTION}
        for cell in span
        if not _is_above(cell, tokens)
    )
    if len(named) != 1 or len(sizes) != 1 or not _ABOVE.search(said) or not known:
        return None
    number, short, long, share = sizes[0].groups()
    size = f"{number}%" if share else f"{number}{(short or long[0]).upper()}"
    metric = next(iter(metrics)) if len(metrics) == 1 else "memory" if not metrics and size[-1] in "MG" else ""
    fits = (metric == "cpu" and size.endswith("%")) or (metric == "memory" and size[-1] in "KMG")
    return (end, f"{named[0]} {metric} > {size}") if fits else None


def _is_above(cell: Cell, tokens: Sequence[Token]) -> bool:
    word = " ".join(tokens[n].word for n in range(cell.start, cell.end))
    return word in {
        "than",
        "exceeds",
        "exceed",
        "greater",
        "goes",
        "uses",
        "rises",
        "climbs",
        "grows",
        "gets",
        "eats",
        "takes",
        "consumes",
        "hogs",
        "reaches",
        "needs",
        "above",
        "beyond",
        ">",
    }


def _commands(cells: Cells, at: int) -> bool:
    role, _, form = cells[at].first
    light = form == "light" and bool(who(cells, at + 1)[1])
    return role is Role.VERB and (form == "imperative" or light)
