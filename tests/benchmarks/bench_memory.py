"""Memory as it grows from a thousand episodes to a hundred thousand: recall, learning, import, what it weighs.

Beside plain Chroma and sqlite-vec, in one run, with the same texts, vectors and questions. Every recall has the time of
embedding the question in it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from opsagent_memory import Memory
from opsagent_memory.bilingual import BilingualEmbedder
from tests.benchmarks.conftest import Figure, percentile
from tests.benchmarks.memory_material import BESIDE, SCOPE, PreparedEmbedder, episodes, questions
from tests.benchmarks.memory_yardsticks import NoSqliteVec, PlainChroma, SqliteVec

SIZES = tuple(int(size) for size in os.environ.get("BENCH_MEMORY_SIZES", "1000,10000,100000").split(","))
RECALL_BARS_MS = {10_000: 15.0, 100_000: 30.0}
KOREAN_BAR_MS = 35.0
LEARN_BAR_MS = 30.0
IMPORT_BAR_MS = 1_000 / 1_500
COLD_BAR_MS = 1_500.0
ROUNDS = 160
WEIGHED = SIZES[-2:]
_AT_ONCE = 5_000
WEIGH = """
import json, pathlib, sys, time
begun = time.perf_counter()
folder, kind, scope = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
if kind == "memory":
    from opsagent_memory import Memory
    memory = Memory.open(folder / "memory.db", folder / "index")
    opened = time.perf_counter()
    ask = lambda text: memory.recall(text, scope=scope)
else:
    from opsagent_memory.bilingual import BilingualEmbedder
    from tests.benchmarks import memory_yardsticks
    embedder = BilingualEmbedder()
    if kind == "chroma":
        store = memory_yardsticks.PlainChroma(folder / "chroma")
    else:
        store = memory_yardsticks.SqliteVec(folder / "vec.db")
    opened = time.perf_counter()
    ask = lambda text: store.nearest(embedder.embed([text])[0], scope)
ask("crash of api: nobody ever saw this")
asked = time.perf_counter()
if kind == "memory":
    memory.warm()
for number in range(20):
    ask(f"api does not answer on web{number}")
