"""What a model proposes, checked against what there is: tools, units, arguments. Pure.

A model's words are untrusted text: a proposal is taken as typed steps or not at all. What does not fit is said in one
sentence, for the model to hear once.

Misfit   a proposal cannot be taken as steps
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from opsagent.commands.known import Known
from opsagent.commands.reading import BY_A_MODEL, CommandStep
from opsagent.commands.words import nearest
from opsagent.model import Scalar
from opsagent.runbooks.learnt import ACTIONS
from opsagent_tools.redact import redact
from opsagent_tools.registry import PROCEDURES, SPOKEN
from opsagent_tools.text import escape_for_terminal
from opsagent_tools.units import Unit

MOST_STEPS = 8
MOST_INSTANCES = 64
_MOST_LINES = 1000
_LONGEST = 400
_AT = re.compile(
    r"(?:(?:tomorrow |every day |every (?:mon|tues|wednes|thurs|fri|satur|sun)day |\d{4}-\d\d-\d\d )?"
    r"(?:[01]\d|2[0-3]):[0-5]\d|in \d{1,4}[mhd])"
)
_IF = re.compile(
    r"(?P<unit>\S+) (?:is (?:down|up|unhealthy|healthy|stopped)|memory > \d{1,9}(?:\.\d+)?[KMGT]|cpu > \d{1,3}%)"
)
_SPAN = re.compile(r"\d{1,5}[smhd]")
_ID = re.compile(r"[0-9a-zA-Z-]{1,64}")
_NEED_UNIT = frozenset(
    {"describe_process", "tail_logs", "search_logs", "start", "stop", "restart", "reload", "scale", "rollback", "hold"}
)
_MAY_NAME_UNIT = _NEED_UNIT | {"recall_incidents", "resume"}
_ALL = frozenset({"start", "stop", "restart", "reload"})
_TIMED = frozenset({"start", "stop", "restart", "reload", "scale", "rollback", "pause", "run_gui_procedure"})


class Misfit(ValueError):
    """A proposal cannot be taken as steps. The text is one line, and may be told the model."""


def _whole(low: int, high: int) -> Callable[[object], Scalar]:
    def read(value: object) -> Scalar:
        if isinstance(value, str) and value.isdigit():
            value = int(value)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise Misfit(f"must be an integer from {low} to {high}")
        return value

    return read


def _words(value: object) -> Scalar:
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST:
        raise Misfit(f"must be a text of 1 to {_LONGEST} characters")
    return redact(escape_for_terminal(" ".join(value.split())))


def _fitting(pattern: re.Pattern[str], what: str) -> Callable[[object], Scalar]:
    def read(value: object) -> Scalar:
        found = " ".join(value.split()) if isinstance(value, str) else ""
        if not pattern.fullmatch(found):
            raise Misfit(f"must be {what}")
        return found

    return read


def _flag(value: object) -> Scalar:
    if not isinstance(value, bool):
        raise Misfit("must be true or false")
    return value


_READERS: Mapping[str, Callable[[object], Scalar]] = {
    "lines": _whole(1, _MOST_LINES),
    "replicas": _whole(1, MOST_INSTANCES),
    "query": _words,
    "since": _fitting(_SPAN, "a time such as 30m, 2h, 3d"),
    "for": _fitting(_SPAN, "a time such as 30m, 2h, 3d"),
    "why": _words,
    "text": _words,
    "params": _words,
    "procedure": _words,
    "id": _fitting(_ID, "the id of a question"),
    "safely": _flag,
    "at": _fitting(
        _AT, '"03:00", "tomorrow 03:00", "2026-12-01 03:00", "every day 03:00", "every monday 03:00" or "in 10m"'
    ),
    "if": _fitting(_IF, '"NAME is down" (up, unhealthy, healthy, stopped), "NAME memory > 500M" or "NAME cpu > 80%"'),
}
UNASKED = ACTIONS
"""All that may be proposed where nobody asked, one action on one unit: what can be tried, verified and learnt."""
ARGS: Mapping[str, tuple[str, ...]] = {
    "tail_logs": ("lines", "since"),
    "search_logs": ("query", "lines", "since"),
    "recall_incidents": ("query", "since"),
    "restart": ("safely",),
    "reload": ("safely",),
    "scale": ("replicas",),
    "run_gui_procedure": ("procedure", "params"),
    "hold": ("for", "why"),
    "approve": ("id",),
    "deny": ("id",),
    "teach": ("text",),
}
"""What each tool takes beside a unit; those that may be told a time or a condition take `at` and `if`, too."""
_NEEDED: Mapping[str, tuple[str, ...]] = {
    "search_logs": ("query",),
    "scale": ("replicas",),
    "run_gui_procedure": ("procedure",),
    "teach": ("text",),
}


def args_of(tool: str) -> tuple[str, ...]:
    """Return the arguments that a tool takes in a proposal."""
    return (*ARGS.get(tool, ()), *(("at", "if") if tool in _TIMED else ()))


def taken(
    proposed: object, units: Sequence[Unit], *, procedures: Sequence[str] = (), unattended: bool = False
) -> tuple[CommandStep, ...]:
    """Return a proposal as steps. Raises Misfit. `unattended`: nobody asked, so it holds services' changes only."""
    if not isinstance(proposed, list) or not proposed or len(proposed) > MOST_STEPS:
        raise Misfit(f"steps must be a list of 1 to {MOST_STEPS} steps")
    if unattended and len(proposed) > 1:
        raise Misfit("one step: what can be tried, verified and learnt is one action on one unit")
    known = Known.of(units)
    return tuple(_step(number, one, known, procedures, unattended) for number, one in enumerate(proposed, 1))


