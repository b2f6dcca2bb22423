"""`opsagent eval chat`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from opsagent.commands import reader
from opsagent.commands.reading import Context, Reading
from opsagent_evals import telling
from opsagent_evals.chat import report
from opsagent_evals.chat.cases import Case, read_cases
from opsagent_evals.chat.report import Read
from opsagent_evals.telling import say
from opsagent_tools.units import Unit, UnitId, UnitState

SHIPPED = Path(__file__).parent / "cases"
_NOW = datetime(2026, 1, 7, 12, 0, tzinfo=UTC)
"""A Wednesday noon: what a time of day is read against."""

Planner = Callable[[str, Sequence[Unit], Context], Reading]


def run(
    *,
    cases: Path | None = None,
    data: Path | None = None,
    repeat: int = 1,
    model: str | None = None,
    only: str | None = None,
    keep: bool = False,
    as_json: bool = False,
) -> int:
    """Put the reader (with `model`: a chat model behind it) to commands, and count.

    Nothing is carried out: what is judged is the plan. `only` names one case (`FILE:LINE` or its line number).
    Returns the exit code: 0 when all bars are met, 1 when not, 2 for bad input.
    """
    if data is not None or repeat != 1 or keep:
        say("opsagent: the suite chat takes no --data, --repeat or --keep: leave them out")
        return 2
    try:
        asked = _wanted(read_cases(cases or SHIPPED), only)
        planner = _planner(model)
    except (OSError, ValueError) as error:
        say(f"opsagent: {error}")
        return 2
    try:
        rows = read_all(asked, planner, tell=model is not None)
    except KeyboardInterrupt:
        say("interrupted")
        return 1
    if as_json:
        telling.document(report.document(rows))
    else:
        telling.tables(report.tables(rows), report.totals(rows), _again(cases, model, only))
    below = report.missed(rows, timed=model is None)
    for line in below:
        say(f"below the bar: {line}")
    return 1 if below else 0


def read_all(cases: Sequence[Case], planner: Planner, *, tell: bool = False) -> list[Read]:
    """Read each case once, timed; the first one is read twice, so that loading is not part of the figures."""
    planner(cases[0].text, units(cases[0].services), _context(cases[0]))
    rows = []
    for at, case in enumerate(cases, 1):
        there, context = units(case.services), _context(case)
        began = time.perf_counter()
        reading = planner(case.text, there, context)
        rows.append(Read(case=case, reading=reading, ms=(time.perf_counter() - began) * 1000))
        if tell:
            say(f"{at} of {len(cases)}: {rows[-1].verdict}: {case.text}")
    return rows


@lru_cache(maxsize=64)
def units(services: tuple[str, ...]) -> tuple[Unit, ...]:
    """Return running units of these names; how many instances each has is not known (0)."""
    return tuple(
        Unit(id=UnitId("circus", name, "localhost"), state=UnitState.RUNNING, instances=0) for name in services
    )


def _context(case: Case) -> Context:
    return Context(procedures=case.procedures, now=_NOW)


def _planner(model: str | None) -> Planner:
    if model is None:
        return reader.read
    from opsagent_evals.chat.by_model import planner

    return planner(model)


def _wanted(cases: Sequence[Case], only: str | None) -> list[Case]:
    found = [case for case in cases if only is None or only in {case.number, str(case.line)}]
    if not found:
        raise ValueError(f"there is no case {only}: a case is FILE:LINE, or the number of its line")
    return found


def _again(cases: Path | None, model: str | None, only: str | None) -> str:
    given = {"--cases": cases, "--model": model, "--only": only}
    words = [f"{name} {shlex.quote(str(value))}" for name, value in given.items() if value is not None]
    return " ".join(["opsagent eval chat", *words])
