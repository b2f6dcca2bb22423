"""Whether what the reader planned is what is expected. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from opsagent.commands.reading import CommandStep, Reading
from opsagent.model import Scalar
from opsagent_evals.chat.cases import UNTARGETED, Call, Calls, Case
from opsagent_tools.registry import READING

_CLOCK = re.compile(r"\b(\d{2}):(\d{2})\b")

Verdict = str
"""`exact`: the steps (or the asking back) are one of the alternatives. `offered`: nothing is planned, and the first offer is
one of them. `asked`: nothing is planned, nothing fitting offered first. `wrong_reading`: something else is looked at.
`wrong_change`: something would be changed that is in no alternative."""


def judge(case: Case, reading: Reading) -> Verdict:
    """Return how a reading stands to what is expected."""
    if any(equal(reading.steps, calls, case.services) for calls in case.alternatives):
        return "exact"
    if reading.steps:
        return "wrong_change" if _changes_wrongly(reading.steps, case) else "wrong_reading"
    offers = reading.ask.offers if reading.ask is not None else ()
    if offers and any(calls and equal(offers[0], calls, case.services) for calls in case.alternatives):
        return "offered"
    return "exact" if case.abstain else "asked"


def _changes_wrongly(steps: Sequence[CommandStep], case: Case) -> bool:
    """Tell whether the changes among the steps are not those of any alternative, in their order."""
    changes = [step for step in steps if step.tool not in READING]
    if not changes:
        return False
    expected = [tuple(call for call in calls if call.tool not in READING) for calls in case.alternatives]
    return not any(calls and equal(changes, calls, case.services) for calls in expected)


def equal(steps: Sequence[CommandStep], calls: Calls, services: Sequence[str]) -> bool:
    """Tell whether steps are these calls, in this order; one call for all units equals one for each of them."""
    got, wanted = _gathered(_as_calls(steps), services), _gathered(calls, services)
    return len(got) == len(wanted) and all(_same(one, other) for one, other in zip(got, wanted, strict=True))


def _as_calls(steps: Sequence[CommandStep]) -> Calls:
    return tuple(
        Call(
            tool=step.tool,
            target=None if step.target in {None, "all"} else step.target,
            args={key: _text(value) for key, value in step.args.items()},
        )
        for step in steps
    )


def _gathered(calls: Calls, services: Sequence[str]) -> list[Call]:
    """Put a row of calls that name every service, each once, together as one call for all."""
    found: list[Call] = []
    at = 0
    while at < len(calls):
        row = calls[at : at + len(services)]
        alike = len({(call.tool, tuple(sorted(call.args.items()))) for call in row}) == 1
        if len(services) > 1 and alike and {call.target for call in row} == set(services):
            found.append(Call(tool=row[0].tool, args=row[0].args))
            at += len(row)
        else:
            found.append(calls[at])
            at += 1
    return found


def _same(got: Call, wanted: Call) -> bool:
    if got.tool != wanted.tool:
        return False
    if wanted.target is None:
        # Tools that are about no unit have no target to compare.
        if got.target is not None and got.tool not in UNTARGETED:
            return False
    elif not fits(got.target, wanted.target):
        return False
    return all(_arg_fits(key, got.args.get(key), value) for key, value in wanted.args.items())


def _arg_fits(key: str, got: str | None, wanted: str) -> bool:
    """Tell whether an argument fits; a time of day may be expected by either clock (`~11` fits 23:00)."""
    if fits(got, wanted):
        return True
    clock = _CLOCK.search(got or "") if key == "at" else None
    if clock is None or int(clock[1]) in range(1, 13):
        return False
    hour = (int(clock[1]) - 1) % 12 + 1
    half = "am" if int(clock[1]) < 12 else "pm"
    said = f"{hour}{half} {hour} {half} {hour}:{clock[2]}{half} {hour}:{clock[2]} {half}"
    return wanted.startswith("~") and fits(f"{(got or '')[: clock.start()]}{said}{(got or '')[clock.end() :]}", wanted)


def fits(got: str | None, wanted: str) -> bool:
    """Tell whether a value fits a pattern: `*` anything or none, `~word` contains it, else the same text."""
    if wanted == "*":
        return True
    if got is None:
        return wanted.lower() in {"false", "no"}
    have = " ".join(got.lower().split())
    if wanted.startswith("~"):
        return " ".join(wanted[1:].lower().split()) in have
    return have == " ".join(wanted.lower().split())


def _text(value: Scalar) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def expected(case: Case) -> str:
    """Return what is expected, as it is written."""
    return " || ".join("; ".join(_written(call) for call in calls) or "ask()" for calls in case.alternatives)


def planned(reading: Reading) -> str:
    """Return what was planned or offered, as it is written."""
    if reading.steps:
        return "; ".join(_written(call) for call in _as_calls(reading.steps))
    offers = reading.ask.offers if reading.ask is not None else ()
    first = "; ".join(_written(call) for call in _as_calls(offers[0])) if offers else ""
    return f"ask({first})"


def _written(call: Call) -> str:
    args: Mapping[str, str] = call.args
    parts = ([call.target] if call.target else []) + [f"{key}={value}" for key, value in args.items()]
    return f"{call.tool}({', '.join(parts)})"
