"""English: what is said beside an order and changes nothing of it, and orders that stand in another's clause. Pure.

`as discussed this morning, …`, `…, too risky`, `i think api hangs. restart it`, `hands off api while I work on it`; of
`do nothing, just show me the logs` the logs are shown; `stop web before restarting api` names two steps, and is offered.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsagent.commands.english_cells import CHANGED, NAMES, Cell, Cells, orders, replaced, skipped, word_of
from opsagent.commands.english_words import OTHER
from opsagent.commands.tags import Role
from opsagent.commands.words import Token

_OPENERS = frozenset(
    {
        "as",
        "following",
        "regarding",
        "concerning",
        "given",
        "considering",
        "due to",
        "because of",
        "about",
    }
)
_AGREED = frozenset({"agreed", "discussed", "planned", "announced", "per", "talked", "decided"})
"""`as bob said` is none of them: somebody else's words."""
_WHILE = frozenset({"while", "until", "till", "as long as", "til"})
_LOOKS = frozenset({"show", "check", "search", "tail_logs"})
_THINKS = frozenset({"i think", "i guess", "i believe", "probably", "i'm afraid", "we think"})


def asides(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """Return the cells with what is said beside the order decided."""
    cells = _on_and_off(_nothing(cells, tokens))
    cells = _preface(cells, tokens)
    cells = _so_long(cells, tokens)
    cells = _ensured(cells)
    cells = _rather(_too(cells, tokens), tokens)
    cells = _thought(cells, tokens)
    return _in_turn(cells, tokens)


def _nothing(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """`do nothing, just tell me how api is`: not a pause, where something is to be looked at."""
    at = next(
        (n for n, cell in enumerate(cells) if cell.may(Role.VERB, "pause", "imperative") and _is_a_no(cell, tokens)),
        None,
    )
    if at is None or not any(cell.may(Role.VERB, tool) for cell in cells[at + 1 :] for tool in _LOOKS):
        return cells
    return (*cells[:at], cells[at].only(Role.VERB, OTHER, "negated"), *cells[at + 1 :])


def _is_a_no(cell: Cell, tokens: Sequence[Token]) -> bool:
    words = word_of(cell, tokens).split()
    return bool({"nothing", "no", "not", "don't", "dont"} & set(words))


def _on_and_off(cells: Cells) -> Cells:
    """`worker off, redis restart, worker on`: orders, where both are said of one unit."""
    found: dict[tuple[str, str], int] = {}
    for at in range(len(cells) - 1):
        begins = at == 0 or cells[at - 1].may(Role.JOIN)
        ends = at + 2 == len(cells) or cells[at + 2].may(Role.JOIN)
        if begins and ends and cells[at].first[0] is Role.UNIT:
            for word in ("off", "on"):
                if cells[at + 1].may(Role.GLUE, word):
                    found[(cells[at].first[1], word)] = at + 1
    for (name, word), at in found.items():
        if word == "off" and found.get((name, "on"), 0) > at:
            on = found[(name, "on")]
            said = {at: "stop", on: "start"}
            return tuple(
                cell.only(Role.VERB, said[place], "imperative") if place in said else cell
                for place, cell in enumerate(cells)
            )
    return cells


def _preface(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """`as agreed with the customer this morning, …`: up to its comma, where it orders and forbids nothing."""
    at = skipped(cells, 0, lambda cell: cell.first[0] in {Role.FILLER, Role.JOIN})
    words = [word for cell in cells[at : at + 3] for word in word_of(cell, tokens).split()]
    if not words or words[0] not in _OPENERS or (words[0] == "as" and not _AGREED & set(words[1:3])):
        return cells
    end = skipped(cells, at, lambda cell: not (cell.may(Role.JOIN, ",") or cell.first[0] is Role.REQUEST))
    span = cells[at:end]
    plain = not any(
        cell.first[0] in {Role.CONDITION, Role.NEGATION, Role.CORRECTION, Role.EXCEPT, Role.QUERY}
        or cell.may(Role.VERB, "teach")
        or (orders(cell) and not (cell.may(Role.VERB, "approve") or cell.may(Role.VERB, "kill")))
        for cell in span
    )
    if end >= len(cells) or not plain:
        return cells
    names = ",".join(dict.fromkeys(cell.first[1] for cell in span if cell.first[0] in NAMES))
    return replaced(cells, at, end, (Role.REASON, names, ""))


def _so_long(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """`keep off api while I work on it`, `until the audit is over`: a hold lasts until somebody ends it."""
    held = next((n for n, cell in enumerate(cells) if _holds(cells, n)), None)
    if held is None:
        return cells
    for at in range(held + 1, len(cells)):
        if cells[at].first[0] in {Role.TIME, Role.DURATION}:
            return cells
        if word_of(cells[at], tokens) in _WHILE:
            end = skipped(cells, at, _plain)
            if not any(orders(cell) and not cell.may(Role.VERB, "touch") for cell in cells[at + 1 : end]):
                return _said_after(replaced(cells, at, end, (Role.FILLER, "", "")), at, tokens)
    return cells


def _plain(cell: Cell) -> bool:
    """Tell whether a clause goes on here."""
    ends = any(cell.may(Role.JOIN, join) for join in (",", ".", "then"))
    return not ends and cell.first[0] not in {Role.TIME, Role.DURATION}


def _said_after(cells: Cells, at: int, tokens: Sequence[Token]) -> Cells:
    """`until the audit is over, say 4 hours`."""
    for place in range(at, len(cells) - 1):
        if word_of(cells[place], tokens) in {"say", "about", "roughly"} and cells[place + 1].first[0] is Role.DURATION:
            return (*cells[:place], cells[place].only(Role.FILLER), *cells[place + 1 :])
    return cells


def _holds(cells: Cells, at: int) -> bool:
    cell = cells[at]
    denied = at > 0 and cells[at - 1].may(Role.NEGATION)
    if cell.may(Role.NOUN, "hold", "on") or cell.may(Role.VERB, "touch", "limits"):
        return True
    alone = cell.may(Role.GLUE, "alone") and any(one.may(Role.VERB, None, "light") for one in cells[:at])
    return (
        cell.may(Role.VERB, "hold", "imperative")
        or cell.may(Role.VERB, "touch", "negated")
        or alone
        or (denied and cell.may(Role.VERB, "touch"))
    )


def _ensured(cells: Cells) -> Cells:
    """`restart api and make sure it's up`: a look at the end; `make sure that api is restarted` is a wish."""
    for at, cell in enumerate(cells):
        if not (cell.may(Role.REQUEST, None, "wish") and cell.may(Role.VERB, "check")):
            continue
        ordered = any(one.may(Role.VERB, None, "imperative") for one in cells[:at])
        somehow = any(one.may(Role.STATE) for one in cells[at + 1 : at + 6])
        acts = any(one.may(Role.VERB) and not one.may(Role.STATE) for one in cells[at + 1 :])
        meaning = cell.of(Role.VERB if ordered and somehow and not acts else Role.REQUEST)
        if meaning is not None:
            cells = (*cells[:at], cell.only(*meaning), *cells[at + 1 :])
    return cells


def _rather(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """`instead of restarting api just reload it`: the second verb begins a clause, written or not."""
    at = skipped(cells, 0, lambda cell: cell.first[0] is Role.FILLER)
    if at + 1 >= len(cells) or word_of(cells[at], tokens) not in {"instead of", "rather than"}:
        return cells
    verb = skipped(cells, at + 2, lambda cell: not (cell.may(Role.VERB, None, "imperative") or cell.may(Role.JOIN)))
    if verb >= len(cells) or cells[verb].may(Role.JOIN):
        return cells
    return (*cells[:verb], Cell(cells[verb].start, cells[verb].start, ((Role.JOIN, ",", ""),)), *cells[verb:])


def _too(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """`deny 8, too risky`: why, shortly, at the end. `restart api, too risky` says no."""
    if not any(cell.may(Role.VERB, "deny") for cell in cells):
        return cells
    for at in range(2, len(cells) - 1):
        if (
            word_of(cells[at], tokens) == "too"
            and cells[at - 1].may(Role.JOIN, ",")
            and cells[at + 1].first[0] is Role.UNKNOWN
        ):
            rest = skipped(cells, at + 2, lambda cell: cell.first[0] in {Role.FILLER, Role.JOIN})
            if rest == len(cells):
                return replaced(cells, at, at + 2, (Role.REASON, "", ""))
    return cells


def _thought(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """`i think api hangs. restart it`: the thought is why; `i think restart api` stays a doubt."""
    for at, cell in enumerate(cells):
        begins = at == 0 or cells[at - 1].first[0] in {Role.JOIN, Role.FILLER}
        if not begins or word_of(cell, tokens) not in _THINKS:
            continue
        end = skipped(cells, at + 1, lambda one: not one.may(Role.JOIN))
        span = cells[at + 1 : end]
        somehow = any(one.may(Role.STATE) or one.may(Role.QUESTION, "is") for one in span)
        doubtful = any(
            orders(one) or one.first[0] in {Role.DOUBT, Role.CONDITION, Role.NEGATION, Role.REQUEST} for one in span
        )
        asked = end < len(cells) and cells[end].may(Role.QUESTION, "mark")
        if somehow and not doubtful and not asked and end < len(cells):
            return (*cells[:at], cell.only(Role.GLUE, "i_am"), *cells[at + 1 :])
    return cells


def _in_turn(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """`stop web before restarting api`, `after stopping web restart api`: two steps in their order, offered."""
    for at, cell in enumerate(cells[:-1]):
        word = word_of(cell, tokens)
        verb = next(
            (one for one in cells[at + 1].options if one[0] is Role.VERB and one[1] in CHANGED and one[2] == "gerund"),
            None,
        )
        if word not in {"before", "after"} or verb is None:
            continue
        said = cells[at + 1].only(Role.VERB, verb[1], "imperative")
        earlier = any(one.may(Role.VERB, None, "imperative") for one in cells[:at])
        if word == "before" and earlier:
            then = Cell(cell.start, cell.start, ((Role.JOIN, "then", ""),))
            return (*cells[:at], then, cell.only(Role.UNKNOWN, word), said, *cells[at + 2 :])
        if word == "after" and not earlier:
            end = skipped(
                cells, at + 2, lambda one: not (one.may(Role.JOIN, ",") or one.may(Role.VERB, None, "imperative"))
            )
            if end < len(cells):
                then = Cell(cells[end].start, cells[end].start, ((Role.JOIN, "then", ""),))
                return (*cells[:at], cell.only(Role.UNKNOWN, word), said, *cells[at + 2 : end], then, *cells[end:])
    return cells
