"""English verbs that are composed: `give api a kick`, `bring it back up`, `take worker off hold`. A table of shapes. Pure.

A shape is a row of elements, separated by blanks, beside the tool that it means:

    give|put    one of these light verbs, or small words (`up`, `off`, `to`)
    word?       may be missing
    <t>         who is meant: units, `it`, `all`, with `the` and `service` around them
    <v> <p> <g> a verb of a tool: restart; restarted; restarting. The tool `=` is that verb's
    <n>         a number; `<inst>` instances; `<last>` the last good release; `<on>` `<off>` on hold, off hold
    <asks>      what asks for a state of things (I need … restarted); `<mind>` what asks with a gerund (would you mind)

Words that change nothing, and how it is to be done, may stand between any two of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from opsagent.commands.english_lex import Cell, Cells
from opsagent.commands.tags import Role, Tag

CHANGED = frozenset({"restart", "stop", "start", "reload", "rollback", "scale", "scale_up", "scale_down", "kill"})
_TARGETS = (Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN)
_BETWEEN = (Role.FILLER, Role.MANNER)

_SHAPES: tuple[tuple[str, str], ...] = (
    ("restart", "turn|switch|power|flip <t> off and back? on"),
    ("restart", "turn|switch|power|flip off and back? on <t>"),
    ("restart", "give <t> kick|bump|boot|boost in? start?"),
    ("restart", "kick <t>"),
    ("restart", "<start>|begin <t> again"),
    ("restart", "make|let|have <t> <start>|begin again"),
    ("restart", "bring|take|shut|pull <t> down|offline and bring? <pronoun>? back? up|online"),
    ("restart", "give <t> <fresh>"),
    ("=", "<started> <v> of|on|for|to <t>"),
    ("=", "<renewed> all? <inst> of|for|in <t>"),
    ("reload", "<reload>|reread|load <config> of|for|in|on <t>"),
    ("reload", "<reload> <t> of? <own>? <config>"),
    ("reload", "<reload> <t> with|to? <config>"),
    ("reload", "make|have|let|get <t> to? <reload>|reread <own>? <config>"),
    ("reload", "make|have|let|get <t> to? <reload>"),
    ("reload", "tell <t> to <reload>|reread <own>? <config>"),
    ("reload", "<asks> <t> to reread|<reload> <own>? <config>"),
    ("=", "give|hand <t> <v>"),
    ("=", "do|perform|execute|make|run|trigger|issue|initiate|carry|schedule|apply|go <v> of|on|for|to|with|with? <t>"),
    ("=", "get|have <t> <p>"),
    ("=", "<asks> <t> to? alone? <p>"),
    ("=", "<asks> <v> of|on|for <t>"),
    ("=", "<t> <needs> another? <p>|<v>|<g>"),
    ("=", "<mind> <g> <t>"),
    ("=", "<mind> <v> of|on|for? <t>"),
    # relative numbers before plain ones
    ("scale more", "give|get|lend|hand|send <t> <n> more <inst>?"),
    ("scale more", "give|get|lend|hand|send <t> more <inst>"),
    ("scale more", "<up> <t> by <n> <inst>?"),
    ("scale more", "<up>|<start>|run|<scale> <t> with? <n> more <inst>?"),
    ("scale more", "add|put|throw|stick <n> more? <inst> to|for|of|on|at|in <t>"),
    ("scale more", "add|put|throw more <inst> to|for|of|on|at <t>"),
    ("scale more", "<start>|run|spin|get <n> more <inst> of|for|on|to <t>"),
    ("scale more", "<start>|run|spin|get more <inst> of|for|on|to <t>"),
    ("scale more", "<start>|run|spin|get <n> more <t> <inst>?"),
    ("scale more", "add|put <n> more? <t> <inst>?"),
    ("scale more", "<asks> <n> more <inst> of|for|on <t>"),
    ("scale more", "<asks> <n> more <t> <inst>?"),
    ("scale fewer", "<down> <t> by <n> <inst>?"),
    ("scale fewer", "remove|drop|take|cut <n> <inst> from|off|of|away? from? <t>"),
    ("scale fewer", "remove|drop|take|cut <n> <t> <inst>"),
    ("scale fewer", "run <n> fewer <inst> of|for|on <t>"),
    ("scale times2", "double <t> of? <inst>?"),
    ("scale times3", "triple <t> of? <inst>?"),
    ("scale half", "halve <t> of? <inst>?"),
    ("scale times2", "double number <inst>? of|for <t>"),
    ("scale times2", "double <inst> of|for <t>"),
    # numbers
    ("scale", "set|change|adjust|put|move|get|make|switch|bump|keep|bring|take|drop|cut <t> back? up|down|out? to|at <n> <inst>"),
    ("scale", "set|bump|cut|bring|take|drop <t> back? up|down to <n>"),
    ("scale", "set <t> to <n>"),
    ("scale maybe", "put|keep|bump|cut|make|bring <t> to|at? <n>"),
    ("scale", "<scale>|<up>|<down> <t> back? up|down|out|in? to|at? <n> <inst>?"),
    ("scale", "set|change|adjust|bump|bring|take|drop|cut|move|<up>|<down>|<scale> up|down? number <inst>? of|for|on|in <t> up|down? to|at <n> <inst>?"),
    ("scale", "set|change|adjust|bump|bring|take|drop|cut|move|<up>|<down>|<scale> <inst> of|for|on|in <t> up|down? to|at <n>"),
    ("scale", "set|change|adjust|bump|bring|take|drop|cut|move|<up>|<down>|<scale> <t> of? <inst> number? up|down? to|at <n>"),
    ("scale", "set|change|adjust|bump|bring|take|drop|cut|move|<up>|<down>|<scale> <t> of? number up|down? to|at <n> <inst>?"),
    ("scale", "run|have|keep|<asks> <n> <inst> of|for|on <t>"),
    ("scale", "run|have|keep|put|<asks> <t> with|at|on? <n> <inst>"),
    ("scale", "make <t> run <n> <inst>"),
    ("scale", "set <t> <n> <inst>"),
    ("scale", "give <t> <n> <inst>"),
    ("scale maybe", "<start>|spin <n> <inst> of|for|on <t>"),
    ("scale", "make <t> <n> <inst>"),
    # releases
    ("rollback", "<start>|restore|undo|return|bring|put|get|<rollback> <last>|<release> of|for|on|to|from <t>"),
    ("^scale", "<n> <inst> of|for|on <t>"),
    ("^scale", "give <n> <inst> to|of|for <t>"),
    ("scale", "run|have|make <n> <t> <inst>"),
    ("scale", "make|have <pronoun>? <n> <inst> of|for|on <t>"),
    ("scale", "go to <n> <inst> of|for|on|with <t>"),
    ("scale", "let <t> have|run <n> <inst>?"),
    ("scale", "set number of? <t> of? <inst> up|down? to|at <n>"),
    ("scale", "ramp <t> up|down? to <n> <inst>?"),
    ("^scale", "<t> of? <inst>? up|down? to <n> <inst>?"),
    ("^rollback", "<t> back to <last>"),
    ("rollback", "undo|restore|<rollback> last? <t> of? <last>|<release>"),
    ("rollback", "put|bring|get <last> of|for|on <t> back"),
    ("rollback", "go|return|switch|get back to|on <last> of|for|on|with <t>"),
    ("rollback", "go|return|switch back to? <last> of|for|on|with <t>"),
    ("rollback", "roll|take|put|get|bring|restore|return|switch|move|send|set|change|flip|<rollback>|<start> <t> back? to|on? <last>"),
    ("rollback", "get|put|take|bring|<start> back <t> to? <last>"),
    ("rollback", "<asks> <t> back? to|on <last>"),
    ("rollback", "<asks> <last> of|for|on <t> back?"),
    ("rollback", "roll <t> back"),
    ("rollback", "roll back <t>"),
    # holds
    ("hold", "put|place|keep|leave|have|set|stick|get <t> <on>"),
    ("hold", "put|place|set|stick <on> <t>"),
    ("hold", "put|place|set|stick|get|have <held> on|for <t>"),
    ("hold", "give|leave|let|keep <t> alone"),
    ("hold", "leave|let alone <t>"),
    ("hold", "<asks> <t> alone"),
    ("resume", "take|get|bring|let|put|have|<start> <t> <off>"),
    ("resume", "release|lift|remove|drop|clear|end|take <t> from|of? <held>|<on>|<off>"),
    ("resume", "release|lift|remove|drop|clear|end|take <held> on|from|for|of|off <t>"),
    ("resume", "release <t>"),
    # up and down
    ("start", "get|bring|put|have|<start>|pull <t> back? up|online|running"),
    ("start", "get|bring|put|have back? up|online|running <t>"),
    ("start", "<asks> <t> alone? back? up|online|running"),
    ("start", "get|bring|put <t> back"),
    ("start", "start|boot|fire|spin|kick|power|<start> <t> back? up|on|online"),
    ("start", "turn|switch|power|flip <t> back? on"),
    ("start", "boot|bump <t>"),
    ("stop", "bring|take|shut|pull|knock|put|get|have <t> down|offline|off"),
    ("stop", "shut|turn|switch|power|flip|spin|kick|roll|<stop> <t> off|down|offline"),
    ("stop", "take|bring|pull|knock|shut down|offline|off <t>"),
    ("stop", "make|have|let <t> <stop>"),
    ("stop", "end|quit <t>"),
    ("stop", "bring|put <t> to <stop>"),
    ("stop", "close <t> down"),
    ("resume", "turn|switch|put <agent> back? on"),
    ("resume", "turn|switch on <agent> again?"),
    ("pause", "turn|switch|shut <agent> off|down"),
    ("stop", "<t> <needs> down|off|offline"),
    ("start", "<t> <needs> back? up|running|online"),
    ("start", "make|let|have <t> run|<start>"),
    ("start", "run <t>"),
    ("start", "put|get|bring <t> back? to run"),
    ("scale", "<t> <needs>|<gets> <n> <inst>"),
    ("stop", "<asks> <t> alone? down|off|offline|<halted>"),
)  # fmt: skip

_KINDS: Mapping[str, tuple[Role, str, str | None]] = {
    "<n>": (Role.NUMBER, "", None), "<inst>": (Role.NOUN, "instances", None), "<last>": (Role.NOUN, "last_release", None),
    "<release>": (Role.NOUN, "release", None), "<held>": (Role.NOUN, "hold", ""), "<on>": (Role.NOUN, "hold", "on"),
    "<off>": (Role.NOUN, "hold", "off"), "<asks>": (Role.REQUEST, "", "participle"), "<mind>": (Role.REQUEST, "", "gerund"),
    "<needs>": (Role.REQUEST, "", "needs"),
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
        for tool, shape in _SHAPES
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
    took = [first.only(Role.VERB, verb, "imperative"), *step.took[1:]]
    if first.first[0] is Role.NUMBER:
        took = [Cell(first.start, first.start, ((Role.VERB, verb, "imperative"),)), *step.took]
    elif first.first[0] is Role.REQUEST:
        took.insert(0, Cell(first.start, first.start, ((Role.REQUEST, "", ""),)))
    elif first.first[0] is not Role.FILLER:  # who is meant stands first
        took[0] = first
        took.insert(0, Cell(first.start, first.start, ((Role.VERB, verb, "imperative"),)))
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
    if kind in {"<asks>", "<mind>"}:
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