status = dict(line.split(":", 1) for line in open("/proc/self/status"))
(memory if kind == "memory" else store).close()
print(json.dumps([opened - begun, asked - opened, int(status["VmRSS"].split()[0]) / 1024]))
"""


class Growth:
    """A memory and its yardsticks that grow together."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.embedder = PreparedEmbedder(BilingualEmbedder())
        self.size = 0
        self.import_s: dict[int, tuple[int, float]] = {}
        """By size: how many records brought it there, and in how long."""
        self._memory: Memory | None = None
        self.chroma = PlainChroma(folder / "chroma")
        try:
            self.vec: SqliteVec | NoSqliteVec = SqliteVec(folder / "vec.db")
        except NoSqliteVec as error:
            self.vec = error

    @property
    def memory(self) -> Memory:
        if self._memory is None:
            where = self.folder / "memory.db", self.folder / "index"
            self._memory = Memory.open(*where, embedder=self.embedder)
            self._memory.warm()
        return self._memory

    def grow(self, size: int) -> None:
        """Let all of them hold `size` episodes, and a hundredth of it in a second scope."""
        if size <= self.size:
            return
        batch = episodes(self.size, size - self.size)
        batch += episodes(self.size // 100, size // 100 - self.size // 100, BESIDE)
        memory = self.memory
        begun = time.perf_counter()
        for start in range(0, len(batch), _AT_ONCE):
            memory.add_many(batch[start : start + _AT_ONCE])
        self.import_s[size] = len(batch), time.perf_counter() - begun
        settling = threading.Thread(target=memory.warm)
        settling.start()
        keys, scopes = [record.id for record in batch], [record.scope for record in batch]
        vectors = self.embedder.embed([record.text for record in batch])
        self.chroma.put(keys, scopes, vectors)
        if isinstance(self.vec, SqliteVec):
            self.vec.put(keys, scopes, vectors)
        settling.join()
        self.size = size

    def ask(self, language: str, seed: int, rounds: int = ROUNDS) -> Iterator[str]:
        """Return questions that were never asked, known to the embedder as such."""
        found = questions(language, seed)
        taken = [next(found) for _ in range(rounds + 10)]
        self.embedder.asked(taken)
        return iter(taken)

    def beside(self, kind: str) -> PlainChroma | SqliteVec:
        """Return a yardstick; skips where it cannot be had."""
        if kind != "sqlite-vec":
            return self.chroma
        if isinstance(self.vec, NoSqliteVec):
            pytest.skip(str(self.vec))
        return self.vec

    def let_go(self) -> None:
        """Close the memory, so that another process may open it."""
        if self._memory is not None:
            self._memory.close()
            self._memory = None

    def close(self) -> None:
        self.let_go()
        self.chroma.close()
        if isinstance(self.vec, SqliteVec):
            self.vec.close()


@pytest.fixture(scope="module")
def growth(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Growth]:
    growth = Growth(tmp_path_factory.mktemp("memory"))
    yield growth
    growth.close()


@pytest.fixture(scope="module", params=SIZES, ids=lambda size: f"{size}")
def size(growth: Growth, request: pytest.FixtureRequest) -> int:
    size: int = request.param
    growth.grow(size)
    return size


def measured(
    benchmark: Any, ask: Callable[[Any], Any], arguments: Iterator[Any], rounds: int = ROUNDS
) -> tuple[float, float]:
    """Run `ask` on a fresh argument each round; return p50 and p95 in milliseconds."""
    benchmark.pedantic(ask, setup=lambda: ((next(arguments),), {}), rounds=rounds, warmup_rounds=5)
    taken = [seconds * 1000 for seconds in benchmark.stats.stats.data]
    benchmark.extra_info.update(p50_ms=percentile(taken, 0.5), p95_ms=percentile(taken, 0.95))
    return percentile(taken, 0.5), percentile(taken, 0.95)


def bench_import(benchmark: Any, figure: Figure, growth: Growth, size: int) -> None:
    benchmark.pedantic(growth.grow, args=(size,), rounds=1)
    count, seconds = growth.import_s[size]
    what = f"a record kept in bulk, up to {size:,} episodes, embedding not counted"
    figure(what, seconds * 1000 / count, "ms", bar=IMPORT_BAR_MS, note=f"{count / seconds:,.0f} records/s")


def bench_recall(benchmark: Any, figure: Figure, growth: Growth, size: int) -> None:
    memory, asked = growth.memory, growth.ask("en", size)
    p50, p95 = measured(benchmark, lambda text: memory.recall(text, scope=SCOPE), asked)
    what = f"recall at {size:,} episodes, English"
    figure(what, p95, "ms", bar=RECALL_BARS_MS.get(size), note=f"p95; p50 {p50:.1f} ms", plot=("memory", size))


def bench_recall_korean(benchmark: Any, figure: Figure, growth: Growth, size: int) -> None:
    memory, asked = growth.memory, growth.ask("ko", size)
    p50, p95 = measured(benchmark, lambda text: memory.recall(text, scope=SCOPE), asked, ROUNDS // 2)
    what = f"recall at {size:,} episodes, Korean"
    figure(what, p95, "ms", bar=KOREAN_BAR_MS, note=f"p95; p50 {p50:.1f} ms", plot=("memory, Korean", size))


@pytest.mark.parametrize("kind", ["Chroma", "Chroma with a metadata filter", "sqlite-vec"])
def bench_beside(benchmark: Any, figure: Figure, growth: Growth, size: int, kind: str) -> None:
    asked = growth.ask("en", size + len(kind), ROUNDS // 2)
    store = growth.beside(kind)
    scope = None if kind == "Chroma" else SCOPE

    def search(vector: Any) -> list[str]:
        return store.nearest(vector, scope)

    p50, p95 = measured(benchmark, lambda text: search(growth.embedder.embed([text])[0]), asked, ROUNDS // 2)
    figure(f"{kind} at {size:,} vectors, English", p95, "ms", note=f"p95; p50 {p50:.1f} ms", plot=(kind, size))


def bench_remedies(benchmark: Any, figure: Figure, growth: Growth, size: int) -> None:
    memory, asked = growth.memory, growth.ask("en", size + 1, ROUNDS // 2)
    p50, p95 = measured(benchmark, lambda text: memory.remedies(text, scope=SCOPE), asked, ROUNDS // 2)
    figure(f"remedies at {size:,} episodes", p95, "ms", note=f"p95; p50 {p50:.1f} ms")


def bench_learn(benchmark: Any, figure: Figure, growth: Growth, size: int) -> None:
    """Embedded, judged, on the disk: a text that nobody has seen, as after an incident."""
    lessons = episodes(10_000_000 + size, ROUNDS // 2 + 10)
    growth.embedder.asked([lesson.text for lesson in lessons])
    p50, p95 = measured(benchmark, growth.memory.learn, iter(lessons), ROUNDS // 2)
    figure(
        f"a learn step acknowledged at {size:,} episodes", p95, "ms", bar=LEARN_BAR_MS, note=f"p95; p50 {p50:.1f} ms"
    )


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
@pytest.mark.parametrize("kind", ["memory", "chroma", "sqlite-vec"])
def bench_weight(benchmark: Any, figure: Figure, growth: Growth, size: int, kind: str) -> None:
    """A fresh process: open, ask once, be warm; and what it weighs then, the embedding model included."""
    if size not in WEIGHED:
        pytest.skip("weighed at other sizes")
    growth.let_go()
    growth.beside(kind)
    command = [sys.executable, "-c", WEIGH, str(growth.folder), kind, SCOPE]
    done = benchmark.pedantic(
        subprocess.run, args=(command,), kwargs={"check": True, "capture_output": True, "text": True}, rounds=1
    )
    opened, asked, weight = json.loads(done.stdout)
    files = {"memory": ("memory.db*", "index"), "chroma": ("chroma",), "sqlite-vec": ("vec.db*",)}[kind]
    disk = sum(_bytes(path) for pattern in files for path in growth.folder.glob(pattern)) / 2**20
    held = size + size // 100
    note = f"{disk:,.0f} MB of disk, {disk * 1024 / held:.1f} KB a record"
    figure(f"a process with {kind} of {size:,} episodes and the model", weight, "MB", note=note)
    if kind == "memory" and size == 10_000:
        note = f"imports included; {asked * 1000:,.0f} ms until the first recall was answered"
        figure(f"cold start of a memory of {size:,} episodes", opened * 1000, "ms", bar=COLD_BAR_MS, note=note)


def _bytes(path: Path) -> int:
    if path.is_file():
        return path.stat().st_size
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
