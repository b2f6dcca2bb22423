"""Plays scenarios, each in a process of its own, and scores what was seen."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from opsagent_evals.faults import isolation, observation
from opsagent_evals.faults.keepers import AGENT
from opsagent_evals.faults.place import Place
from opsagent_evals.faults.scenario import Scenario
from opsagent_evals.faults.score import Run, Score, score

_SLACK_S = 150.0
"""What a case may take beyond its baseline and its time: starting, clearing, ending."""
_CLEARING_S = 60.0
_LOOK_S = 0.5


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
    jobs: int = 1,
    kept_by: str = AGENT,
    starting: Callable[[Scenario, int], None] = lambda *_: None,
    finished: Callable[[Score], None] = lambda _: None,
) -> tuple[Score, ...]:
    """Play every scenario `repeat` times; a scenario's memory (its home) is kept over its repeats.

    `jobs`: so many side by side, each in a room of its own. `kept_by`: who keeps the services. On KeyboardInterrupt the
    cases that are being played are cleared up first.
    """
    prefix = isolation.prefix()
    if jobs > 1 and not prefix:
        raise ValueError("cases side by side need rooms of their own (unshare): leave --jobs out")
    stop = threading.Event()

    def one(scenario: Scenario, number: int) -> Score:
        starting(scenario, number)
        place = Place(root / kept_by / scenario.name if kept_by != AGENT else root / scenario.name)
        place.prepare(scenario.folder, keep_home=kept_by == AGENT)
        run = play(scenario, place, prefix, kept_by=kept_by, stop=stop)
        scored = score(scenario, run, number=number, of_another=kept_by != AGENT)
        finished(scored)
        return scored

    scores: list[Score] = []
    with ThreadPoolExecutor(jobs) as pool:
        for number in range(1, repeat + 1):
            playing = [pool.submit(one, scenario, number) for scenario in scenarios]
            try:
                scores += [future.result() for future in playing]
            except BaseException:
                stop.set()
                pool.shutdown(cancel_futures=True)
                raise
    return tuple(scores)


def play(
    scenario: Scenario,
    place: Place,
    prefix: Sequence[str] = (),
    *,
    kept_by: str = AGENT,
    stop: threading.Event | None = None,
) -> Run:
    """Play one prepared scenario once and return what was seen; `stop`: clear up early."""
    limit_s = scenario.baseline_s + scenario.timeout_s + _SLACK_S
    stop = stop or threading.Event()
    log = place.root / "case.log"
    with log.open("ab") as output:
        case = subprocess.Popen(
            [*prefix, sys.executable, "-P", "-m", "opsagent_evals.faults.case", str(place.root), kept_by],
            env=place.env(os.environ), cwd="/", stdin=subprocess.PIPE, stdout=output, stderr=output,
            start_new_session=True,  # Ctrl-C is ours to pass on: it must not hit services and daemon as well
        )  # fmt: skip
    problem, deadline = "the case ended without a word", time.monotonic() + limit_s
    try:
        while case.poll() is None and not stop.is_set():
            if time.monotonic() > deadline:
                problem = f"the case took more than {limit_s:.0f} s"
                break
            with contextlib.suppress(subprocess.TimeoutExpired):
                case.wait(_LOOK_S)
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
