"""What is forgotten is in no file any more: not in the truth, its journal, the log, what was learnt, copies or indices."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy as sa

from opsagent_memory import Episode, Memory, MemoryStoreError, copies, database, generations, schema
from opsagent_memory.learning.words import Learnt
from opsagent_memory.testing import HashEmbedder
from tests.support.memory_past import NOW, database_of_schema_1

SECRET = "the safe is behind the gorgonzola"
NEEDLES = (b"gorgonzola", b"mascarpone", b"ricotta")


def opened(folder: Path) -> Memory:
    return Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder(), clock=lambda: NOW)


def files_holding(folder: Path, *needles: bytes) -> list[str]:
    return [
        f"{path.relative_to(folder)}: {needle[:20]!r}"
        for path in sorted(folder.rglob("*"))
        if path.is_file()
        for needle in needles
        if needle in path.read_bytes()
    ]


def test_neither_log_nor_lessons_nor_journal_nor_index_keep_what_is_forgotten(tmp_path: Path) -> None:
    vector = HashEmbedder().embed([SECRET])[0].tobytes()[64:192]
    secret = Episode(scope="s", text=SECRET, fields={"who": "mascarpone"}, created_at=NOW)
    learnt = Learnt(surprise=0.5, expected=0.5, family="fam-ricotta", opened=True, stale=False)
    with opened(tmp_path) as memory:
        memory.add_many([Episode(scope="s", text=f"crash {number} of api", created_at=NOW) for number in range(50)])
        memory._store.append([secret], {}, HashEmbedder(), at=NOW, learnt={secret.id: learnt})
        memory.end(secret.id, NOW, "no more gorgonzola")
        memory.recall("gorgonzola", scope="s")
        with database.writing(memory._store.engine) as connection:
            state = {"up_to_seq": 51, "options_hash": "x", "state": b"gorgonzola" + vector}
            connection.execute(
                schema.learners.insert(), [{"scope": "s", **state}, {"scope": "t", **state, "state": b""}]
            )
        assert files_holding(tmp_path, *NEEDLES, vector)
        assert memory.forget(secret.id)
        assert files_holding(tmp_path, *NEEDLES, vector) == []
        memory.recall("gorgonzola", scope="s")
        assert files_holding(tmp_path, *NEEDLES, vector) == []
        assert memory.verify().ok
        with database.reading(memory._store.engine) as connection:
            assert connection.scalars(sa.select(schema.learners.c.scope)).all() == ["t"]
            kept = connection.execute(sa.select(schema.log).where(schema.log.c.record_id == secret.id)).all()
        assert [(row.event, row.payload, row.salt) for row in kept] == [
            (event, None, None) for event in ("add", "learn", "end", "forget")
        ]
    assert files_holding(tmp_path, *NEEDLES, vector) == []


def test_many_are_forgotten_with_one_rebuild(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Path] = []
    fresh = generations.fresh

    def counted(root: Path) -> Path:
        made.append(fresh(root))
        return made[-1]

    monkeypatch.setattr(generations, "fresh", counted)
    with opened(tmp_path) as memory:
        episodes = [Episode(scope="s", text=f"gorgonzola {number}", created_at=NOW) for number in range(600)]
        memory.add_many([*episodes, Episode(scope="s", text="stays", created_at=NOW)])
        memory.recall("gorgonzola 7", scope="s")
        made.clear()
        assert memory.forget_many([one.id for one in episodes]) == 600
        assert memory.forget_many([one.id for one in episodes]) == 0
        assert [one.record.text for one in memory.recall("gorgonzola 7", scope="s")] == ["stays"]
        assert len(made) <= 2, "one folder, however many are forgotten"
        assert memory.verify().ok
        assert (memory.stats().records, memory.stats().forgotten) == (1, 600)
    assert files_holding(tmp_path, b"gorgonzola") == []


def test_the_copy_that_an_upgrade_kept_forgets_too(tmp_path: Path) -> None:
    database_of_schema_1(tmp_path / "m.db", ["crash of api", SECRET, SECRET])
    with opened(tmp_path) as memory:
        (copy,) = copies.of(tmp_path / "m.db")
        memory.recall("crash", scope="s")
        assert {"m.db: b'gorgonzola'", f"{copy.name}: b'gorgonzola'"} <= set(files_holding(tmp_path, b"gorgonzola"))
        memory.forget_many(["ep-1", "ep-2"])
        assert files_holding(tmp_path, b"gorgonzola", b"vec1vec1") == []
        assert f"{copy.name}: b'crash of api'" in files_holding(tmp_path, b"crash of api")
        assert memory.verify().ok


def test_a_copy_that_cannot_be_cleaned_is_named(tmp_path: Path) -> None:
    copy = tmp_path / "m.db.before-memory-0002-was-0001"
    with opened(tmp_path) as memory:
        secret = memory.add_fact(SECRET, scope="s")
        copy.write_bytes(b"gorgonzola" * 1000)
        with pytest.raises(MemoryStoreError, match=rf"forgotten, but .*{copy.name}.*delete that file"):
            memory.forget(secret)
        copy.unlink()
        assert not memory.forget(secret)
    assert files_holding(tmp_path, b"gorgonzola") == []


KILLED = """
import os, pathlib, signal, sys
from opsagent_memory import Memory, copies, database
from opsagent_memory.testing import HashEmbedder
folder = pathlib.Path(sys.argv[1])
memory = Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())
secret = memory.add_fact("the safe is behind the gorgonzola", scope="s")
copies.erase = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
memory.forget(secret)
"""


KILLED_WITH_A_COPY = """
import os, pathlib, signal, sys
from opsagent_memory import Memory, copies
from opsagent_memory.testing import HashEmbedder
folder = pathlib.Path(sys.argv[1])
memory = Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())
copies.erase = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
memory.forget("ep-1")
"""


def test_a_forgetting_that_was_killed_is_finished_in_the_copies_too(tmp_path: Path) -> None:
    database_of_schema_1(tmp_path / "m.db", ["crash of api", SECRET])
    killed = subprocess.run([sys.executable, "-c", KILLED_WITH_A_COPY, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert files_holding(tmp_path, b"gorgonzola")
    with opened(tmp_path) as memory:
        assert files_holding(tmp_path, b"gorgonzola") == []
        (copy,) = copies.of(tmp_path / "m.db")
        assert f"{copy.name}: b'crash of api'" in files_holding(tmp_path, b"crash of api")
        assert memory.verify().ok


KILLED_BEFORE_THE_REWRITING = """
import os, pathlib, signal, sys
from opsagent_memory import Memory, database
from opsagent_memory.testing import HashEmbedder
folder = pathlib.Path(sys.argv[1])
memory = Memory.open(folder / "m.db", folder / "index", embedder=HashEmbedder())
secret = memory.add_fact("the safe is behind the gorgonzola", scope="s")
database.rewrite = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
memory.forget(secret)
"""


def test_the_file_is_written_anew_after_a_kill_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_THE_REWRITING, str(tmp_path)], check=False)
    assert killed.returncode == -9
    rewritten: list[sa.Engine] = []
    rewrite = database.rewrite

    def told(engine: sa.Engine) -> None:
        rewrite(engine)
        rewritten.append(engine)

    monkeypatch.setattr(database, "rewrite", told)
    opened(tmp_path).close()
    opened(tmp_path).close()
    assert len(rewritten) == 1, "by the next owner, and by no other"


def test_a_copy_that_is_broken_keeps_nobody_from_the_memory(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with opened(tmp_path) as memory:
        memory.forget(memory.add_fact(SECRET, scope="s"))
    (tmp_path / "m.db.before-memory-0002-was-0001").write_bytes(b"rubbish" * 1000)
    with opened(tmp_path) as memory:
        assert memory.stats().forgotten == 1
    assert "may still hold what was forgotten" in caplog.text


def test_a_forgetting_that_was_killed_is_finished_by_the_next_owner(tmp_path: Path) -> None:
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path)], check=False)
    assert killed.returncode == -9
    assert files_holding(tmp_path, b"gorgonzola")
    with opened(tmp_path) as memory:
        assert (memory.stats().records, memory.stats().forgotten) == (0, 1)
        assert files_holding(tmp_path, b"gorgonzola") == []
