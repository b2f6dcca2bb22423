"""Looks over a runbook without running anything: what it asks for exists, its conditions can hold, it can be taken back.

`error`: it cannot work as it is written. `warning`: it works, and somebody will miss something.
"""

from __future__ import annotations

import ast
import difflib
import inspect
import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from opsagent.evidence import PROBES
from opsagent.model import Scalar
from opsagent.runbooks import RUNBOOKS
from opsagent.runbooks.case import Target
from opsagent.runbooks.library import every_card
from opsagent.runbooks.library.card import ROOT, UPSTREAM, Card, RemedyCard, RunbookError, StepCard
from opsagent.runbooks.library.conditions import WITHOUT_PROBE, Fact, When, compares, parse_fact
from opsagent.runbooks.library.goals import GOALS
from opsagent.runbooks.library.making import resolved, steps_of
from opsagent.runbooks.library.rows import ROWS
from opsagent.runbooks.remedy import Fit
from opsagent_tools.actions import ActionName
from opsagent_tools.registry import CHANGING, PROCEDURES
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

_GIVEN_BY_EVERY_PROBE = frozenset({"said", "failed"})
_NUMBERED = re.compile(r"^\d+_")
"""One of several that a probe tells of: `2_path`."""
_TEXT_KIND = "EvidenceKind.TEXT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is not right."""

    level: Literal["error", "warning"]
    where: str
    """Which remedy, and which key of it."""
    what: str
    mend: str


def look_over(card: Card, others: Iterable[Card] = ()) -> tuple[Problem, ...]:
    """Return what is not right with a runbook; `others`: a person's other ones."""
    return tuple(_all(card, tuple(others)))


def _all(card: Card, others: Sequence[Card]) -> Iterator[Problem]:
    for key in ("title", "looks_for", "never"):
        if not getattr(card, key).strip():
            yield Problem(
                level="warning", where=key, what="says nothing", mend="a person will read it at night: say it"
            )
    for number, call in enumerate(card.escalate, 1):
        where = f"escalate[{number}]"
        yield from _conditions(call.when, f"{where}.when")
        yield from _code(call.condition, where)
    for remedy in card.remedies:
        yield from _remedy(remedy, card)
    yield from _names(card, others)


def _remedy(said: RemedyCard, card: Card) -> Iterator[Problem]:
    where = f"remedy {said.name}"
    yield from _conditions(said.when, f"{where}.when")
    yield from _conditions(said.verify, f"{where}.verify")
    yield from _code(said.condition, where)
    if said.aim not in (ROOT, UPSTREAM):
        yield from _fact(parse_fact(said.aim), f"{where}.aim", said.aim)
    for key in ("does", "expects", "undo"):
        if not getattr(said, key).strip():
            yield Problem(level="warning", where=f"{where}.{key}", what="says nothing", mend="say it in a few words")
    if not said.verify and card.own:
        yield Problem(
            level="warning", where=f"{where}.verify", what="nothing of its own is asked when verification ends",
            mend="that the service is well again is always asked; add what this remedy is to change",
        )  # fmt: skip
    if said.after and "/" not in said.after and said.after not in {one.name for one in card.remedies}:
        near = difflib.get_close_matches(said.after, [one.name for one in card.remedies], 1)
        yield Problem(
            level="error", where=f"{where}.after", what=f"there is no remedy {said.after} in this runbook",
            mend=f"did you mean {near[0]}?" if near else "name one of its own, or write FAULT/REMEDY",
        )  # fmt: skip
    for row in said.rows:
        if row not in ROWS:
            near = difflib.get_close_matches(row, ROWS, 1)
            mend = f"did you mean {near[0]}?" if near else f"use one of {', '.join(ROWS)}"
            yield Problem(level="error", where=f"{where}.rows", what=f"there is no row {row}", mend=mend)
    yield from _steps(said, where)


