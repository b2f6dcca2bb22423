"""English words that may be several things: what each of them is, by the words around it. Pure."""

from __future__ import annotations

from collections.abc import Callable

from opsagent.commands.english_cells import Cell, Cells
from opsagent.commands.english_words import Meaning
from opsagent.commands.tags import NEAR, Role


def commands(cells: Cells, at: int) -> bool:
    """Tell whether a verb stands where commands do: at the start of a clause, or behind what only leads to it."""
    before = at - 1
    while before >= 0:
        role = cells[before].first[0]
        if role in _LEADS or (cells[before].may(Role.FILLER) and role is not Role.VERB):
            before -= 1
            continue
        return role in {Role.JOIN, Role.REASON, Role.CORRECTION}
    return True


_LEADS = {Role.FILLER, Role.REQUEST, Role.NEGATION, Role.MANNER, Role.TIME, Role.DURATION, Role.CONDITION, Role.DOUBT}


def _earlier(cells: Cells, at: int, role: Role) -> bool:
    return any(cell.may(role) for cell in cells[:at])


def _after(cells: Cells, at: int) -> Cell | None:
    return cells[at + 1] if at + 1 < len(cells) else None


def _well(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`ok`, `fine`: how something is in a question; else just a word."""
    state = cell.of(Role.STATE)
    if state is None or not cell.may(Role.FILLER):
        return None
    asked = any(one.may(Role.QUESTION) or one.may(Role.VERB, "check") for one in cells[:at])
    return state if asked else (Role.FILLER, "", "")


def _possessive(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.QUESTION, "is") and cell.may(Role.GLUE, "of")):
        return None
    after = _after(cells, at)
    owns = after is not None and (after.may(Role.NOUN) or after.may(Role.GLUE, "last") or after.may(Role.NUMBER))
    return (Role.GLUE, "of", "") if owns else (Role.QUESTION, "is", "")


def _pointing(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.PRONOUN) and cell.may(Role.GLUE, "the")):
        return None
    after = _after(cells, at)
    named = after is not None and any(after.may(role) for role in (Role.UNIT, Role.NOUN, Role.GROUP, Role.UNKNOWN))
    return (Role.GLUE, "the", "") if named else (Role.PRONOUN, "it", "")


def _when(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.QUESTION, "how_often") and cell.may(Role.CONDITION)):
        return None
    after = _after(cells, at)
    asks = after is not None and after.may(Role.QUESTION, "is")
    return (
        (Role.QUESTION, "how_often", "")
        if asks and not _earlier(cells, at, Role.VERB)
        else (Role.CONDITION, "when", "")
    )


def _trailing(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`has it crashed before?`, `restart it once`: a condition only where something follows."""
    if not cell.may(Role.CONDITION, "when"):
        return None
    rest = cells[at + 1 :]
    ends = all(
        one.first[0] in {Role.FILLER, Role.QUESTION, Role.JOIN} and not one.may(Role.QUESTION, "is") for one in rest
    )
    return next((one for one in cell.options if one[0] in {Role.FILLER, Role.GLUE}), None) if ends and at > 0 else None


def _doing(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.VERB, None, "light") and cell.may(Role.QUESTION, "is")):
        return None
    after = _after(cells, at)
    asks = at > 0 and _earlier(cells, at, Role.QUESTION)
    asks = asks or (
        at == 0 and after is not None and (after.may(Role.UNIT) or after.may(Role.GLUE, "me") or after.may(Role.ALL))
    )
    light = cell.of(Role.VERB, "light")
    return (Role.QUESTION, "is", "") if asks else light


