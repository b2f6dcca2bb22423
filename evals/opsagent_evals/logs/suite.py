"""`opsagent eval logs`: what the command line calls, through the entry point group `opsagent.evals`."""

from __future__ import annotations

import subprocess
from pathlib import Path

from opsagent_evals import telling
from opsagent_evals.logs import loghub, memory, report
from opsagent_evals.logs.drain import Drain, NoDrain
from opsagent_evals.logs.measure import applications, row, speeds
from opsagent_evals.logs.throughput import lines_per_s
from opsagent_evals.telling import say


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
    """Mine Loghub-2k in `data` and compare with its labels, and with Drain3 where that is installed.

    Progress goes to stderr; the figures go to stdout. Returns the exit code: 0 when every bar is kept, 1 when not (or
    interrupted), 2 for bad input.
    """
    try:
        _check(cases=cases, model=model, only=only, repeat=repeat, keep=keep)
        folder = loghub.find(data)
        systems = tuple(loghub.read(folder, name) for name in loghub.SYSTEMS)
    except (OSError, ValueError) as error:
        say(f"opsagent: {error}")
        return 2
    try:
        result = _measured(folder, systems)
    except KeyboardInterrupt:
        say("interrupted")
        return 1
    if as_json:
        telling.document(report.document(result))
    else:
        again = f"opsagent eval logs --data {data or folder}"
        telling.tables([report.table(result)], report.totals(result), again)
    below = report.missed(result)
    for each in below:
        say(f"opsagent: {each}")
    return 1 if below else 0


def _check(*, cases: Path | None, model: str | None, only: str | None, repeat: int, keep: bool) -> None:
    given = {"--cases": cases, "--model": model, "--only": only, "--repeat": repeat != 1, "--keep": keep}
    names = [name for name, value in given.items() if value]
    if names:
        raise ValueError(
            f"the suite logs takes no {' and no '.join(names)}: leave {'it' if len(names) == 1 else 'them'} out"
        )


def _measured(folder: Path, systems: tuple[loghub.System, ...]) -> report.Result:
    missing = ""
    try:
        Drain(readme=True)
    except NoDrain as error:
        missing = str(error)
        say(f"nothing to compare with: {missing}")
    rows = []
    for number, system in enumerate(systems, 1):
        say(f"{number:2}/{len(systems)} {system.name}")
        rows.append(row(system, drain3=not missing))
    say("logs of applications")
    apps = applications()
    say("how quick mining is")
    mining = speeds(systems, drain3=not missing)
    say("how quick it is from the file to the signature")
    through = lines_per_s(systems)
    say(f"what {memory.LINES:,} lines take of memory")
    try:
        megabytes = memory.measured(folder)
    except subprocess.CalledProcessError as error:
        say(f"opsagent: memory was not measured: {error.stderr.strip().splitlines()[-1:]}")
        megabytes = float("inf")
    return report.Result(
        rows=tuple(rows), applications=apps, mining=mining, lines_per_s=through, memory_mb=megabytes, drain3=missing
    )
