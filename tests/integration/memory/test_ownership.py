"""One owner at a time, and clear words when something stands in the way."""

from __future__ import annotations

import io
import os
import resource
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from opsagent_memory import EmbedderError, Memory, MemoryOwned, MemoryReader, MemoryStoreError, database
from opsagent_memory.testing import HashEmbedder

OWN = """
import pathlib, sys
from opsagent_memory import Memory
folder = pathlib.Path(sys.argv[1])
with Memory.open(folder / "m.db", folder / "index"):
    print("owned", flush=True)
    sys.stdin.readline()
"""


def opened(folder: Path) -> Memory:
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())


@contextmanager
def owned_elsewhere(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-c", OWN, str(folder)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as owner:
        try:
            assert owner.stdout is not None
            assert owner.stdout.readline() == "owned\n"
            yield owner
        finally:
            owner.kill()


def test_a_second_owner_is_refused_and_told_who_owns_it(tmp_path: Path) -> None:
    with owned_elsewhere(tmp_path) as owner, pytest.raises(MemoryOwned, match=f"process {owner.pid}") as refused:
        opened(tmp_path)
    assert refused.value.pid == owner.pid


def test_reading_goes_on_beside_the_owner(tmp_path: Path) -> None:
    with owned_elsewhere(tmp_path), MemoryReader(tmp_path / "m.db") as reader:
        assert reader.count() == 0


def test_the_lock_dies_with_its_owner(tmp_path: Path) -> None:
    with owned_elsewhere(tmp_path) as owner:
        owner.kill()
        owner.wait()
        opened(tmp_path).close()


def test_closing_lets_the_next_one_in_and_may_be_repeated(tmp_path: Path) -> None:
    first = opened(tmp_path)
    with pytest.raises(MemoryOwned, match=str(os.getpid())):
        opened(tmp_path)
    first.close()
    first.close()
    opened(tmp_path).close()


def test_a_memory_that_cannot_be_opened_is_not_left_locked(tmp_path: Path) -> None:
    (tmp_path / "m.db").mkdir()
    with pytest.raises(MemoryStoreError, match=r"m\.db"):
        opened(tmp_path)
    (tmp_path / "m.db").rmdir()
    opened(tmp_path).close()


def test_a_file_that_is_no_database_is_named_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "m.db").write_bytes(b"not a database, but somebody's " * 100)
    before = (tmp_path / "m.db").read_bytes()
    with pytest.raises(MemoryStoreError, match=r"m\.db.*not a database"):
        opened(tmp_path)
    with pytest.raises(MemoryStoreError, match="not a database"), MemoryReader(tmp_path / "m.db") as reader:
        reader.stats()
    assert (tmp_path / "m.db").read_bytes() == before


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "index").write_text("a file where a folder should be")
    with pytest.raises(MemoryStoreError, match="index"):
        opened(tmp_path)


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "index").mkdir()
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "index" / "owner.lock").symlink_to(tmp_path / "victim")
    with pytest.raises(MemoryStoreError, match=r"owner\.lock"):
        opened(tmp_path)
    assert (tmp_path / "victim").read_text() == "precious"


@contextmanager
def file_size_limit(limit: int) -> Iterator[None]:
    """Make writing beyond `limit` bytes of a file fail, as on a full disk (Python ignores SIGXFSZ)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_no_room_for_the_truth_is_an_error_and_nothing_breaks(tmp_path: Path) -> None:
    with opened(tmp_path) as memory:
        kept = memory.add_fact("kept before", scope="s")
        with file_size_limit((tmp_path / "m.db-wal").stat().st_size), pytest.raises(MemoryStoreError, match=r"m\.db"):
            memory.add_fact("does not fit " * 2000, scope="s")
        later = memory.add_fact("kept after", scope="s")
        assert {one.record.id for one in memory.recall("kept", scope="s")} == {kept, later}
    with closing(sqlite3.connect(tmp_path / "m.db")) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)


def test_no_room_for_the_index_keeps_the_truth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from opsagent_memory.index import ChromaIndex, IndexBroken

    def no_room(*_: object) -> None:
        raise IndexBroken("no space left on device")

    with opened(tmp_path) as memory:
        memory.warm()
        with monkeypatch.context() as patched:
            patched.setattr(ChromaIndex, "put", no_room)
            kept = memory.add_fact("kept all the same", scope="s")
            with pytest.raises(MemoryStoreError, match="no space left"):
                memory.reindex()
            assert [one.record.id for one in memory.recall("kept", scope="s")] == [kept], "from the truth"
        memory.warm()
        assert [one.record.id for one in memory.recall("kept", scope="s")] == [kept]


def test_a_broken_model_keeps_the_truth(tmp_path: Path) -> None:
    class Moody(HashEmbedder):
        broken = False

        def embed(self, texts):  # type: ignore[no-untyped-def]
            if self.broken:
                raise EmbedderError("swapped")
            return super().embed(texts)

    moody = Moody()
    with Memory.open(tmp_path / "m.db", tmp_path / "index", embedder=moody) as memory:
        memory.warm()
        moody.broken = True
        kept = memory.add_fact("kept without a vector", scope="s")
        assert {one.record.id for one in memory.recall("kept", scope="s")} <= {kept}, "as far as words go"
        assert memory.show(kept).text == "kept without a vector"
        moody.broken = False
        assert [one.record.id for one in memory.recall("kept", scope="s")] == [kept]


def test_a_second_owner_is_refused_also_through_another_index_folder(tmp_path: Path) -> None:
    (tmp_path / "also.db").symlink_to(tmp_path / "m.db")
    with owned_elsewhere(tmp_path) as owner:
        for name in ("m.db", "also.db"):
            with pytest.raises(MemoryOwned, match=rf"m\.db.*process {owner.pid}"):
                Memory.open(tmp_path / name, tmp_path / "another index", embedder=HashEmbedder())
    with Memory.open(tmp_path / "m.db", tmp_path / "another index", embedder=HashEmbedder()) as memory:
        assert memory.stats().records == 0


def test_what_is_written_during_a_long_import_waits_and_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_BUSY_TIMEOUT_S", 0.05)
    begun, goes_on = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def readline(self, size: int | None = -1) -> bytes:
            begun.set()
            goes_on.wait(30)
            return super().readline(size)

    with opened(tmp_path) as memory, ThreadPoolExecutor(2) as threads:
        importing = threads.submit(memory.import_, Slow())
        assert begun.wait(30)
        adding = threads.submit(memory.add_fact, "the disk is full", scope="s")
        assert wait([adding], timeout=0.3).not_done, "SQLite would have refused it by now"
        goes_on.set()
        assert importing.result(30).added == 0
        assert memory.show(adding.result(30)).text == "the disk is full"


def test_a_memory_on_a_medium_that_cannot_be_written_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(tmp_path) as memory:
        memory.add_fact("the disk is full", scope="s")
    assert not list(tmp_path.glob("m.db-*"))
    monkeypatch.setattr(os, "access", lambda *_: False)
    with MemoryReader(tmp_path / "m.db") as reader:
        assert reader.verify().records == 1
    assert not list(tmp_path.glob("m.db-*")), "nothing was made beside it"
