"""The figures of a run of the fault scenarios: one JSON document, or a table (docs/evals.md)."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent_evals.faults.score import Outcome, Score
from opsagent_tools.text import escape_for_terminal

if TYPE_CHECKING:
    from rich.table import Table


def totals(scores: Sequence[Score]) -> dict[str, Any]:
    """Return the counts and times over these cases. Healthy cases and cases without an incident have no times."""
    sick = [score for score in scores if not score.healthy]
    found = sorted(score.ttd_s for score in sick if score.ttd_s is not None)
    mended = [score.ttm_s for score in sick if score.ttm_s is not None]
    return {
        "scenarios": len(scores),
        **{outcome.value: sum(score.outcome is outcome for score in scores) for outcome in Outcome},
        "right_unit": sum(score.right_unit for score in scores),
        "right_outcome": sum(score.right_outcome for score in scores),
        "wrong_actions": sum(len(score.wrong) for score in scores),
        "healthy": sum(score.healthy for score in scores),
        "from_memory": sum(score.from_memory for score in scores),
        "ttd_p95_s": found[math.ceil(0.95 * len(found)) - 1] if found else None,
        "ttm_median_s": round(statistics.median(mended), 3) if mended else None,
        "attempts_mean": _mean(score.attempts for score in sick),
        "probes_mean": _mean(score.probes for score in sick),
    }


def _mean(values: Iterable[int]) -> float | None:
    counted = list(values)
    return round(statistics.mean(counted), 3) if counted else None


def document(scores: Sequence[Score], compared: Mapping[str, Sequence[Score]] | None = None) -> dict[str, Any]:
    """Return everything as one JSON value. `totals` is over all runs, `runs` has the totals of each, `beside` what the
    others came to that were put to the same scenarios.
    """
    numbers = sorted({score.run for score in scores})
    beside = {
        name: {"totals": totals(own), "cases": [case(score) for score in own]} for name, own in (compared or {}).items()
    }
    return {
        "suite": "faults",
        "totals": totals(scores),
        "cases": [case(score) for score in scores],
        "runs": [{"run": n, **totals([score for score in scores if score.run == n])} for n in numbers],
        **({"beside": beside} if beside else {}),
    }


def case(score: Score) -> dict[str, Any]:
    """Return one case as a JSON value."""
    return {
        "scenario": score.scenario,
        "title": score.title,
        "run": score.run,
        "healthy": score.healthy,
        "outcome": score.outcome.value,
        "right_outcome": score.right_outcome,
        "right_unit": score.right_unit,
        "wrong_actions": len(score.wrong),
        "wrong": list(score.wrong),
        "cause": score.cause,
        "actions": list(score.actions),
        "remedy_source": score.remedy_source,
        "from_memory": score.from_memory,
        "attempts": score.attempts,
        "probes": score.probes,
        "ttd_s": score.ttd_s,
        "ttm_s": score.ttm_s,
        "error": score.error,
        "strays": list(score.strays),
    }


def passed(scores: Sequence[Score]) -> bool:
    """Tell whether every outcome is right, and nothing wrong was done."""
    return bool(scores) and all(score.right for score in scores)


def line(score: Score) -> str:
    """Return one line on a finished case, safe on a terminal."""
    words = [
        "ok  " if score.right else "BAD ",
        f"{score.scenario}: {score.outcome}",
        f"cause {score.cause}" if score.cause else "no incident",
        f"did {', '.join(score.actions)} ({score.remedy_source})" if score.actions else "did nothing",
    ]
    if score.wrong:
        words.append(f"WRONG: {', '.join(score.wrong)}")
    if score.ttd_s is not None:
        words.append(f"found after {score.ttd_s:.2f} s")
    if score.ttm_s is not None:
        words.append(f"mended after {score.ttm_s:.2f} s")
    if score.error:
        words.append(f"error: {score.error}")
    words.extend(f"left running: {stray}" for stray in score.strays)
    return escape_for_terminal(words[0] + "; ".join(words[1:])).replace("\n", " ")


def table(scores: Sequence[Score]) -> Table:
    """Return the cases as a table."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table
    from rich.text import Text

    repeated = any(score.run > 1 for score in scores)
    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for name in ("scenario", "outcome", "", "cause", "did", "from"):
        grid.add_column(name, overflow="fold")
    for name in ("tries", "probes", "found", "mended"):
        grid.add_column(name, justify="right", no_wrap=True)
    for score in scores:
        cells = [
            f"{score.scenario} #{score.run}" if repeated else score.scenario,
            score.outcome.value,
            "right" if score.right else "WRONG",
            score.cause or "-",
            ", ".join(score.actions) or "-",
            score.remedy_source or "-",
            str(score.attempts),
            str(score.probes),
            _time(score.ttd_s),
            _time(score.ttm_s),
        ]
        style = "" if score.right else "bold red"
        grid.add_row(*(Text(escape_for_terminal(cell)) for cell in cells), style=style)
    return grid


def _time(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.2f} s"
