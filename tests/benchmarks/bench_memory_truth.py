"""What the truth of a memory costs: verified, exported, imported, upgraded, forgotten from. Nothing is embedded here."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from opsagent_memory import Memory, MemoryReader
from opsagent_memory.testing import HashEmbedder
from tests.benchmarks.conftest import Figure
from tests.benchmarks.memory_material import SCOPE, episodes
from tests.support.memory_past import database_of_schema_1

RECORDS = int(os.environ.get("BENCH_MEMORY_RECORDS", "100000"))
IMPORT_BAR_MS = 1_000 / 1_500
_AT_ONCE = 10_000


def opened(folder: Path) -> Memory:
    folder.mkdir(exist_ok=True)
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())


def timed(benchmark: Any, what: Any, *arguments: Any) -> tuple[Any, float]:
    """Run once; return what came of it and how many seconds it took."""
    begun = time.perf_counter()
    done = benchmark.pedantic(what, args=arguments, rounds=1)
    return done, time.perf_counter() - begun


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed memory with so many episodes, none of them embedded."""
    folder = tmp_path_factory.mktemp("truth")
    with opened(folder) as memory:
        for start in range(0, RECORDS, _AT_ONCE):
            memory.add_many(episodes(start, min(_AT_ONCE, RECORDS - start)))
    return folder


def bench_append(benchmark: Any, figure: Figure, tmp_path: Path) -> None:
    batch = episodes(0, _AT_ONCE)
    with opened(tmp_path) as memory:
        _, seconds = timed(benchmark, memory.add_many, batch)
    note = f"{len(batch) / seconds:,.0f} records/s"
    figure("a record kept, in a batch of 10,000", seconds * 1000 / len(batch), "ms", bar=IMPORT_BAR_MS, note=note)


def bench_verify(benchmark: Any, figure: Figure, filled: Path) -> None:
    with MemoryReader(filled / "m.db") as reader:
        found, seconds = timed(benchmark, reader.verify)
    assert (found.ok, found.records) == (True, RECORDS)
    figure(f"memory verify of {RECORDS:,} records", seconds, "s", note=f"{found.events / seconds:,.0f} events/s")


def bench_there_and_back(benchmark: Any, figure: Figure, filled: Path, tmp_path: Path) -> None:
    """Export, then import into an empty memory."""
    path = tmp_path / "memory.jsonl"
    begun = time.perf_counter()
    with MemoryReader(filled / "m.db") as reader:
        assert reader.export(path) == RECORDS
    exported = time.perf_counter() - begun
    with opened(tmp_path / "other") as memory:
        found, seconds = timed(benchmark, memory.import_, path)
    assert found.added == RECORDS
    figure(f"memory export of {RECORDS:,} records", exported, "s", note=f"{RECORDS / exported:,.0f} records/s")
    note = f"{RECORDS / seconds:,.0f} records/s"
    figure(f"a record imported, of {RECORDS:,}", seconds * 1000 / RECORDS, "ms", bar=IMPORT_BAR_MS, note=note)


def bench_upgrade(benchmark: Any, figure: Figure, tmp_path: Path) -> None:
    database_of_schema_1(tmp_path / "m.db", [f"crash {number} of api" for number in range(_AT_ONCE)])
    memory, seconds = timed(benchmark, opened, tmp_path)
    memory.close()
    figure(f"opening a memory of {_AT_ONCE:,} records that an older version left", seconds, "s")


def bench_open(benchmark: Any, figure: Figure, filled: Path) -> None:
    memory, seconds = timed(benchmark, opened, filled)
    memory.close()
    figure(f"opening a memory of {RECORDS:,} records, imports not counted", seconds * 1000, "ms")


def bench_forget(benchmark: Any, figure: Figure, filled: Path) -> None:
    """Erased, on the disk, in every file; the index is built behind, and one build serves them all."""
    with opened(filled) as memory:
        _, one = timed(benchmark, memory.forget, f"{SCOPE}-7")
        begun = time.perf_counter()
        assert memory.forget_many([f"{SCOPE}-{number}" for number in range(1_000, 2_000)]) == 1_000
        many = time.perf_counter() - begun
        assert memory.verify().ok
    figure(f"one record of {RECORDS:,} forgotten", one * 1000, "ms", note=f"a thousand at once: {many:.1f} s")
