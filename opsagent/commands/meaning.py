"""From a row of tags to steps: clauses, calls, and who is meant by them. Pure, the same for all languages."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from opsagent.commands.clauses import Clause, Doubt, Why, clauses
from opsagent.commands.frames import CHANGES, ONES, Call, blamed, change_of
from opsagent.commands.known import Known
from opsagent.commands.looks import look_of
from opsagent.commands.reading import CommandStep, Context
from opsagent.commands.tags import NEAR, Role, Row, Tag
from opsagent.commands.together import LOOK_AT_UNITS, NEED_UNITS, ruled
from opsagent.model import Scalar
from opsagent_tools.registry import READING

MAX_INSTANCES = 32
"""More than this in a command is asked back: it is more likely a slip than a wish."""
_AS: Mapping[str, str] = {"kill": "stop", "touch": "hold"}
_EVERY = "all"

Steps = tuple[CommandStep, ...]


@dataclass(frozen=True, slots=True)
class Meant:
    """What one way to explain a text comes to."""

    steps: Steps
    doubts: tuple[Doubt, ...] = ()
    others: tuple[Steps, ...] = ()
    """What else may be meant: the other reading of a time, another service of that name."""
    leans: bool = False
    """It says little by itself, and goes on from the command before."""

    @property
    def clear(self) -> bool:
        """Whether it may be done as it was said."""
        return bool(self.steps) and not self.doubts

    @property
    def changes(self) -> bool:
        """Whether any step changes anything."""
        return any(step.tool not in READING for step in self.steps)


def meant(row: Row, known: Known, context: Context, *, verb_last: bool) -> Meant:
    """Return what a row of tags comes to."""
    row, doubts = _corrected(row)
    asked = any(tag.role is Role.QUESTION and tag.value == "mark" for tag in row)
    row = tuple(tag for tag in row if not (tag.role is Role.QUESTION and tag.value == "mark"))
    followed = _follow_up(row, known, context)
    if followed is not None:
        return followed
    said = clauses(row, verb_last=verb_last)
    calls: list[Call] = []
    aside: list[Doubt] = []
    before: tuple[str, ...] = ()
    for clause in said:
        call = change_of(clause, asked=asked, free_particles=verb_last) or look_of(clause, asked=asked)
        if call is not None:
            calls.append(replace(call, blames=(*before, *call.blames)) if before and not call.targets else call)
            if verb_last and not call.changes and call.tool != "search_logs" and clause.has(Role.UNKNOWN):
                aside.append(_unclear(clause))  # a look passes over it, what is done beside does not
        elif not _calls_the_agent(clause) and (not clause.has(Role.REASON) or _says_more(clause)):
            (doubts if _hinders(clause) else aside).append(_unclear(clause))
        before = (*before, *blamed(clause))
    if not calls or any(call.changes and not call.forbidden for call in calls):
        doubts.extend(aside)
    return _Resolved(known, context, verb_last=verb_last, before=before).meant(ruled(calls, doubts), doubts)


def _hinders(clause: Clause) -> bool:
    """Tell whether a clause that asks for nothing speaks of changes, or supposes: then nothing beside it is done either."""
    return (
        clause.has(Role.VERB) or clause.has(Role.CORRECTION) or any(tag.form != "when" for tag in clause.of(Role.DOUBT))
    )


def _calls_the_agent(clause: Clause) -> bool:
    """`agent, pause for now`: it is spoken to."""
    others = [tag for tag in clause.tags if tag.role not in {Role.FILLER, Role.JOIN}]
    return len(others) == 1 and others[0].role is Role.NOUN and others[0].value == "agent"


def _says_more(clause: Clause) -> bool:
    return any(tag.role not in {Role.REASON, Role.FILLER, Role.JOIN, Role.GLUE} for tag in clause.tags)


def _unclear(clause: Clause) -> Doubt:
    for role, why in ((Role.NEGATION, Why.FORBIDS), (Role.DOUBT, Why.SUPPOSES), (Role.UNKNOWN, Why.UNKNOWN)):
        tags = clause.of(role)
        if tags:
            return Doubt(why, tags[0].value)
    return Doubt(Why.UNKNOWN, "")


def _corrected(row: Row) -> tuple[Row, list[Doubt]]:
    """Return the row as it was corrected to; whoever corrects themselves is asked whether that is it."""
    at = max((place for place, tag in enumerate(row) if tag.role is Role.CORRECTION), default=None)
    if at is None:
        return row, []
    first = tuple(tag for tag in row[:at] if tag.role is not Role.CORRECTION)
    after = row[at + 1 :]
    if not any(tag.role not in {Role.FILLER, Role.JOIN} for tag in first):
        return after, []
    if not any(tag.role not in {Role.FILLER, Role.JOIN} for tag in after):
        return first, [Doubt(Why.FORBIDS, "correction")]
    acts = any(tag.role is Role.VERB and tag.value in CHANGES for tag in row)
    doubts = [Doubt(Why.CORRECTED, "")] if acts else []
    if any(tag.role is Role.VERB for tag in after):
        units = any(tag.role in {Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN} for tag in after)
        return (
            after if units else (*after, *(tag for tag in first if tag.role in {Role.UNIT, Role.GROUP, Role.ALL}))
        ), doubts
    kept = tuple(tag for tag in first if tag.role not in {Role.UNIT, Role.GROUP, Role.ALL, Role.PRONOUN, Role.JOIN})
    if all(tag.role in {Role.NUMBER, Role.JOIN, Role.FILLER} for tag in after):
        kept = tuple(tag for tag in first if tag.role is not Role.NUMBER)
    return (*kept, *after), doubts


def _follow_up(row: Row, known: Known, context: Context) -> Meant | None:
    """Read `and worker?` after a command: the same of another unit."""
    easy = {Role.FILLER, Role.JOIN, Role.GLUE, Role.REQUEST}
    rest = [tag for tag in row if tag.role not in easy]
    if not context.last or not rest or any(tag.role is not Role.UNIT for tag in rest):
        return None
    steps = tuple(
        known.step(step.tool, tag.value, step.args) for tag in rest for step in context.last if step.target is not None
    )
    if not steps:
        return None
    doubts = [Doubt(Why.NEAR, tag.value) for tag in rest if tag.form == NEAR]
    if any(step.tool not in READING for step in steps):
        return Meant(steps, (Doubt(Why.ASKS), *doubts), leans=True)
    return Meant(steps, leans=True)


class _Resolved:
    """Looks up who is meant, clause after clause."""

    def __init__(self, known: Known, context: Context, *, verb_last: bool, before: tuple[str, ...]) -> None:
        self._known = known
        self._context = context
        self._verb_last = verb_last
        self._spoken: tuple[str, ...] = before[:1] if len(set(before)) == 1 else ()
        self._doubts: list[Doubt] = []
        self._leaves = False
        self._steps: list[CommandStep] = []
        self._others: list[tuple[str, str, str]] = []

    def meant(self, calls: list[Call], doubts: list[Doubt]) -> Meant:
        """Return the steps of all calls."""
        for call in calls:
            self._add(call)
        steps = tuple(self._steps)
        acts = any(step.tool not in READING for step in steps)
        changed = [(step.tool, step.target) for step in steps if step.tool not in READING]
        if len(changed) != len(set(changed)):
            self._doubts.append(Doubt(Why.TWICE))
        every = (
            *doubts,
            *(doubt for call in calls if acts or not call.forbidden for doubt in call.doubts),
            *self._doubts,
        )
        if any((doubt.why, doubt.word) == (Why.WHOM, "or") for doubt in every):
            return Meant((), tuple(dict.fromkeys(every)), tuple((step,) for step in steps))
        return Meant(steps, tuple(dict.fromkeys(every)), tuple(self._alternatives(steps, calls)))

    def _alternatives(self, steps: Steps, calls: list[Call]) -> Iterator[Steps]:
        for call in calls:
            for doubt in call.doubts:
                if doubt.why is Why.EITHER and "|" in doubt.word:
                    one, other = doubt.word.split("|")[:2]
                    yield tuple(self._with(step, one, other) for step in steps)

    def _with(self, step: CommandStep, one: str, other: str) -> CommandStep:
        args = {key: other if value == one else value for key, value in step.args.items()}
        return self._known.step(step.tool, step.target, args)

    def _add(self, call: Call) -> None:
        names = self._names(call)
        if call.forbidden:
            self._spoken = names or self._spoken
            self._leaves = self._leaves or call.leaves
            return
        tool = _AS.get(call.tool, call.tool)
        if tool == "deploy":
            return
        if any(name not in names for name in call.blames) and call.changes and names and call.blames:
            self._doubts.append(Doubt(Why.WHOM, call.blames[0]))
        args = self._args(call, names)
        if not call.changes:
            self._look(call, names, args)
        elif names and tool not in {"approve", "deny", "pause", "run_gui_procedure", "teach"}:
            self._steps.extend(step for name in names for step in self._change(tool, name, args, call))
        elif names and tool == "pause":
            self._steps.extend(self._known.step("hold", name, {}) for name in names)
        elif tool in NEED_UNITS:
            self._doubts.append(Doubt(Why.NO_UNIT, ""))
        elif (step := self._known.step(tool, None, args)) not in self._steps or tool not in {"pause", "resume"}:
            self._steps.append(step)
        if names and names != (_EVERY,):
            self._spoken = names

    def _names(self, call: Call) -> tuple[str, ...]:
        names = [name for tag in call.targets for name in self._named(tag, call)]
        left = {name for tag in call.left_out for name in self._named(tag, call)}
        if left and names == [_EVERY]:
            names = list(self._known.in_order)
        if _EVERY in names and len(names) > 1:
            self._doubts.append(Doubt(Why.WHOM, _EVERY))
        if not names and self._may_lean(call):
            names = list(self._spoken)
        if (
            not names and call.tool in {"hold", "resume"} and len(set(call.blames)) == 1
        ):  # somebody works on api, hands off
            names = [call.blames[0]]
        if not names and call.tool in ONES and not self._verb_last and len(set(call.blames)) == 1:
            self._doubts.append(Doubt(Why.WHOM, "it"))  # api is stuck, restart
            names = [call.blames[0]]
        if call.changes and len(names) != len(set(names)):
            self._doubts.append(Doubt(Why.TWICE))
        for name in names:
            if len(self._known.named(name)) > 1:
                self._doubts.append(Doubt(Why.WHOM, name))
        return tuple(dict.fromkeys(name for name in names if name not in left))

    def _may_lean(self, call: Call) -> bool:
        """Who is not named again is the one before: of looks, and where the verb ends the clause."""
        if not call.changes:
            again = call.tool == "recall_incidents" and any(step.tool == "recall_incidents" for step in self._steps)
            return (again or call.tool in LOOK_AT_UNITS) and bool(self._spoken)
        instead = call.join == "instead" and call.tool != "hold" and not self._leaves
        goes_on = bool(self._steps) or instead
        return self._verb_last and call.tool in NEED_UNITS and goes_on and bool(self._spoken)

    def _named(self, tag: Tag, call: Call) -> tuple[str, ...]:
        match tag.role:
            case Role.UNIT:
                if tag.form == NEAR and call.changes:
                    self._doubts.append(Doubt(Why.NEAR, tag.value))
                return (tag.value,)
            case Role.GROUP:
                return self._context.groups.get(tag.value, ())
            case Role.ALL:
                return (_EVERY,)
            case _:
                return self._spoken_of(tag, call)

    def _spoken_of(self, tag: Tag, call: Call) -> tuple[str, ...]:
        if call.tool in {"approve", "deny"}:
            return ()
        if not call.changes and any(other.role is Role.UNIT for other in call.targets):
            return ()  # it is who was just named
        here = tuple(dict.fromkeys(call.looks_at or call.blames)) or self._spoken or self._context.spoken_of
        several = tag.value == "them"
        if not here or (len(here) > 1 and not several) or (several and len(here) == 1 and call.changes):
            self._doubts.append(Doubt(Why.WHOM, "it"))
            return () if not here else here[:1] if not several else here
        return here

    def _args(self, call: Call, names: tuple[str, ...]) -> dict[str, Scalar]:
        args = dict(call.args)
        condition = str(args.get("if", ""))
        if condition.startswith("it "):
            if len(names) == 1 and self._spoken and names != self._spoken[:1] and self._steps:
                self._doubts.append(Doubt(Why.WHOM, "it"))  # look at api, if it is down restart worker
            if len(names) == 1 and names != (_EVERY,):
                args["if"] = names[0] + condition.removeprefix("it")
            else:
                self._doubts.append(Doubt(Why.SUPPOSES, condition))
        return args

    def _change(self, tool: str, name: str, args: Mapping[str, Scalar], call: Call) -> Iterator[CommandStep]:
        if tool != "scale":
            yield self._known.step(tool, name, args)
            return
        if "replicas" not in args or name == _EVERY:
            self._doubts.append(Doubt(Why.COUNT, ""))
            return
        wanted, now = int(args["replicas"]), self._known.named(name)[0].instances
        if call.relative and not now:  # nobody knows how many there are
            self._doubts.append(Doubt(Why.COUNT, ""))
            return
        wanted = {
            "more": now + wanted,
            "fewer": now - wanted,
            "times2": now * 2,
            "times3": now * 3,
            "half": now // 2,
        }.get(call.relative, wanted)
        if not 1 <= wanted <= MAX_INSTANCES:
            self._doubts.append(Doubt(Why.COUNT, str(wanted)))
            return
        if (
            now
            and not call.relative
            and ((call.towards == "up" and wanted <= now) or (call.towards == "down" and wanted >= now))
        ):
            self._doubts.append(Doubt(Why.COUNT, f"{name} {now} {call.towards}"))
        yield self._known.step(tool, name, {**args, "replicas": wanted})

    def _look(self, call: Call, names: tuple[str, ...], args: Mapping[str, Scalar]) -> None:
        if call.tool in {"list_processes", "host_metrics"}:
            self._see(call.tool, None, args)
        elif names:
            for name in names:
                self._see(call.tool, None if name == _EVERY else name, args)
        elif call.tool in LOOK_AT_UNITS and not call.targets:
            if len(self._context.spoken_of) == 1:
                self._see(call.tool, self._context.spoken_of[0], args)
            else:
                self._doubts.append(Doubt(Why.NO_UNIT, ""))
        elif not call.targets:
            self._see(call.tool, None, args)

    def _see(self, tool: str, name: str | None, args: Mapping[str, Scalar]) -> None:
        step = self._known.step(tool, name, args)
        if step not in self._steps:
            self._steps.append(step)
