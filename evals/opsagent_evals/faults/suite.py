"""`opsagent eval faults`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

from pathlib import Path

from opsagent_evals import telling
from opsagent_evals.faults import report
from opsagent_evals.faults.run import play_all, workshop
from opsagent_evals.faults.scenario import Scenario, ScenarioError, find
from opsagent_evals.telling import say

SHIPPED = Path(__file__).parent / "scenarios"


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
    """Put the agent to the scenarios in `cases` (default: those that ship with opsagent).

    Progress goes to stderr, one line a case; the figures go to stdout. Returns the exit code: 0 when every outcome is
    right and nothing wrong was done, 1 when not (or interrupted), 2 for bad input.
    """
    try:
        _check(data, repeat, model)
        scenarios = _chosen(cases or SHIPPED, only)
    except (ScenarioError, ValueError) as error:
        say(f"opsagent: {error}")
        return 2
    with workshop(keep=keep) as root:
        if keep:
            say(f"homes and logs stay in {root}")
        try:
            scores = play_all(
                scenarios,
                root,
                repeat=repeat,
                starting=lambda scenario, number: say(f"{_numbered(scenario, number, repeat)} … {scenario.title}"),
                finished=lambda score: say(report.line(score)),
            )
        except KeyboardInterrupt:
            say("interrupted; the case was cleared up")
            return 1
    if as_json:
        telling.document(report.document(scores))
    else:
        telling.tables([report.table(scores)], report.totals(scores), _reproduce(cases, repeat, only))
    return 0 if report.passed(scores) else 1


def _check(data: Path | None, repeat: int, model: str | None) -> None:
    if data is not None or model is not None:
        raise ValueError("the suite faults takes no --data and no --model: leave them out")
    if repeat < 1:
        raise ValueError(f"--repeat {repeat}: give a number from 1 up")


def _chosen(folder: Path, only: str | None) -> tuple[Scenario, ...]:
    scenarios = find(folder)
    if only is None:
        return scenarios
    chosen = tuple(scenario for scenario in scenarios if only in (scenario.name, scenario.name.partition("_")[0]))
    if not chosen:
        raise ValueError(f"no scenario {only} in {folder}: there are {', '.join(one.name for one in scenarios)}")
    return chosen


def _numbered(scenario: Scenario, number: int, repeat: int) -> str:
    return f"     {scenario.name}" + (f" (run {number} of {repeat})" if repeat > 1 else "")


def _reproduce(cases: Path | None, repeat: int, only: str | None) -> str:
    words = ["opsagent eval faults"]
    words += [f"--cases {cases}"] if cases is not None else []
    words += [f"--only {only}"] if only is not None else []
    words += [f"--repeat {repeat}"] if repeat > 1 else []
    return " ".join(words)
