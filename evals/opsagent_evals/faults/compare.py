"""The agent beside others on the same scenarios: lines of progress, and a table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from opsagent_evals.faults.keepers import AGENT
from opsagent_evals.faults.score import Outcome, Score
from opsagent_tools.text import escape_for_terminal

if TYPE_CHECKING:
    from rich.table import Table


def line(name: str, score: Score) -> str:
    """Return one line on a finished case of somebody else's, safe on a terminal."""
    did = ", ".join(dict.fromkeys(score.actions)) or "nothing"
    words = [f"{name}: {score.scenario}: {score.outcome}", f"did {did}"]
    words += [f"WRONG: {', '.join(dict.fromkeys(score.wrong))}"] if score.wrong else []
    words += [f"mended after {score.ttm_s:.2f} s"] if score.ttm_s is not None else []
    words += [f"error: {score.error}"] if score.error else []
    return escape_for_terminal("; ".join(words)).replace("\n", " ")


def row(name: str, scores: Sequence[Score]) -> tuple[str, ...]:
    """Return who it is, how many scenarios could be played, how often each outcome, the wrong actions, and the seconds."""
    played = [score for score in scores if score.run == 1 and (name == AGENT or not _unplayable(score))]
    mended = [score.ttm_s for score in played if score.ttm_s is not None]
    return (
        name,
        str(len(played)),
        *(str(sum(score.outcome is outcome for score in played)) for outcome in Outcome),
        str(sum(len(score.wrong) for score in played)),
        f"{statistics.median(mended):.1f}" if mended else "-",
    )


HEAD = ("kept by", "scenarios", *(outcome.value.replace("_", " ") for outcome in Outcome), "wrong actions", "median s")


def table(scores: Sequence[Score], compared: Mapping[str, Sequence[Score]]) -> Table:
    """Return the comparison as a table. A first run each: of the agent, the one with an empty memory."""
    from rich.box import SIMPLE_HEAD
    from rich.table import Table

    grid = Table(box=SIMPLE_HEAD, pad_edge=False)
    for number, name in enumerate(HEAD):
        grid.add_column(name, justify="left" if number == 0 else "right")
    for name, own in ((AGENT, scores), *compared.items()):
        grid.add_row(*row(name, own))
    return grid


def _unplayable(score: Score) -> bool:
    """Tell whether the scenario could not be played at all (it wants what this supervisor does not have)."""
    return bool(score.error) and not score.actions
