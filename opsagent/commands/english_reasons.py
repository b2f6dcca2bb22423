"""English: what only says why. `because it leaks`, `it's been slow since noon`, `api is stuck, restart it`. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent.commands.english_cells import NAMES, ORDERED, Cell, Cells, orders, replaced, skipped, word_of
from opsagent.commands.english_verbs import who
from opsagent.commands.tags import Role
from opsagent.commands.words import Token

_STOPS = {"then", ".", "instead"}


def reasons(cells: Cells, tokens: Sequence[Token]) -> Cells:
    """Put together what only says why: `because it leaks`, `it's been slow since noon`, `api is stuck, restart it`."""
    at = 0
    while at < len(cells):
        end = _reason_end(cells, at, tokens)
        if end is not None:
            names = ",".join(dict.fromkeys(cell.first[1] for cell in cells[at:end] if cell.first[0] in NAMES))
            cells = replaced(cells, at, end, (Role.REASON, names, ""))
        at += 1
    return cells


def _reason_end(cells: Cells, at: int, tokens: Sequence[Token]) -> int | None:
    begins = _opens(cells, at) and not (word_of(cells[at], tokens) in _WEAK and cells[at + 1].first[0] is Role.UNKNOWN)
    states = _statement(cells, at)
    purpose = _purpose(cells, at)
    if not (begins or states or purpose):
        return None
    fronted = not any(cell.first[0] is Role.VERB for cell in cells[:at])
    end = skipped(cells, at + 1, lambda cell: not _ends_reason(cell, fronted=fronted))
    span = cells[at:end]
    if states and end < len(cells) and cells[end].first[:2] == (Role.QUESTION, "mark"):
        return None
    if end < len(cells) and cells[end].may(Role.JOIN, ",", ":"):  # somebody's words follow
        return None
    if (
        begins
        and word_of(cells[at], tokens) in _WEAK
        and not any(cell.may(Role.QUESTION, "is") or cell.may(Role.STATE) for cell in span)
    ):
        return None
    if any(_is_doubtful(cell, word_of(cell, tokens), states=states) for cell in span):
        return None
    if any(orders(cell) or cell.first[0] in {Role.CORRECTION, Role.CONDITION, Role.TEXT} for cell in span):
        return None
    return end


_ABLE = frozenset({"can", "could", "would", "may", "might", "will"})
_PLAIN_NO = frozenset({"not", "no", "without", "never"})


def _is_doubtful(cell: Cell, word: str, *, states: bool) -> bool:
    """Tell whether a word of a reason makes it none: `maybe`, `should`; and a bare no, where something is only stated."""
    if cell.first[0] is Role.DOUBT and word not in _ABLE:
        return True
    return states and cell.first[0] is Role.NEGATION and word in _PLAIN_NO


_WEAK = frozenset({"as", "since", "given", "considering"})
"""Words that begin a reason only where somebody is said to be somehow."""


def _ends_reason(cell: Cell, *, fronted: bool) -> bool:
    if cell.first[:2] == (Role.QUESTION, "mark"):
        return True
    join = cell.of(Role.JOIN)
    if join is None:
        return False
    return join[1] in _STOPS or (fronted and join[1] in {",", "but"}) or join[2] == "-"


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
        end = skipped(cells, at, lambda cell: cell.first[0] in {Role.UNKNOWN, Role.NOUN} or cell.may(Role.GLUE, "the"))
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
    if after.may(Role.VERB, "gets") and any(cell.first[0] is Role.NUMBER for cell in cells[end : end + 2]):
        return False
    if any(cell.first[0] is Role.UNIT for cell in targets) and (
        after.first[0] is Role.UNKNOWN or after.may(Role.NEGATION)
    ):
        return _orders_it(cells, end + 1)
    says = (
        acts
        or after.may(Role.QUESTION, "is")
        or after.may(Role.STATE, None, "past")
        or (bool(targets) and _is_so(cells, end))
    )
    return says and not after.may(Role.VERB, None, "imperative") and not _asks_for(cells, end)


def _of_whom(cells: Cells, at: int) -> int:
    """Return where the owner stands: `the new release of mailer is broken` speaks of mailer."""
    end = skipped(
        cells, at, lambda cell: cell.may(Role.GLUE, "the") or cell.may(Role.GLUE, "last") or cell.may(Role.NOUN)
    )
    return end + 1 if end > at and end < len(cells) and _binds(cells[end]) else at


def _binds(cell: Cell) -> bool:
    return any(cell.may(Role.GLUE, word) for word in ("of", "on", "for", "from", "to", "in"))


def _orders_it(cells: Cells, at: int) -> bool:
    """`shop lost its database, restart it`: whatever it did, an order about it follows."""
    comma = skipped(cells, at, lambda cell: not cell.may(Role.JOIN))
    verb = skipped(cells, comma + 1, lambda cell: cell.first[0] in {Role.FILLER, Role.REQUEST})
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
        orders(cell) or cell.may(Role.VERB, None, "past") for cell in near
    )


def _may_follow(cells: Cells, at: int) -> bool:
    before = cells[at - 1]
    if before.first[0] is Role.JOIN:
        return before.first[1] in {",", ".", "and", "but"}
    pronoun = cells[at].of(Role.PRONOUN)
    is_it = pronoun is not None and pronoun[2] == "" and not cells[at].may(Role.GLUE, "the")
    targets = [cell for cell in cells[:at] if cell.first[0] in NAMES]
    return before.first[0] is Role.FILLER or (
        is_it and bool(targets) and before.first[0] not in {Role.VERB, Role.QUESTION} and not before.may(Role.GLUE)
    )


def _purpose(cells: Cells, at: int) -> bool:
    """`restart api to clear the cache`: what for, at the end of a command."""
    if not cells[at].may(Role.GLUE, "to") or at + 2 >= len(cells) or at == 0:
        return False
    after = cells[at + 1]
    verb = any(
        one[0] is Role.VERB and one[1] not in ORDERED and one[2] in {"imperative", "light"} for one in after.options
    )
    named = any(cell.first[0] in NAMES or cell.may(Role.PRONOUN) for cell in cells[:at])
    plain = not any(
        cell.first[0] is Role.NUMBER or cell.may(Role.NOUN, "last_release") or cell.may(Role.NOUN, "release")
        for cell in cells[at:]
    )
    return verb and named and plain
