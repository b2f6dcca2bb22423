"""The figures of the screens suite: one JSON document, or tables (docs/evals.md)."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from opsagent_evals.gui.model import CaseScore, Drift
from opsagent_evals.gui.playing import AGENT
from opsagent_tools.gui.model import SurfaceKind

if TYPE_CHECKING:
    from rich.table import Table

LEAST_STRUCTURAL = 0.95
LEAST_PIXELS = 0.85
SLOWEST_S = {SurfaceKind.ACCESSIBLE: 0.3, SurfaceKind.TERMINAL: 0.3, SurfaceKind.PIXEL: 1.5}
"""Median of a step, beyond the program's own time."""
STRUCTURAL = (SurfaceKind.ACCESSIBLE, SurfaceKind.TERMINAL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """All that was played, and what could not be."""

    cases: tuple[CaseScore, ...] = ()


def totals(results: Results, player: str = AGENT, *, held_out: bool | None = None) -> dict[str, Any]:
    """Return the figures of one player (DESIGN's names), over all programs or one half of them."""
    cases = [
        case for case in results.cases if case.player == player and (held_out is None or case.held_out is held_out)
    ]
    steps = [step for case in cases for step in case.steps]
    done = sum(step.done for step in steps)
    figures: dict[str, Any] = {
        "programs": len({case.program for case in cases}),
        "cases": len(cases),
        "steps": len(steps),
        "done": done,
        "halted": len(steps) - done - sum(bool(step.wrong) for step in steps),
        "wrong_actions": sum(case.wrong for case in cases),
        "done_rate_structural": _rate(case for case in cases if case.kind in STRUCTURAL),
        "done_rate_pixels": _rate(case for case in cases if case.kind is SurfaceKind.PIXEL),
        "cases_whole": sum(case.done == len(case.steps) and not case.result for case in cases),
        "disturbed": sum(bool(case.disturbed) for case in cases),
        "median_step_s": {kind.value: median for kind in SurfaceKind if (median := _median(cases, kind)) is not None},
        "lost": sum(bool(case.lost) for case in cases),
    }
    return figures


def document(results: Results) -> dict[str, Any]:
    """Return everything as one JSON value."""
    players = list(dict.fromkeys(case.player for case in results.cases))
    summed = {
        **totals(results),
        "development": totals(results, held_out=False),
        "held_out": totals(results, held_out=True),
    }
    return {
        "suite": "gui",
        "totals": summed,
        "cases": [_case(case) for case in results.cases],
        "runs": [summed],
        "beside": {player: totals(results, player) for player in players if player != AGENT},
        "by_drift": {drift.value: _by_drift(results, drift) for drift in Drift},
    }


def missed(results: Results) -> list[str]:
    """Return the bars that were missed, in words."""
    summed = totals(results)
    below = []
    if summed["wrong_actions"]:
        below.append(f"wrong_actions {summed['wrong_actions']}: there must be none")
    if summed["disturbed"]:
        below.append(f"disturbed {summed['disturbed']}: what is halted leaves the program as it was before the step")
    if summed["lost"]:
        below.append(f"lost {summed['lost']}: these runs could not be played")
    for name, least in (("done_rate_structural", LEAST_STRUCTURAL), ("done_rate_pixels", LEAST_PIXELS)):
        if summed[name] is not None and summed[name] < least:
            below.append(f"{name} {summed[name]} is below {least}")
    for kind, slowest in SLOWEST_S.items():
        median = summed["median_step_s"].get(kind.value)
        if median is not None and median > slowest:
            below.append(f"median_step_s on {kind} {median} is above {slowest}")
    return below


def tables(results: Results) -> list[Table]:
    """Return one line a program and surface, and one a drift with the baselines beside it."""
    return [_of_programs(results), _of_drifts(results)]


def line(case: CaseScore) -> str:
    """Return one run in one line."""
    if case.lost:
        return f"{case.player}: {case.name} … lost: {case.lost}"
    said = f"{case.done}/{len(case.steps)} {case.outcome}"
    if case.wrong:
        said += f", {case.wrong} wrong: " + (next((s.wrong for s in case.steps if s.wrong), "") or case.result)
    elif case.done < len(case.steps):
        stopped = next((step for step in case.steps if not step.done), None)
        said += f" at {stopped.number} ({stopped.on}): {stopped.why}" if stopped else ""
    return f"{case.player}: {case.name} … {said}" + (f"; {case.disturbed}" if case.disturbed else "")


def _of_programs(results: Results) -> Table:
    grid = _grid("program", "toolkit's surface", "steps", "done", "halted", "wrong", "step, s")
    mine = [case for case in results.cases if case.player == AGENT]
    for name, kind in dict.fromkeys((case.program, case.kind) for case in mine):
        cases = [case for case in mine if (case.program, case.kind) == (name, kind)]
        steps = [step for case in cases for step in case.steps]
        done, wrong = sum(step.done for step in steps), sum(case.wrong for case in cases)
        held = " (held out)" if cases[0].held_out else ""
        grid.add_row(
            name + held, kind.value, str(len(steps)), str(done), str(len(steps) - done - wrong), str(wrong),
            f"{_median(cases, kind) or 0:.2f}",
        )  # fmt: skip
    return grid


def _of_drifts(results: Results) -> Table:
    players = list(dict.fromkeys(case.player for case in results.cases if case.player != AGENT))
    grid = _grid("drift", "structural", "pixels", *(f"{player} (wrong)" for player in players))
    for drift in Drift:
        cases = [case for case in results.cases if case.drift is drift]
        if cases:
            mine = [case for case in cases if case.player == AGENT]
            row = [_share(case for case in mine if case.kind in STRUCTURAL)]
            row.append(_share(case for case in mine if case.kind is SurfaceKind.PIXEL))
            row += [_share((case for case in cases if case.player == player), wrong=True) for player in players]
            grid.add_row(drift.value, *row)
    return grid


def _by_drift(results: Results, drift: Drift) -> dict[str, Any]:
    players = dict.fromkeys(case.player for case in results.cases)
    return {
        player: {
            "steps": sum(len(case.steps) for case in cases),
            "done": sum(case.done for case in cases),
            "wrong_actions": sum(case.wrong for case in cases),
        }
        for player in players
        if (cases := [case for case in results.cases if case.player == player and case.drift is drift])
    }


def _case(case: CaseScore) -> dict[str, Any]:
    return {"name": case.name, **asdict(case), "done": case.done, "wrong": case.wrong}


def _share(cases: Iterable[CaseScore], *, wrong: bool = False) -> str:
    found = list(cases)
    if not found:
        return "-"
    steps, done = sum(len(case.steps) for case in found), sum(case.done for case in found)
    mistakes = sum(case.wrong for case in found)
    return f"{done}/{steps}" + (f" ({mistakes})" if wrong or mistakes else "")


def _rate(cases: Iterable[CaseScore]) -> float | None:
    found = list(cases)
    steps = sum(len(case.steps) for case in found)
    return round(sum(case.done for case in found) / steps, 4) if steps else None


def _median(cases: Sequence[CaseScore], kind: SurfaceKind) -> float | None:
    times = [step.seconds for case in cases if case.kind is kind for step in case.steps if step.done]
    return round(statistics.median(times), 3) if times else None


def _grid(first: str, *others: str) -> Table:
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    grid.add_column(first)
    for name in others:
        grid.add_column(name, justify="right", no_wrap=True)
    return grid
