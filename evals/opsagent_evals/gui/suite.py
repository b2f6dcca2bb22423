"""`opsagent eval gui`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from opsagent_evals import telling
from opsagent_evals.gui import report
from opsagent_evals.gui.baselines import BASELINES
from opsagent_evals.gui.missing import missing
from opsagent_evals.gui.programs import PROGRAMS
from opsagent_evals.gui.report import Results
from opsagent_evals.gui.running import Case, run_all
from opsagent_evals.telling import say

_MOST_JOBS = 8
HALVES = {"development": False, "held-out": True}


def run(
    *,
    cases: Path | None = None,
    data: Path | None = None,
    repeat: int = 1,
    model: str | None = None,
    only: str | None = None,
    keep: bool = False,
    as_json: bool = False,
    beside: str | None = None,
    jobs: int = 1,
) -> int:
    """Put the agent's screens to stock programs under drift.

    `only`: a part of it, or several with commas between: a program, `program/surface`, `program/surface/drift`, or a half
    (`development`, `held-out`). `beside`: baselines in the same run (`coordinates,window,template`, or `all`). `jobs`: runs
    side by side. Returns the exit code: 0 when all bars are met, 1 when not (or interrupted), 2 for bad input or where a
    program is not installed.
    """
    try:
        _check(cases is None and data is None and model is None and not keep and repeat == 1, jobs)
        others = _others(beside)
        selected = chosen(only)
    except ValueError as error:
        say(f"opsagent: {error}")
        return 2
    if lacking := missing([case.program for case in selected]):
        say(f"opsagent: {lacking}")
        return 2
    try:
        results = asyncio.run(_played(selected, others, jobs))
    except KeyboardInterrupt:
        say("interrupted; what was being played was ended")
        return 1
    if as_json:
        telling.document(report.document(results))
    else:
        telling.tables(report.tables(results), report.totals(results), _reproduce(only, beside, jobs))
    below = report.missed(results)
    for line in below:
        say(f"below the bar: {line}")
    return 1 if below else 0


async def _played(selected: Sequence[Case], others: Sequence[str], jobs: int) -> Results:
    return await run_all(selected, others, jobs=jobs, finished=lambda score: say(report.line(score)))


def _check(plain: bool, jobs: int) -> None:
    if not plain:
        raise ValueError("the suite gui takes no --cases, --data, --repeat, --model and no --keep: leave them out")
    if not 1 <= jobs <= _MOST_JOBS:
        raise ValueError(f"--jobs {jobs}: give a number from 1 to {_MOST_JOBS}")


def _others(beside: str | None) -> tuple[str, ...]:
    if beside == "all":
        return BASELINES
    names = [name.strip() for name in beside.split(",")] if beside else []
    for name in names:
        if name not in BASELINES:
            raise ValueError(f"--beside {name}: give some of {', '.join(BASELINES)}, with commas between, or all")
    return tuple(dict.fromkeys(names))


def chosen(only: str | None) -> list[Case]:
    """Return the cases of a part; None: all. Raises ValueError."""
    known = [Case(program, kind, drift) for program in PROGRAMS for kind in program.kinds for drift in program.drifts]
    if only is None:
        return known
    selected: list[Case] = []
    for part in (one.strip() for one in only.split(",")):
        found = [case for case in known if _is(case, part)]
        if not found:
            there = ", ".join(program.name for program in PROGRAMS)
            raise ValueError(
                f"no case {part}: give a program ({there}), program/surface, program/surface/drift, or a half"
            )
        selected += [case for case in found if case not in selected]
    return selected


def _is(case: Case, part: str) -> bool:
    if part in HALVES:
        return case.program.held_out is HALVES[part]
    wanted = part.split("/")
    return [case.program.name, case.kind.value, case.drift.value][: len(wanted)] == wanted


def _reproduce(only: str | None, beside: str | None, jobs: int) -> str:
    words = ["opsagent eval gui"]
    words += [f"--only '{only}'"] if only is not None else []
    words += [f"--beside {beside}"] if beside else []
    words += [f"--jobs {jobs}"] if jobs > 1 else []
    return " ".join(words)