def _step(number: int, one: object, known: Known, procedures: Sequence[str], unattended: bool) -> CommandStep:
    try:
        return _fits(one, known, procedures, unattended)
    except Misfit as misfit:
        raise Misfit(f"step {number}: {misfit}") from None


def _fits(one: object, known: Known, procedures: Sequence[str], unattended: bool) -> CommandStep:
    if not isinstance(one, Mapping):
        raise Misfit("must be an object with tool, target, args")
    tool, there = str(one.get("tool", "")), UNASKED if unattended else tuple(SPOKEN)
    if tool not in there:
        raise Misfit(f"{_short(tool)} is no tool: there are {', '.join(there)}")
    target = _target(tool, one.get("target"), known)
    if unattended and target == "all":
        raise Misfit(f"{tool} needs a target: one unit")
    args = _args(tool, one.get("args") or {}, known, unattended)
    if tool in PROCEDURES and args["procedure"] not in procedures:
        raise Misfit(f"there is no procedure {_short(args['procedure'])}")
    return replace(known.step(tool, target, args), why=BY_A_MODEL)


def _target(tool: str, target: object, known: Known) -> str | None:
    if target in (None, "", "all", "machine", "host"):
        if tool in _ALL and target == "all":
            return "all"
        if tool in _NEED_UNIT:
            raise Misfit(f"{tool} needs a target: one unit")
        return None
    if tool not in _MAY_NAME_UNIT:
        raise Misfit(f"{tool} takes no target")
    named = known.named(str(target))
    if len(named) > 1:
        raise Misfit(f"more than one unit is {_short(target)}: {', '.join(str(unit.id) for unit in named)}")
    if not named:
        near = nearest(str(target), sorted(known.short_names))
        hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(known.short_names) or 'none'}"
        raise Misfit(f"there is no unit {_short(target)}: {hint}")
    return str(target)


def _args(tool: str, said: object, known: Known, unattended: bool) -> dict[str, Scalar]:
    if not isinstance(said, Mapping):
        raise Misfit("args must be an object")
    allowed = ARGS.get(tool, ()) if unattended else args_of(tool)
    found: dict[str, Scalar] = {}
    for key, value in said.items():
        if value is None or (value is False and key == "safely"):
            continue
        if key not in allowed:
            raise Misfit(f"{tool} takes no {_short(key)}: it takes {', '.join(allowed) or 'nothing'}")
        try:
            found[str(key)] = _READERS[key](value)
        except Misfit as misfit:
            raise Misfit(f"{key} {misfit}") from None
    for key in _NEEDED.get(tool, ()):
        if key not in found:
            raise Misfit(f"{tool} needs {key}")
    if "if" in found:
        about = _IF.fullmatch(str(found["if"]))
        if about is None or len(known.named(about["unit"])) != 1:
            raise Misfit("if names no unit that there is")
    return found


def _short(value: Any) -> str:
    return repr(str(value)[:40])
