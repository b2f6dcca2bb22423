"""A disk that fills up while memory writes: a clear error, nothing broken, and it goes on when there is room again."""

from __future__ import annotations

import io
import json
import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent_memory import Episode, Memory, MemoryReader, MemoryStoreError, finder
from opsagent_memory.testing import HashEmbedder
from tests.support.mounted import scratch_disk

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
FULL = r"full|[Nn]o space left"


def opened(folder: Path) -> Memory:
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())


def intact(folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "m.db")) as connection:
        return bool(connection.execute("PRAGMA integrity_check").fetchone() == ("ok",))


@contextmanager
def filled_up(disk: Path, *, leaving: int = 0) -> Iterator[None]:
    """Take all the room there is on a disk, but for some bytes."""
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        for size in (1_000_000, 4096, 512, 1):
            try:
                while True:
                    file.write(b"\xff" * size)
            except OSError:
                continue
        file.truncate(file.tell() - leaving)
    try:
        yield
    finally:
        filler.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    with scratch_disk(tmp_path / "disk", megabytes=50) as disk:
        yield disk


def test_on_a_full_disk_nothing_is_half_done_and_later_it_goes_on(disk: Path) -> None:
    told = json.dumps({"id": "fa-9", "kind": "fact", "scope": "s", "text": "x" * 9_000, "created_at": NOW.isoformat()})
    with opened(disk) as memory:
        kept = memory.add_fact("kept before", scope="s")
        secret = memory.add_fact("the safe is behind the gorgonzola", scope="s")
        memory.recall("kept", scope="s")
        with filled_up(disk):
            before = memory.verify()
            for deed in (
                lambda: memory.add_fact("does not fit " * 2_000, scope="s"),
                lambda: memory.add_many([Episode(scope="s", text=f"e{n}" * 99, created_at=NOW) for n in range(500)]),
                lambda: memory.import_(io.BytesIO(told.encode())),
                lambda: memory.end(kept, NOW, "why " * 9_000),
                lambda: memory.export(disk / "memory.jsonl"),
            ):
                with pytest.raises(MemoryStoreError, match=FULL):
                    deed()
            assert memory.verify() == before
            assert memory.recall("kept", scope="s")[0].record.id == kept
            assert not (disk / "memory.jsonl").exists()
        later = memory.add_fact("kept after", scope="s")
        assert memory.forget(secret)
        assert {one.record.id for one in memory.recall("kept", scope="s")} == {kept, later}
        memory.warm()
        assert memory.verify().ok
    assert intact(disk)
    assert not any(b"gorgonzola" in path.read_bytes() for path in disk.rglob("*") if path.is_file())


def test_what_was_acknowledged_while_the_disk_filled_up_is_there(disk: Path) -> None:
    acknowledged: dict[str, str] = {}

    def write_for_ever(memory: Memory) -> None:
        while True:
            text = f"number{len(acknowledged)} " * 2_000
            acknowledged[memory.add_fact(text, scope="s")] = text

    with filled_up(disk, leaving=2_000_000), opened(disk) as memory, pytest.raises(MemoryStoreError, match=FULL):
        write_for_ever(memory)
    assert len(acknowledged) > 10
    with opened(disk) as memory:
        assert memory.verify().ok
        for record, text in acknowledged.items():
            assert memory.show(record).text == text
    assert intact(disk)


def test_a_full_disk_at_the_start_is_said_and_harms_nothing(disk: Path) -> None:
    with opened(disk) as memory:
        kept = memory.add_fact("kept before", scope="s")
    with filled_up(disk), pytest.raises(MemoryStoreError, match=r"m\.db"), opened(disk) as memory:
        memory.add_fact("does not fit " * 2_000, scope="s")
    with filled_up(disk), pytest.raises(MemoryStoreError, match="full"), MemoryReader(disk / "m.db") as reader:
        reader.show(kept)
    with opened(disk) as memory:
        assert memory.show(kept).text == "kept before"
        assert memory.verify().ok


def test_no_room_for_an_upgrade_leaves_the_old_memory(disk: Path) -> None:
    from tests.support.memory_past import database_of_schema_1

    database_of_schema_1(disk / "m.db", [f"crash {number} of api" * 50 for number in range(300)])
    with filled_up(disk, leaving=100_000), pytest.raises(MemoryStoreError, match=r"too little room for the copy"):
        opened(disk)
    with opened(disk) as memory:
        assert (memory.stats().records, memory.verify().ok) == (300, True)


def test_no_room_for_the_index_alone_is_no_trouble(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a limit on the size of files, which needs no disk of its own: Chroma's files are larger than the truth's."""
    monkeypatch.setattr(finder, "EXACT_UP_TO", 0)
    with opened(tmp_path) as memory:
        kept = memory.add_fact("kept all the same", scope="s")
        with file_size_limit(120_000):
            assert [one.record.id for one in memory.recall("kept", scope="s")] == [kept]
            with pytest.raises(MemoryStoreError, match="index"):
                memory.warm()
            assert [one.record.id for one in memory.recall("kept", scope="s")] == [kept]
        memory.warm()
        assert [one.record.id for one in memory.recall("kept", scope="s")] == [kept]
    with MemoryReader(tmp_path / "m.db") as reader:
        assert reader.verify().ok


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
