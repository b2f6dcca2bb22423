"""English clauses inside clauses: conditions, reasons, what is forbidden, what is looked for. Pure.

Each function takes the cells of a text and gives them back with the pieces that it understood decided; what it does not
understand keeps a meaning that nobody acts on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from opsagent.commands.english_lex import Cell, Cells
from opsagent.commands.english_verbs import CHANGED, who
from opsagent.commands.english_words import OTHER
from opsagent.commands.tags import Role
from opsagent.commands.words import Token

_ORDERED = CHANGED | {"pause", "resume", "hold", "approve", "deny", "touch"}
_NAMES = (Role.UNIT, Role.GROUP)
_STOPS = {"then", ".", "instead"}
_WHETHER = {"whether", "any", "anything", "something"}
_NOT = {"not", "isn't", "aren't"}
_STATES = {"up", "down", "healthy", "unhealthy", "stopped"}
_OPPOSITE = {"up": "down", "healthy": "unhealthy", "down": "up", "unhealthy": "healthy"}
_METRICS = {"memory": "memory", "cpu": "cpu"}
_ABOVE = re.compile(
    r"\b(?:above|over|exceeds?|more than|greater than|higher than|goes over|goes above|beyond|past|>)\b|>"
)
_SIZE = re.compile(
    r"(\d{1,7}(?:\.\d{1,3})?)\s*(?:(k|m|g)(?:i?b|ig|igs|eg|egs)?|(kilo|mega|giga)bytes?|(%|percent|per cent))(?![\w.])",
    re.IGNORECASE,
)


def replaced(cells: Cells, start: int, end: int, meaning: tuple[Role, str, str]) -> Cells:
    """Return the cells with those from `start` to `end` as one piece."""
    one = Cell(cells[start].start, cells[end - 1].end, (meaning,))
    return (*cells[:start], one, *cells[end:])


# what is forbidden


def forbidden(cells: Cells, *, light: bool) -> Cells:
    """Bind a no to the verb behind it: `don't restart`, `without restarting`, `instead of stopping`.

    `light`: verbs that were not composed to one of a tool, too.
    """
    at = 0
    while at < len(cells):
        if cells[at].may(Role.NEGATION):
            verb = _next(cells, at + 1, lambda cell: cell.may(Role.FILLER) and not cell.may(Role.VERB))
            if verb < len(cells) and (meaning := _changing(cells[verb], light=light)) is not None:
                tool = (
                    OTHER if meaning[1:] == ("touch", "gerund") else meaning[1]
                )  # no touching: nobody is asked to hold off
                cells = (*cells[:verb], cells[verb].only(Role.VERB, tool, "negated"), *cells[verb + 1 :])
                cells = (*cells[:at], cells[at].only(Role.FILLER), *cells[at + 1 :])
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
    verbs = [one for one in cell.options if one[0] is Role.VERB and one[2] in {"imperative", "gerund", "light"}]
    acts = [one for one in verbs if one[1] in _ORDERED | {OTHER}]
    return next(iter([*acts, *(one for one in verbs if light and one[2] == "light")]), None)


def _next(cells: Cells, at: int, skip: Callable[[Cell], bool]) -> int:
    while at < len(cells) and skip(cells[at]):
        at += 1
    return at


# conditions


def conditions(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """Put an `if` and what follows it together, where it is one that can be looked at: `if api is down`."""
    at = 0
    while at < len(cells):
        unless = cells[at].first[0] is Role.CONDITION and _word(cells[at], tokens) == "unless"
        if unless or cells[at].first[:2] == (Role.CONDITION, "if") or _inverted(cells, at, tokens):
            found = _state(cells, at, tokens, unless=unless) or (None if unless else _threshold(cells, at, tokens))
            if found is not None:
                end, text = found
                cells = replaced(cells, at, end, (Role.CONDITION, text, "whole"))
        at += 1
    return cells


def _inverted(cells: Cells, at: int, tokens: Sequence[Token]) -> bool:
    """`should api go down, restart it`: an `if` in another order."""
    starts = at == 0 or cells[at - 1].first[0] in {Role.JOIN, Role.FILLER}
    follows = any(cell.may(Role.JOIN, ",") for cell in cells[at:])
    return starts and follows and _word(cells[at], tokens) == "should"


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
        cells[end].may(Role.QUESTION, "is") or cells[end].may(Role.GLUE, "still") or cells[end].may(Role.NEGATION)
    ):
        word = _word(cells[end], tokens)
        if word in _WHETHER or (cells[end].may(Role.NEGATION) and word not in _NOT):
            return None
        no ^= cells[end].may(Role.NEGATION)
        seen |= cells[end].may(Role.QUESTION, "is")
        end += 1
    seen |= end < len(cells) and _word(cells[end], tokens).startswith(("isn't", "aren't"))
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
        (cell.first[0] is not Role.UNKNOWN or _MEASURE.fullmatch(_word(cell, tokens))) and not cell.may(Role.NEGATION)
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


# reasons


def reasons(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """Put together what only says why: `because it leaks`, `it's been slow since noon`, `api is stuck, restart it`."""
    at = 0
    while at < len(cells):
        end = _reason_end(cells, at, tokens)
        if end is not None:
            names = ",".join(dict.fromkeys(cell.first[1] for cell in cells[at:end] if cell.first[0] in _NAMES))
            cells = replaced(cells, at, end, (Role.REASON, names, ""))
        at += 1
    return cells


def _reason_end(cells: Cells, at: int, tokens: Sequence[Token]) -> int | None:
    begins = _opens(cells, at)
    states = _statement(cells, at)
    purpose = _purpose(cells, at)
    if not (begins or states or purpose):
        return None
    fronted = not any(cell.first[0] is Role.VERB for cell in cells[:at])
    end = _next(cells, at + 1, lambda cell: not _ends_reason(cell, fronted=fronted))
    span = cells[at:end]
    if states and end < len(cells) and cells[end].first[:2] == (Role.QUESTION, "mark"):
        return None
    if end < len(cells) and cells[end].may(Role.JOIN, ",", ":"):  # somebody's words follow
        return None
    if (
        begins
        and _word(cells[at], tokens) in _WEAK
        and not any(cell.may(Role.QUESTION, "is") or cell.may(Role.STATE) for cell in span)
    ):
        return None
    if any(_orders(cell) or cell.first[0] in {Role.CORRECTION, Role.CONDITION, Role.TEXT} for cell in span):
        return None
    return end


_WEAK = frozenset({"as", "since", "given", "considering"})
"""Words that begin a reason only where somebody is said to be somehow."""


def _ends_reason(cell: Cell, *, fronted: bool) -> bool:
    if cell.first[:2] == (Role.QUESTION, "mark"):
        return True
    join = cell.of(Role.JOIN)
    if join is None:
        return False
    return join[1] in _STOPS or (fronted and join[1] in {",", "but"}) or join[2] == "-"


def _orders(cell: Cell) -> bool:
    """Tell whether a change is named in it, in whatever form, unless the word may just tell how things are."""
    return any(
        one[0] is Role.VERB and one[1] in _ORDERED and one[2] not in {"past", "third", "light"} for one in cell.options
    ) and not cell.may(Role.STATE)


def _opens(cells: Cells, at: int) -> bool:
    if not cells[at].may(Role.REASON, "because") or at + 1 >= len(cells):
        return False
    after = cells[at + 1]
    if not cells[at].may(Role.NOUN) and cells[at].end - cells[at].start > 1:
        return True
    return after.first[0] in {Role.UNIT, Role.GROUP, Role.UNKNOWN, Role.NOUN, Role.STATE} or any(
        after.may(role, value) for role, value in ((Role.PRONOUN, None), (Role.GLUE, "the"), (Role.GLUE, "me"), (Role.GLUE, "i"), (Role.GLUE, "i_am"), (Role.QUESTION, "there"), (Role.QUESTION, "is"), (Role.GLUE, "of"), (Role.ALL, None))
    )  # fmt: skip


def _statement(cells: Cells, at: int) -> bool:
    """Tell whether somebody is said to be somehow from here on: `it's leaking`, `users are complaining`."""
    if at > 0 and not _may_follow(cells, at):
        return False
    if cells[at].may(Role.GLUE, "i_am"):
        return at > 0 or any(cell.may(Role.JOIN) for cell in cells)
    end, targets = who(cells, _of_whom(cells, at))
    pronoun = any(cell.first[0] is Role.PRONOUN for cell in targets)
    if not targets:
        end = _next(cells, at, lambda cell: cell.first[0] in {Role.UNKNOWN, Role.NOUN} or cell.may(Role.GLUE, "the"))
        if end == at or end >= len(cells):
            return False
    elif len(targets) > 1 and any(cell.first[0] is Role.JOIN for cell in targets):
        return False
    if end < len(cells) and targets and cells[end].of(Role.NOUN) is not None and not pronoun:
        end += 1
    if end >= len(cells):
        return False
    after = cells[end]
    acts = (
        pronoun
        and not after.may(Role.GLUE, "to")
        and (after.first[0] is Role.UNKNOWN or after.may(Role.STATE) or after.may(Role.GLUE, "free"))
    )
    if any(cell.first[0] is Role.UNIT for cell in targets) and (
        after.first[0] is Role.UNKNOWN or after.may(Role.NEGATION)
    ):
        return _orders_it(cells, end + 1)
    says = acts or after.may(Role.QUESTION, "is") or after.may(Role.STATE, None, "past") or _is_so(cells, end)
    return says and not after.may(Role.VERB, None, "imperative") and not _asks_for(cells, end)


def _of_whom(cells: Cells, at: int) -> int:
    """Return where the owner stands: `the new release of mailer is broken` speaks of mailer."""
    end = _next(
        cells, at, lambda cell: cell.may(Role.GLUE, "the") or cell.may(Role.GLUE, "last") or cell.may(Role.NOUN)
    )
    return end + 1 if end > at and end < len(cells) and _binds(cells[end]) else at


def _binds(cell: Cell) -> bool:
    return any(cell.may(Role.GLUE, word) for word in ("of", "on", "for", "from", "to", "in"))


def _orders_it(cells: Cells, at: int) -> bool:
    """`shop lost its database, restart it`: whatever it did, an order about it follows."""
    comma = _next(cells, at, lambda cell: not cell.may(Role.JOIN))
    verb = _next(cells, comma + 1, lambda cell: cell.first[0] in {Role.FILLER, Role.REQUEST})
    if verb + 1 >= len(cells) or not any(
        one[0] is Role.VERB and one[2] in {"imperative", "light"} for one in cells[verb].options
    ):
        return False
    doubts = any(
        cell.may(Role.DOUBT) or cell.may(Role.CONDITION) or cell.may(Role.QUESTION, "say")
        for cell in cells[at - 1 : comma]
    )
    return not doubts and any(cell.may(Role.PRONOUN, "it", "") for cell in cells[verb + 1 : verb + 3])


def _is_so(cells: Cells, at: int) -> bool:
    """`worker down, start it`: a state said shortly."""
    return cells[at].may(Role.STATE) and at + 1 < len(cells) and cells[at + 1].may(Role.JOIN)


def _asks_for(cells: Cells, at: int) -> bool:
    """`api has to be restarted`, `it is to be stopped`: no reason, and no order either."""
    near = cells[at : at + 5]
    return any(cell.may(Role.GLUE, "to") for cell in near[:3]) and any(
        _orders(cell) or cell.may(Role.VERB, None, "past") for cell in near
    )


def _may_follow(cells: Cells, at: int) -> bool:
    before = cells[at - 1]
    if before.first[0] is Role.JOIN:
        return before.first[1] in {",", ".", "and", "but"}
    pronoun = cells[at].of(Role.PRONOUN)
    is_it = pronoun is not None and pronoun[2] == "" and not cells[at].may(Role.GLUE, "the")
    targets = [cell for cell in cells[:at] if cell.first[0] in _NAMES]
    return before.first[0] is Role.FILLER or (
        is_it and bool(targets) and before.first[0] is not Role.VERB and not before.may(Role.GLUE)
    )


def _purpose(cells: Cells, at: int) -> bool:
    """`restart api to clear the cache`: what for, at the end of a command."""
    if not cells[at].may(Role.GLUE, "to") or at + 2 >= len(cells) or at == 0:
        return False
    after = cells[at + 1]
    verb = any(
        one[0] is Role.VERB and one[1] not in _ORDERED and one[2] in {"imperative", "light"} for one in after.options
    )
    named = any(cell.first[0] in _NAMES or cell.may(Role.PRONOUN) for cell in cells[:at])
    plain = not any(
        cell.first[0] is Role.NUMBER or cell.may(Role.NOUN, "last_release") or cell.may(Role.NOUN, "release")
        for cell in cells[at:]
    )
    return verb and named and plain


# what is looked for

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
        word = _word(cell, tokens)
        if searching is not None and at == searching:
            ends = word.endswith(" for") or not any(
                _word(one, tokens) in {"for", "containing", "mentioning", "matching"} for one in cells[at:]
            )
        else:
            named = (
                any(one.first[0] in _NAMES for one in cells[:at])
                and at + 1 < len(cells)
                and cells[at + 1].first[0] is Role.UNKNOWN
            )
            ends = word in _LOOKS_FOR and ((searching is not None and word in {"for", "about"}) or (logs and ((named and word != "of") or word not in {"for", "of", "about", "with"})))  # fmt: skip
        if ends:
            found = _query(cells, at + 1, tokens, text)
            if found is not None:
                return found
    return cells


def _word(cell: Cell, tokens: Sequence[Token]) -> str:
    return " ".join(tokens[n].word for n in range(cell.start, cell.end))


def _query(cells: Cells, at: int, tokens: Sequence[Token], text: str) -> Cells | None:
    while at < len(cells) and _word(cells[at], tokens) in {
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
    cell, word = cells[at], _word(cells[at], tokens)
    if cell.first[0] in _NAMES and all(one.may(Role.NOUN, "logs") or one.may(Role.FILLER) for one in cells[at + 1 :]):
        return True
    if cell.first[0] in {Role.JOIN, Role.DURATION, Role.TIME} and cell.first[1] != "and":
        return True
    if cell.first[:2] == (Role.QUESTION, "mark") or word in {"please", "pls", "thanks"}:
        return True
    return word in _INSIDE and _leads_to_unit(cells, at + 1)


def _leads_to_unit(cells: Cells, at: int) -> bool:
    at = _next(
        cells, at, lambda cell: cell.may(Role.NOUN, "logs") or cell.may(Role.GLUE) or cell.may(Role.NOUN, "unit")
    )
    return (
        at < len(cells) and (cells[at].first[0] in _NAMES or cells[at].may(Role.PRONOUN) or cells[at].may(Role.ALL))
    ) or at >= len(cells)


# procedures


def params(cells: Cells, tokens: Sequence[Token], text: str) -> Cells:
    """Put together what a procedure is told: everything behind its name up to a time, a join or thanks."""
    at = next((n for n, cell in enumerate(cells) if cell.first[0] is Role.PROCEDURE), None)
    if at is None:
        return cells
    start = _next(cells, at + 1, lambda cell: cell.may(Role.NOUN, "procedure") or cell.may(Role.GLUE))
    end = _next(cells, start, lambda cell: cell.first[0] not in {Role.JOIN, Role.TIME, Role.FILLER, Role.CONDITION, Role.NEGATION,
                Role.DOUBT, Role.REASON, Role.QUESTION} and not _orders(cell))  # fmt: skip
    middle = tuple(cell.only(Role.FILLER) for cell in cells[at + 1 : start])
    if end == start:
        return (*cells[: at + 1], *middle, *cells[start:])
    begin, last = tokens[cells[start].start], tokens[cells[end - 1].end - 1]
    said = Cell(cells[start].start, cells[end - 1].end, ((Role.PARAMS, text[begin.at : last.at + len(last.text)], ""),))
    return (*cells[: at + 1], *middle, said, *cells[end:])
