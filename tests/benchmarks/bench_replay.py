"""A million lines of four weeks, read as if live by a fresh process: how long its processor works, how much it keeps."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.conftest import Figure
from tests.support.pasts import BASE, DAY, wall

LINES = 1_000_000
SERVICES = 4
EVERY, BURST = 150_000, 400
"""After so many lines so many errors come at once."""
WEEKS = 28 * DAY
MEMORY: dict[str, int] = {}
"""Megabytes that each run took at most."""


def bench_replay_of_a_million_lines(benchmark: Any, figure: Figure, home: Path, tmp_path: Path) -> None:
    files = write(tmp_path)
    began = os.times()
    told = benchmark.pedantic(replay, args=(home, files), rounds=1, iterations=1)
    ended = os.times()
    assert told["read"]["lines"] == LINES
    again = replay(home, files, seed="7")
    told["read"]["took_s"] = again["read"]["took_s"] = 0
    assert told == again
    assert len(told["incidents"]) == SERVICES * (
        LINES // EVERY
    )  # the one at the very beginning is not known as unusual
    seconds = ended.children_user - began.children_user + ended.children_system - began.children_system
    note = f"{SERVICES} logs, {len(told['incidents'])} incidents found; processor time, twice the same"
    figure("replay of 1,000,000 lines", seconds, "s", bar=30.0, note=note)
    figure("replay of 1,000,000 lines, memory at most", max(MEMORY.values()), "MB", bar=150.0, note="the whole process")


def replay(home: Path, files: list[Path], *, seed: str = "0") -> dict[str, Any]:
    """Run the command as a person does; return what it told, and how much memory it took."""
    code = (
        "import resource, sys; from opsagent.cli.main import main; code = main(sys.argv[1:]);"
        "print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr); sys.exit(code)"
    )
    named = [part for path in files for part in ("--file", str(path))]
    done = subprocess.run(
        [sys.executable, "-c", code, "replay", "--json", "--since=2026-11-01", "--until=2026-12-01", *named],
        env={**os.environ, "OPSAGENT_HOME": str(home), "PYTHONHASHSEED": seed},
        capture_output=True,
        text=True,
        check=True,
    )
    told: dict[str, Any] = json.loads(done.stdout)
    MEMORY[seed] = round(int(done.stderr.split()[-1]) / 1024)
    return told


def write(folder: Path) -> list[Path]:
    """Write the logs: mostly requests, some warnings, errors now and then, and a burst of them every few days."""
    chance = random.Random(5)
    paths = [folder / f"service{number}.log" for number in range(SERVICES)]
    files = [path.open("w") for path in paths]
    for number in range(LINES):
        into = number % EVERY
        seconds = WEEKS * (number - into) / LINES + into * 0.02 if into < BURST else WEEKS * number / LINES
        at = BASE + seconds
        files[number % SERVICES].write(f"{wall(at)}.{chance.randrange(1000):03d}Z {line(chance, number)}\n")
    for file in files:
        file.close()
    for path in paths:
        os.utime(path, (BASE + WEEKS, BASE + WEEKS))
    return paths


def line(chance: random.Random, number: int) -> str:
    kind = chance.random() if number % EVERY >= BURST else 1.0
    if kind < 0.9:
        return f"INFO GET /items/{chance.randrange(99_999)} 200 in {chance.randrange(900)} ms"
    if kind < 0.98:
        return f"WARN slow query: {chance.randrange(9_999)} ms for user {chance.randrange(9_999)}"
    return f"ERROR connect ECONNREFUSED 10.0.0.{chance.randrange(255)}:5432 after {chance.randrange(9)} tries"
