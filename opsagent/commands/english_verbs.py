"""English verbs that are composed, as the table of shapes has them: `give api a kick`, `bring it back up`. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from opsagent.commands.english_cells import CHANGED, Cell, Cells
from opsagent.commands.english_table import SHAPES
from opsagent.commands.tags import Role, Tag

_TARGETS = (Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN)
_BETWEEN = (Role.FILLER, Role.MANNER)

_KINDS: Mapping[str, tuple[Role, str, str | None]] = {
    "<n>": (Role.NUMBER, "", None), "<inst>": (Role.NOUN, "instances", None), "<last>": (Role.NOUN, "last_release", None),
    "<release>": (Role.NOUN, "release", None), "<held>": (Role.NOUN, "hold", ""), "<on>": (Role.NOUN, "hold", "on"),
    "<off>": (Role.NOUN, "hold", "off"), "<asks>": (Role.REQUEST, "", "participle"), "<mind>": (Role.REQUEST, "", "gerund"),
    "<needs>": (Role.REQUEST, "", "needs"), "<wish>": (Role.REQUEST, "", "wish"), "<be>": (Role.GLUE, "be", None),
    "<limits>": (Role.VERB, "touch", "limits"), "<freed>": (Role.VERB, "resume", "freed"), "<is>": (Role.QUESTION, "is", None),
    "<up>": (Role.VERB, "scale_up", "imperative"), "<down>": (Role.VERB, "scale_down", "imperative"),
    "<scale>": (Role.VERB, "scale", "imperative"), "<start>": (Role.VERB, "start", "imperative"),
    "<stop>": (Role.VERB, "stop", "imperative"), "<rollback>": (Role.VERB, "rollback", "imperative"),
    "<halted>": (Role.STATE, "stopped", None),
    "<reload>": (Role.VERB, "reload", "imperative"), "<config>": (Role.NOUN, "config", None),
    "<own>": (Role.PRONOUN, "it", "own"), "<pronoun>": (Role.PRONOUN, "it", ""),
    "<fresh>": (Role.VERB, "restart", "imperative"), "<gets>": (Role.VERB, "gets", "light"),
    "<started>": (Role.VERB, "start", "imperative"), "all": (Role.ALL, "all", None),
    "and": (Role.JOIN, "and", None), "<agent>": (Role.NOUN, "agent", None),
}  # fmt: skip
_FORMS = {"<v>": "imperative", "<renewed>": "imperative", "<p>": "past", "<g>": "gerund"}


@dataclass(frozen=True, slots=True)
class _Step:
    """How far a shape has matched: the place behind it, and each cell that it took, decided."""

    at: int
    took: tuple[Cell, ...] = ()
    tool: str = ""


@dataclass(frozen=True, slots=True)
class _Element:
    kinds: tuple[str, ...]
    optional: bool


@cache
def _table() -> tuple[tuple[str, tuple[_Element, ...]], ...]:
    return tuple(
        (tool, tuple(_Element(tuple(one.rstrip("?").split("|")), one.endswith("?")) for one in shape.split()))
        for tool, shape in SHAPES
    )


@cache
def _by_light() -> Mapping[str, tuple[int, ...]]:
    """Return which shapes may begin with which first element."""
    found: dict[str, list[int]] = {}
    for number, (_, elements) in enumerate(_table()):
        for kind in elements[0].kinds:
            found.setdefault(kind, []).append(number)
    return {kind: tuple(numbers) for kind, numbers in found.items()}


def composed(cells: Cells) -> Cells:
    """Return the cells with composed verbs decided; what no shape takes stays as it is."""
    found: list[Cell] = []
    at = 0
    while at < len(cells):
        step = _match(cells, at)
        if step is None:
            found.append(cells[at])
            at += 1
        else:
            found.extend(step.took)
            at = step.at
    return tuple(found)


def _match(cells: Cells, at: int) -> _Step | None:
    """Return the longest shape that begins here; of two of one length, the one that stands first in the table."""
    best: _Step | None = None
    numbers = {number for kind in _starts(cells[at]) for number in _by_light().get(kind, ())}
    for number in sorted(numbers):
        tool, elements = _table()[number]
        if tool.startswith("^") and not _begins(cells, at):
            continue
        for step in _row(cells, elements, _Step(at)):
            if best is None or step.at > best.at:
                best = _meaning(step, tool.removeprefix("^"))
            break
    return best


def _begins(cells: Cells, at: int) -> bool:
    """Tell whether a clause begins here."""
    before = next((cell for cell in reversed(cells[:at]) if cell.first[0] not in {Role.FILLER, Role.REQUEST}), None)
    return before is None or before.first[0] in {Role.JOIN, Role.REASON}


def _starts(cell: Cell) -> Iterator[str]:
    for role, value, form in cell.options:
        if role is Role.VERB and form == "light":
            yield value
        if role is Role.VERB and form == "imperative" and value in CHANGED:
            yield "<renewed>"
        for kind, wanted_value, wanted_form in _kinds_by_role().get(role, ()):
            if wanted_value in {"", value} and wanted_form in {None, form}:
                yield kind
    if _target(cell) is not None or cell.may(Role.GLUE, "the"):
        yield "<t>"


@cache
def _kinds_by_role() -> Mapping[Role, tuple[tuple[str, str, str | None], ...]]:
    found: dict[Role, list[tuple[str, str, str | None]]] = {}
    for kind, (role, value, form) in _KINDS.items():
        if kind in _by_light():
            found.setdefault(role, []).append((kind, value, form))
    return {role: tuple(kinds) for role, kinds in found.items()}


def _meaning(step: _Step, shape: str) -> _Step:
    """Write the tool onto the first cell that was taken, and how a number is meant onto the number."""
    tool, _, relative = shape.partition(" ")
    form = "negated" if tool.endswith("!") else "imperative"  # leave api alone: it is not to be touched
    tool = tool.removesuffix("!")
    verb = step.tool if tool == "=" else tool
    if verb == "scale":
        verb = next(
            (
                _TOWARDS[cell.first[1]]
                for cell in step.took
                if cell.first[0] is Role.FILLER and cell.first[1] in _TOWARDS
            ),
            verb,
        )
    first = step.took[0]
    took = [first.only(Role.VERB, verb, form), *step.took[1:]]
    if first.first[0] is Role.NUMBER:
        took = [Cell(first.start, first.start, ((Role.VERB, verb, "imperative"),)), *step.took]
    elif first.first[0] is Role.REQUEST:
        took.insert(0, Cell(first.start, first.start, ((Role.REQUEST, "", ""),)))
    elif first.first[0] is not Role.FILLER:  # who is meant stands first
        took[0] = first
        took.insert(0, Cell(first.start, first.start, ((Role.VERB, verb, form),)))
    if relative:
        numbers = [at for at, cell in enumerate(took) if cell.first[0] is Role.NUMBER]
        if numbers:
            took[numbers[0]] = took[numbers[0]].only(Role.NUMBER, took[numbers[0]].first[1], relative)
        elif len(took) > 1:  # double it; another instance
            took[-1:] = [took[-1], Cell(took[-1].end, took[-1].end, ((Role.NUMBER, "1", relative),))]
    return _Step(step.at, tuple(took), verb)


def _row(cells: Cells, elements: Sequence[_Element], step: _Step) -> Iterator[_Step]:
    if not elements:
        yield step
        return
    first, rest = elements[0], elements[1:]
    for taken in _element(cells, first, step):
        yield from _row(cells, rest, taken)
    if first.optional:
        yield from _row(cells, rest, step)


def _element(cells: Cells, element: _Element, step: _Step) -> Iterator[_Step]:
    at, took = step.at, step.took
    if took:  # between elements: how, politeness, articles
        while at < len(cells) and _is_between(cells[at]):
            took = (*took, _decided_between(cells[at]))
            at += 1
    if at >= len(cells):
        return
    for kind in element.kinds:
        if kind == "<t>":
            end, targets = who(cells, at)
            if targets:
                yield _Step(end, (*took, *targets), step.tool)
        elif kind in _FORMS:
            verb = next((one for one in cells[at].options if one[0] is Role.VERB and one[1] in CHANGED
                         and one[2] == _FORMS[kind]), None)  # fmt: skip
            if verb is not None:
                yield _Step(at + 1, (*took, cells[at].only(Role.FILLER)), verb[1])
        elif _is(cells[at], kind):
            yield _Step(at + 1, (*took, _decided(cells[at], kind)), step.tool)


def _is_between(cell: Cell) -> bool:
    if cell.first[0] in _BETWEEN and not cell.may(Role.VERB):
        return True
    if cell.may(Role.PRONOUN, None, "own"):
        return True
    if cell.first[0] in {Role.CONDITION, Role.DOUBT, Role.NEGATION}:
        return False
    return cell.may(Role.GLUE, "the") or cell.may(Role.GLUE, "still") or cell.may(Role.MANNER)


def _decided_between(cell: Cell) -> Cell:
    manner = cell.of(Role.MANNER)
    return cell.only(*manner) if manner is not None else cell.only(Role.FILLER)


def _is(cell: Cell, kind: str) -> bool:
    if kind in _KINDS:
        role, value, form = _KINDS[kind]
        return cell.may(role, value or None, form)
    return cell.may(Role.VERB, kind, "light") or cell.may(Role.GLUE, kind)


def _decided(cell: Cell, kind: str) -> Cell:
    if kind == "<n>":
        number = cell.of(Role.NUMBER)
        assert number is not None  # it matched
        return cell.only(*number)
    if kind in {"<asks>", "<mind>", "<wish>"}:
        return cell.only(Role.REQUEST)
    return cell.only(Role.FILLER, kind if kind in _TOWARDS else "")


_TOWARDS = {"up": "scale_up", "down": "scale_down", "<up>": "scale_up", "<down>": "scale_down"}


def who(cells: Cells, at: int) -> tuple[int, tuple[Cell, ...]]:
    """Return who is meant from `at` on, with the place behind them; no cells where nobody is."""
    kept: tuple[Cell, ...] = ()
    joins: tuple[Cell, ...] = ()
    done = end = at
    while True:
        end, one = _one(cells, end)
        if not one:
            return done, kept
        kept = (*kept, *joins, *one)
        done, joins = end, ()
        while end < len(cells) and (join := _list_join(cells[end])) is not None:
            joins = (*joins, cells[end].only(Role.JOIN, join))
            end += 1
        if not joins:
            return done, kept


def _list_join(cell: Cell) -> str | None:
    meaning = cell.of(Role.JOIN, "")
    return meaning[1] if meaning is not None and meaning[1] in {"and", ","} else None


def _one(cells: Cells, at: int) -> tuple[int, list[Cell]]:
    """Take one target with articles and nouns around it: `the api service`, `service api`."""
    took: list[Cell] = []
    while (
        at < len(cells)
        and (cells[at].first[0] is Role.FILLER or cells[at].may(Role.GLUE, "the"))
        and not _ends(cells, at)
    ):
        took.append(cells[at].only(Role.FILLER))
        at += 1
    if at + 1 < len(cells) and cells[at].may(Role.NOUN, "unit") and _target(cells[at + 1]):
        took.append(cells[at].only(Role.FILLER))
        at += 1
    target = _target(cells[at]) if at < len(cells) else None
    if target is None:
        return at, []
    took.append(target)
    at += 1
    while at < len(cells) and cells[at].may(Role.NOUN, "unit") and not _is_counted(cells, at):
        took.append(cells[at].only(Role.FILLER))
        at += 1
    return at, took


def _ends(cells: Cells, at: int) -> bool:
    """`that` is an article before a name, and somebody where none follows."""
    return cells[at].may(Role.PRONOUN) and (at + 1 >= len(cells) or _target(cells[at + 1]) is None)


def _is_counted(cells: Cells, at: int) -> bool:
    return cells[at].may(Role.NOUN, "instances") and at > 0 and cells[at - 1].may(Role.NUMBER)


def _target(cell: Cell) -> Cell | None:
    for role in _TARGETS:
        meaning = cell.of(role)
        if meaning is not None and not (role is Role.PRONOUN and meaning[2] == "own"):
            return cell.only(*meaning)
    return None


def tag(cell: Cell) -> Tag:
    """Return a cell as the tag that it is taken for."""
    role, value, form = cell.first
    return Tag(role, value, cell.start, cell.end, form)