def _steps(said: RemedyCard, where: str) -> Iterator[Problem]:
    for number, step in enumerate(said.steps, 1):
        place = f"{where}.step[{number}]"
        if step.action not in CHANGING and step.action not in PROCEDURES:
            what = f"{step.action} cannot be carried out yet"
            yield Problem(level="error", where=place, what=what, mend="docs/actions.md says which can be")
        for value in _looked_up(step):
            yield from _fact(parse_fact(value[1:]), f"{place}.args", value)
        bring_theirs = (ActionName.RUN_RUNBOOK_COMMAND, ActionName.RUN_GUI_PROCEDURE)
        known = step.action in GOALS or step.action in ROWS or step.action in bring_theirs
        if step.goal is None and not known:
            what = f"{step.action} has no goal of its own"
            yield Problem(level="error", where=f"{place}.goal", what=what, mend='write goal = "healthy", say')
        yield from _command(step, place)
    unclear = said.condition or said.counted_as or said.judge or not all(row in ROWS for row in said.rows)
    lacking = "" if unclear else _lacking(said)
    if lacking:
        yield Problem(level="error", where=f"{where}.step", what=lacking, mend="name it in args")


def _command(step: StepCard, place: str) -> Iterator[Problem]:
    if not step.command:
        return
    for key, words in (("command", step.command), ("undo_command", step.undo_command)):
        if words and not Path(words[0]).is_file():
            what = f"{words[0]} is not there"
            yield Problem(level="warning", where=f"{place}.{key}", what=what, mend="install it, or mend the path")
    if not step.undo_command:
        yield Problem(
            level="warning", where=f"{place}.undo_command", what="what it does cannot be taken back",
            mend="name the command that does; where there is none, say so in undo",
        )  # fmt: skip
    if step.cwd and not Path(step.cwd).is_dir():
        yield Problem(
            level="warning", where=f"{place}.cwd", what=f"{step.cwd} is not there", mend="make it, or mend it"
        )


def _lacking(said: RemedyCard) -> str:
    """Return what its steps would lack, tried on a unit that there is not."""
    target = Target(
        unit=Unit(
            id=UnitId.local("circus", "example"),
            state=UnitState.RUNNING,
            processes=(Process(key=ProcessKey(1, 0.0)),),
        )
    )
    told: dict[str, Scalar] = {value: "1" for step in said.steps for value in _looked_up(step)}
    told |= {value: "1" for value in said.args.values() if isinstance(value, str) and value.startswith("$")}
    try:
        steps_of(said, Fit(target=target, why="", args=told, root=target))
    except RunbookError as error:
        return str(error)
    return ""


def _looked_up(step: StepCard) -> tuple[str, ...]:
    values = [*step.args.values(), *(step.goal_args or {}).values(), *step.command, *step.undo_command]
    values += step.undo.args.values() if step.undo is not None else ()
    words = (value for value in values if isinstance(value, str) and value.startswith("$"))
    return tuple(dict.fromkeys(value for value in words if not value.startswith("$fit.")))


def _code(reference: str, where: str) -> Iterator[Problem]:
    if not reference:
        return
    try:
        resolved(reference)
    except RunbookError as error:
        yield Problem(level="error", where=f"{where}.condition", what=str(error), mend="mend the reference")


def _conditions(conditions: Sequence[When], where: str) -> Iterator[Problem]:
    for one in conditions:
        yield from _fact(Fact(probe=one.probe, name=one.fact, of_root=one.of_root), where, one.text)
    for number, one in enumerate(conditions):
        for other in conditions[:number]:
            same = (one.probe, one.fact, one.of_root) == (other.probe, other.fact, other.of_root)
            if same and contradict(one, other):
                what = f"`{other.text}` and `{one.text}` never hold together"
                yield Problem(level="error", where=where, what=what, mend="all conditions must hold: drop one of them")


