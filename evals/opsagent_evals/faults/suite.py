"""`opsagent eval faults`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

from pathlib import Path

from opsagent_evals import telling
from opsagent_evals.faults import compare, report
from opsagent_evals.faults.keepers import AGENT, BESIDE
from opsagent_evals.faults.run import play_all, workshop
from opsagent_evals.faults.scenario import Scenario, ScenarioError, find
from opsagent_evals.faults.score import Score
from opsagent_evals.telling import say

SHIPPED = Path(__file__).parent / "scenarios"
_MOST_JOBS = 16


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
    """Put the agent to the scenarios in `cases` (default: those that ship with opsagent).

    `beside`: who else is put to them in the same run, with commas between (`keepers.BESIDE`). `jobs`: cases side by side.
    Progress goes to stderr, one line a case; the figures go to stdout. Returns the exit code: 0 when every outcome is
    right and nothing wrong was done, 1 when not (or interrupted), 2 for bad input.
    """
    try:
        _check(data, repeat, model, jobs)
        others = _others(beside)
        scenarios = _chosen(cases or SHIPPED, only)
    except (ScenarioError, ValueError) as error:
        say(f"opsagent: {error}")
        return 2
    with workshop(keep=keep) as root:
        if keep:
            say(f"homes and logs stay in {root}")
        try:
            scores = _played(scenarios, root, AGENT, repeat=repeat, jobs=jobs)
            compared = {name: _played(scenarios, root, name, repeat=1, jobs=jobs) for name in others}
        except KeyboardInterrupt:
            say("interrupted; what was being played was cleared up")
            return 1
        except ValueError as error:
            say(f"opsagent: {error}")
            return 2
    if as_json:
        telling.document(report.document(scores, compared))
    else:
        tables = [report.table(scores), *([compare.table(scores, compared)] if compared else [])]
        telling.tables(tables, report.totals(scores), _reproduce(cases, repeat, only, beside, jobs))
    return 0 if report.passed(scores) else 1


def _played(scenarios: tuple[Scenario, ...], root: Path, kept_by: str, *, repeat: int, jobs: int) -> tuple[Score, ...]:
    by = "" if kept_by == AGENT else f"{kept_by}: "
    return play_all(
        scenarios,
        root,
        repeat=repeat,
        jobs=jobs,
        kept_by=kept_by,
        starting=lambda scenario, number: say(f"{by}{_numbered(scenario, number, repeat)} … {scenario.title}"),
        finished=lambda score: say(f"{by}{report.line(score)}" if kept_by == AGENT else compare.line(kept_by, score)),
    )


def _others(beside: str | None) -> tuple[str, ...]:
    names = [name.strip() for name in beside.split(",")] if beside else []
    for name in names:
        if name not in BESIDE:
            raise ValueError(f"--beside {name}: give some of {', '.join(BESIDE)}, with commas between")
    return tuple(dict.fromkeys(names))


def _check(data: Path | None, repeat: int, model: str | None, jobs: int) -> None:
    if data is not None or model is not None:
        raise ValueError("the suite faults takes no --data and no --model: leave them out")
    if repeat < 1:
        raise ValueError(f"--repeat {repeat}: give a number from 1 up")
    if not 1 <= jobs <= _MOST_JOBS:
        raise ValueError(f"--jobs {jobs}: give a number from 1 to {_MOST_JOBS}")


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


def _reproduce(cases: Path | None, repeat: int, only: str | None, beside: str | None, jobs: int) -> str:
    words = ["opsagent eval faults"]
    words += [f"--cases {cases}"] if cases is not None else []
    words += [f"--only {only}"] if only is not None else []
    words += [f"--repeat {repeat}"] if repeat > 1 else []
    words += [f"--beside {beside}"] if beside else []
    words += [f"--jobs {jobs}"] if jobs > 1 else []
    return " ".join(words)
