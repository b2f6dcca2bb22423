"""Plays scenarios one after another, each in a process of its own, and scores what was seen."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from opsagent_evals.faults import isolation, observation
from opsagent_evals.faults.place import Place
from opsagent_evals.faults.scenario import Scenario
from opsagent_evals.faults.score import Run, Score, score

_SLACK_S = 150.0
"""What a case may take beyond its baseline and its time: starting, clearing, ending."""
_CLEARING_S = 60.0


@contextmanager
def workshop(*, keep: bool) -> Iterator[Path]:
    """Yield a private folder for the homes of all scenarios. Its path is short: unix sockets live below it."""
    root = Path(tempfile.mkdtemp(prefix="oa-", dir="/tmp"))
    try:
        yield root
    finally:
        if not keep:
            shutil.rmtree(root, ignore_errors=True)


def play_all(
    scenarios: Sequence[Scenario],
    root: Path,
    *,
    repeat: int = 1,
    starting: Callable[[Scenario, int], None] = lambda *_: None,
    finished: Callable[[Score], None] = lambda _: None,
) -> tuple[Score, ...]:
    """Play every scenario `repeat` times; a scenario's memory (its home) is kept over its repeats.

    On KeyboardInterrupt the case that is being played is cleared up first.
    """
    prefix = isolation.prefix()
    scores = []
    for number in range(1, repeat + 1):
        for scenario in scenarios:
            starting(scenario, number)
            place = Place(root / scenario.name)
            place.prepare(scenario.folder)
            scored = score(scenario, play(scenario, place, prefix), number=number)
            finished(scored)
            scores.append(scored)
    return tuple(scores)


def play(scenario: Scenario, place: Place, prefix: Sequence[str] = ()) -> Run:
    """Play one prepared scenario once and return what was seen."""
    limit_s = scenario.baseline_s + scenario.timeout_s + _SLACK_S
    log = place.root / "case.log"
    with log.open("ab") as output:
        case = subprocess.Popen(
            [*prefix, sys.executable, "-P", "-m", "opsagent_evals.faults.case", str(place.root)],
            env=place.env(os.environ), cwd="/", stdin=subprocess.PIPE, stdout=output, stderr=output,
            start_new_session=True,  # Ctrl-C is ours to pass on: it must not hit services and daemon as well
        )  # fmt: skip
    problem = "the case ended without a word"
    try:
        case.wait(limit_s)
    except subprocess.TimeoutExpired:
        problem = f"the case took more than {limit_s:.0f} s"
    finally:
        _end(case)
    try:
        return observation.read(place.seen)
    except (OSError, ValueError):
        now = datetime.now(UTC)
        return Run(injected_at=now, ended_at=now, error=f"{problem}: {_last_line(log)}")


def _end(case: subprocess.Popen[bytes]) -> None:
    """Let the case clear up; only one that does not is killed."""
    assert case.stdin is not None
    with contextlib.suppress(OSError):
        case.stdin.close()
    try:
        case.wait(_CLEARING_S)
    except subprocess.TimeoutExpired:
        case.kill()
        case.wait()


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "no output")