def _fact(fact: Fact, where: str, text: str) -> Iterator[Problem]:
    if fact.probe in WITHOUT_PROBE:
        return
    probe = PROBES.get(fact.probe)
    if probe is None:
        near = difflib.get_close_matches(fact.probe, (*PROBES, *WITHOUT_PROBE), 1)
        mend = f"did you mean {near[0]}?" if near else "docs/how-it-decides.md lists them"
        yield Problem(level="error", where=where, what=f"`{text}`: there is no probe {fact.probe}", mend=mend)
        return
    if is_text(fact.probe):
        what = f"`{text}`: {fact.probe} is text, which fulfils no condition"
        yield Problem(level="error", where=where, what=what, mend="ask the kernel, the supervisor or a probe")
        return
    told = facts_of(fact.probe)
    if _NUMBERED.sub("", fact.name) not in told:
        near = difflib.get_close_matches(fact.name, told, 1)
        mend = f"did you mean {near[0]}?" if near else "see what it tells: opsagent runbook test NAME --against UNIT"
        yield Problem(
            level="warning", where=where, what=f"`{text}`: {fact.probe} is not known to tell {fact.name}", mend=mend
        )


@cache
def facts_of(probe: str) -> frozenset[str]:
    """Return every word that may be a fact of a probe: the plain texts in its module's source, and in those of the
    agent's that it takes something from. Too many rather than too few.
    """
    module = inspect.getmodule(PROBES[probe])
    assert module is not None
    near = {getattr(value, "__module__", None) or getattr(value, "__name__", "") for value in vars(module).values()}
    names = {module.__name__, *(name for name in near if isinstance(name, str) and name.startswith("opsagent."))}
    return _GIVEN_BY_EVERY_PROBE.union(*(_words_in(name) for name in names))


@cache
def _words_in(module: str) -> frozenset[str]:
    found = set()
    for node in ast.walk(ast.parse(inspect.getsource(sys.modules[module]))):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value.isidentifier():
            found.add(node.value)
        elif isinstance(node, ast.keyword) and node.arg:
            found.add(node.arg)
    return frozenset(found)


@cache
def is_text(probe: str) -> bool:
    """Tell whether a probe's findings are text, on which nothing may rest."""
    return f"kind={_TEXT_KIND}" in inspect.getsource(PROBES[probe])


def contradict(one: When, other: When) -> bool:
    """Tell whether two conditions about the same fact can never hold together."""
    if {one.op, other.op} & {"absent"}:
        return one.op != other.op
    if {one.op, other.op} & {"exists"}:
        return False
    if _is_set(one) and _is_set(other):
        return not set(map(_key, one.values)) & set(map(_key, other.values))
    for left, right in ((one, other), (other, one)):
        if _is_set(left):
            return not any(compares(right, value) for value in left.values)
    low = [float(when.values[0]) for when in (one, other) if when.op in (">", ">=")]
    high = [float(when.values[0]) for when in (one, other) if when.op in ("<", "<=")]
    strict = {one.op, other.op} & {"<", ">"}
    return bool(low and high) and (low[0] > high[0] or (low[0] == high[0] and bool(strict)))


def _is_set(when: When) -> bool:
    return when.op in ("is", "in")


def _key(value: Scalar) -> tuple[str, str]:
    return (type(value).__name__, str(value))


def _names(card: Card, others: Sequence[Card]) -> Iterator[Problem]:
    shipped = {name for one in every_card() if one.name != card.name or card.own for remedy in one.remedies
               for name in (remedy.counts_as, *remedy.counted_as)}  # fmt: skip
    generic = {remedy.name for runbook in RUNBOOKS.values() for remedy in runbook.remedies}
    theirs = {remedy.counts_as for one in others if one.source != card.source for remedy in one.remedies}
    for remedy in card.remedies:
        if remedy.counts_as in shipped | theirs | (generic - set(remedy.counted_as)):
            yield Problem(
                level="error", where=f"remedy {remedy.name}", what=f"{remedy.counts_as} is the name of another one",
                mend="memory counts by it: give it another",
            )  # fmt: skip
    if not card.own:
        for remedy in card.remedies:
            for name in remedy.counted_as:
                if name not in generic:
                    what = f"counted_as: there is no remedy {name}"
                    yield Problem(
                        level="error", where=f"remedy {remedy.name}", what=what, mend="name one that there is"
                    )