def _state_or_gerund(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`is it restarting?`: how it is; `restarting it`: what is done."""
    state = cell.of(Role.STATE)
    if state is None or not cell.may(Role.VERB):
        return None
    verb = cell.of(Role.VERB)
    if at > 0 and cells[at - 1].may(Role.QUESTION, "who"):
        return verb
    return state if _earlier(cells, at, Role.QUESTION) else verb


def _noun_or_verb(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`fix api` is an order, `the fix` is a thing."""
    noun = cell.of(Role.NOUN)
    verb = cell.of(Role.VERB, "imperative") or cell.of(Role.VERB, "light")
    if noun is None or verb is None:
        return None
    after = _after(cells, at)
    acts = after is not None and any(
        after.may(role) for role in (Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN, Role.NUMBER)
    )
    acts = acts or (after is not None and after.may(Role.GLUE, "the") and verb[1] != "show")
    return verb if acts and commands(cells, at) else noun


def _show_or_ask(_cells: Cells, _at: int, cell: Cell) -> Meaning | None:
    return cell.of(Role.VERB, "imperative") if cell.may(Role.REQUEST) and cell.may(Role.VERB, "show") else None


def _manner(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`clean up api` and `a clean restart`."""
    manner, verb = cell.of(Role.MANNER), cell.of(Role.VERB)
    if manner is None or verb is None:
        return None
    after = _after(cells, at)
    return manner if after is not None and after.may(Role.VERB) else verb


def _slip(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """A misspelt verb is one only where no other verb stands."""
    if cell.of(Role.VERB, NEAR) is None:
        return None
    others = any(one.may(Role.VERB) for place, one in enumerate(cells) if place != at)
    return cell.of(Role.UNKNOWN) if others else cell.of(Role.VERB, NEAR)


def _near(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """A word that is near to a name is one where it stands in a list, or where no other name stands."""
    if cell.of(Role.UNIT, NEAR) is None:
        return None
    others = any(one.of(Role.UNIT, "") for one in cells)
    listed = any(one.may(Role.JOIN) for one in (*cells[max(0, at - 1) : at], *cells[at + 1 : at + 2]))
    return cell.of(Role.UNIT) if listed or not others else (Role.UNKNOWN, cell.options[-1][1], "")


def _except(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`restart api, not web`: somebody is left out."""
    if not (cell.may(Role.EXCEPT) and cell.may(Role.NEGATION)):
        return None
    after = _after(cells, at)
    return (
        (Role.EXCEPT, "not", "")
        if after is not None and after.first[0] in {Role.UNIT, Role.GROUP}
        else (Role.NEGATION, "not", "")
    )


def _but(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`everything but api`; elsewhere `but` joins."""
    if not (cell.may(Role.EXCEPT) and cell.may(Role.JOIN)):
        return None
    after = _after(cells, at)
    if after is not None and after.may(Role.GLUE, "the"):
        after = _after(cells, at + 1)
    if at == 0 or not cells[at - 1].may(Role.ALL):
        return cell.of(Role.JOIN)
    named = after is not None and after.first[0] in {Role.UNIT, Role.GROUP}
    return (Role.EXCEPT, "except", "") if named else (Role.NEGATION, "not", "")


def _confirm(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`confirm it is up` looks, `confirm 12` answers."""
    if not (cell.may(Role.VERB, "approve") and cell.may(Role.VERB, "check")):
        return None
    rest = cells[at + 1 : at + 5]
    somehow = any(one.may(Role.QUESTION, "is") or one.may(Role.STATE) for one in rest)
    return (Role.VERB, "check" if somehow else "approve", "imperative")


def _about(cells: Cells, _at: int, cell: Cell) -> Meaning | None:
    """`what about api`: asks for it, where nothing is to be done."""
    if not cell.may(Role.REQUEST, None, "gerund") or any(one.may(Role.VERB) for one in cells):
        return None
    return (Role.QUESTION, "what", "")


def _sorry(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`to 4, sorry, 2`: a slip, where something stands on both sides."""
    if not (cell.may(Role.CORRECTION) and cell.may(Role.FILLER)):
        return None
    said = any(one.first[0] not in {Role.FILLER, Role.JOIN} for one in cells[:at])
    after = next((one for one in cells[at + 1 :] if one.first[0] is not Role.JOIN), None)
    again = after is not None and any(
        after.may(role) for role in (Role.UNIT, Role.NUMBER, Role.VERB, Role.NOUN, Role.CORRECTION)
    )
    return (Role.CORRECTION, "", "") if said and again else (Role.FILLER, "", "")


def _light(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`how much does it use`, `the load`: a verb that was not composed, where the word may be something else."""
    if cell.of(Role.VERB, "light") is None or commands(cells, at):
        return None
    return next((one for one in cell.options if one[0] in {Role.NOUN, Role.GLUE, Role.STATE}), None)


def _go(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    if not (cell.may(Role.REQUEST, "", "") and cell.may(Role.VERB, "go")):
        return None
    after = _after(cells, at)
    return (Role.REQUEST, "", "") if after is not None and after.may(Role.VERB) else (Role.VERB, "go", "light")


def _several(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`services`, `process`, `worker`: a noun beside a name, a count of them, or all there are."""
    nouns = [one for one in cell.options if one[0] is Role.NOUN]
    if len(nouns) < 2:
        return None
    counted = at > 0 and (
        cells[at - 1].first[0] is Role.NUMBER
        or cells[at - 1].may(Role.GLUE, "more")
        or cells[at - 1].may(Role.QUESTION, "how_much")
    )
    beside = (at > 0 and cells[at - 1].first[0] in {Role.UNIT, Role.GROUP}) or any(
        one.first[0] in {Role.UNIT, Role.GROUP} for one in cells[at + 1 : at + 2]
    )
    wanted = "instances" if counted else "unit" if beside else "services"
    return next((one for one in nouns if one[1] == wanted), None)


def _particle(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """`on`, `off`, `out`, `past`, `there`: small words, unless they end a question."""
    glue = cell.of(Role.GLUE)
    if glue is None or not cell.may(Role.STATE) or glue[1] not in {"on", "off", "out", "free"}:
        return None
    state = cell.of(Role.STATE)
    after = _after(cells, at)
    ends = after is None or after.first[0] in {Role.QUESTION, Role.JOIN, Role.FILLER}
    return state if ends and _earlier(cells, at, Role.QUESTION) else glue


def _either(cells: Cells, at: int, cell: Cell) -> Meaning | None:
    """Prefer what is done over what is said beside it where a table row has both."""
    last = cell.of(Role.GLUE)
    if last is not None and cell.may(Role.NOUN, "incidents"):  # past
        after = _after(cells, at)
        return last if after is not None and (after.may(Role.NUMBER) or after.may(Role.NOUN)) else cell.of(Role.NOUN)
    return None


CHOICES: tuple[Callable[[Cells, int, Cell], Meaning | None], ...] = (
    _slip, _except, _but, _confirm, _about, _near, _sorry, _possessive, _pointing, _when, _trailing, _well, _show_or_ask, _go, _doing, _state_or_gerund, _manner, _light, _noun_or_verb, _several,
    _particle, _either,
)  # fmt: skip
