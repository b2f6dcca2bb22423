"""How long memory takes to recall and to learn, with the model that ships, and what it weighs."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent_memory import Episode, Memory, finder
from tests.benchmarks.conftest import Figure, percentile

EPISODES = 1_000
SCOPE = "unit/circus/api"
NOUNS = (
    "lock config port memory disk socket broker schema journal index cache queue token upstream worker thread segment"
    " certificate table heap replica shard cursor migration"
).split()
SHAPES = (
    "crash of api: exit {code}; FATAL {one} {two} held by <num>",
    "crash of api: killed by signal {code}; {one} {two} lost",
    "hang of api: probe timed out after {code} s while {one} waits for {two}",
    "error burst of api: {one} {two} refused: code {code}",
)
WEIGH = """
import json, pathlib, sys, time
begun = time.perf_counter()
from opsagent_memory import Memory
folder = pathlib.Path(sys.argv[1])
with Memory.open(folder / "memory.db", folder / "index") as memory:
    opened = time.perf_counter()
    memory.recall("crash of api: nobody ever saw this", scope=sys.argv[2])
    recalled = time.perf_counter()
    status = dict(line.split(":", 1) for line in open("/proc/self/status"))
    print(json.dumps([opened - begun, recalled - opened, int(status["VmRSS"].split()[0]) / 1024]))
"""


def texts(seed: int) -> Iterator[str]:
    """Yield incident texts, no two the same."""
    chance, said = random.Random(seed), set[str]()
    while True:
        one, two = chance.sample(NOUNS, 2)
        text = chance.choice(SHAPES).format(code=chance.randrange(200), one=one, two=two)
        if text not in said:
            said.add(text)
            yield text


def episodes(seed: int, count: int) -> list[Episode]:
    chance, now, said = random.Random(seed), datetime.now(UTC), texts(seed)
    return [
        Episode(
            scope=SCOPE,
            text=next(said),
            created_at=now - timedelta(hours=chance.randrange(2_000)),
            fields={"remedy": f"crash/{chance.choice('abcdef')}", "outcome": chance.choice(("worked", "failed"))},
        )
        for _ in range(count)
    ]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("memory")


@pytest.fixture(scope="module")
def memory(folder: Path) -> Iterator[Memory]:
    with Memory.open(folder / "memory.db", folder / "index") as memory:
        memory.add_many(episodes(1, EPISODES))
        memory.warm()
        yield memory


def measured(benchmark: Any, ask: Any, rounds: int, arguments: Iterator[Any]) -> tuple[float, float]:
    """Run `ask` on a fresh argument each round; return p50 and p95 in milliseconds."""
    benchmark.pedantic(ask, setup=lambda: ((next(arguments),), {}), rounds=rounds, warmup_rounds=5)
    taken = [seconds * 1000 for seconds in benchmark.stats.stats.data]
    benchmark.extra_info.update(p50_ms=percentile(taken, 0.5), p95_ms=percentile(taken, 0.95))
    return percentile(taken, 0.5), percentile(taken, 0.95)


def bench_recall(benchmark: Any, figure: Figure, memory: Memory) -> None:
    p50, p95 = measured(benchmark, lambda text: memory.recall(text, scope=SCOPE), 300, texts(2))
    figure("recall at 1,000 episodes, embedding included, p50", p50, "ms")
    figure("recall at 1,000 episodes, embedding included, p95", p95, "ms", bar=15.0)


def bench_recall_by_chroma(benchmark: Any, figure: Figure, memory: Memory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scopes up to `EXACT_UP_TO` are searched exactly; this is what Chroma's graph takes in its place."""
    monkeypatch.setattr(finder, "EXACT_UP_TO", 0)
    p50, p95 = measured(benchmark, lambda text: memory.recall(text, scope=SCOPE), 300, texts(7))
    figure("recall at 1,000 episodes, searched by Chroma, p50", p50, "ms")
    figure("recall at 1,000 episodes, searched by Chroma, p95", p95, "ms")


def bench_remedies(benchmark: Any, figure: Figure, memory: Memory) -> None:
    p50, p95 = measured(benchmark, lambda text: memory.remedies(text, scope=SCOPE), 300, texts(3))
    figure("remedies at 1,000 episodes, embedding included, p50", p50, "ms")
    figure("remedies at 1,000 episodes, embedding included, p95", p95, "ms", bar=15.0)


def bench_learn(benchmark: Any, figure: Figure, memory: Memory) -> None:
    p50, p95 = measured(benchmark, memory.add, 100, iter(episodes(4, 200)))
    figure("an episode kept, embedded and indexed, p50", p50, "ms")
    figure("an episode kept, embedded and indexed, p95", p95, "ms")


def bench_import(benchmark: Any, figure: Figure, tmp_path: Path) -> None:
    batch = episodes(5, 5_000)
    with Memory.open(tmp_path / "memory.db", tmp_path / "index") as memory:
        begun = time.perf_counter()
        benchmark.pedantic(memory.add_many, args=(batch,), rounds=1)
        figure("records kept in one batch, not yet embedded", len(batch) / (time.perf_counter() - begun), "/s")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def bench_cold(benchmark: Any, figure: Figure, tmp_path: Path) -> None:
    """A fresh process: open, load the model and the index, recall once; and what it weighs then."""
    with Memory.open(tmp_path / "memory.db", tmp_path / "index") as memory:
        memory.add_many(episodes(6, EPISODES))
        memory.warm()
    command = [sys.executable, "-c", WEIGH, str(tmp_path), SCOPE]
    runs = [json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout) for _ in range(3)]
    benchmark.pedantic(subprocess.run, args=(command,), kwargs={"check": True, "capture_output": True}, rounds=1)
    opened, recalled, weight = (percentile([run[at] for run in runs], 0.5) for at in range(3))
    benchmark.extra_info["rss_mb"] = weight
    figure("memory of 1,000 episodes opened in a fresh process, imports included", opened * 1000, "ms")
    figure("its first recall: model, index and Chroma loaded", recalled * 1000, "ms")
    figure("a process with memory, Chroma and the embedding model loaded", weight, "MB", bar=380.0)
