"""A memory that moves to another model: the former answers until all is there, and no two spaces are ever mixed."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import sqlalchemy as sa
from langchain_core.embeddings import DeterministicFakeEmbedding

from opsagent_memory import EmbedderError, Episode, Fact, Memory
from opsagent_memory.served import LangChainEmbedder
from opsagent_memory.testing import HashEmbedder

NOW = datetime(2026, 11, 28, tzinfo=UTC)
MANY = 300


class Another(HashEmbedder):
    """Another space: the same words elsewhere. Embeds only while it may."""

    model_id = "another"
    model_hash = "1" * 64

    def __init__(self) -> None:
        self.may = threading.Event()
        self.away = self.asked = False
        self.embedded = 0

    def embed(self, texts: Sequence[str]) -> Any:
        if self.away:
            raise EmbedderError("another is away")
        self.asked |= len(texts) > 1
        if len(texts) > 1 and not self.may.wait(30):
            raise EmbedderError("never let go")
        self.embedded += len(texts)
        return np.ascontiguousarray(super().embed(texts)[:, ::-1])


def facts(count: int = MANY) -> list[Fact]:
    return [
        Fact(id=f"f{at}", scope="s", text=f"service number{at} listens on port{at}", created_at=NOW)
        for at in range(count)
    ]


def until(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < end, "not within 30 s"
        time.sleep(0.01)


def opened(tmp_path: Path, embedder: HashEmbedder, *formers: HashEmbedder) -> Memory:
    return Memory.open(tmp_path / "m.db", tmp_path / "chroma", embedder=embedder, formers=formers)


@pytest.fixture
def embedded(tmp_path: Path) -> Path:
    with opened(tmp_path, HashEmbedder()) as memory:
        memory.add_many(facts())
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
    return tmp_path


def spaces(tmp_path: Path) -> dict[str, dict[str, bytes]]:
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'm.db'}")
    with engine.connect() as connection:
        query = sa.text(
            "SELECT DISTINCT v.model_id, r.text, v.vector FROM memory_vectors v JOIN memory_records r USING (text_key)"
        )
        found: dict[str, dict[str, bytes]] = {}
        for model, text, vector in connection.execute(query):
            found.setdefault(model, {})[text] = vector
    engine.dispose()
    return found


def test_the_former_model_answers_until_the_new_one_is_complete(embedded: Path) -> None:
    new = Another()
    with opened(embedded, new, HashEmbedder()) as memory:
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
        space = memory.space()
        assert (space.model_id, space.serving, space.waiting, space.moving) == (
            "another",
            "fake-hashed-words",
            MANY,
            True,
        )
        memory.add(Fact(id="late", scope="s", text="came during the move", created_at=NOW))
        assert memory.recall("came during the move", scope="s")[0].record.id == "late"
        new.may.set()
        until(lambda: not memory.space().moving)
        assert memory.space().waiting == 0
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
        assert memory.recall("came during the move", scope="s")[0].record.id == "late"
        memory.add(Fact(id="later", scope="s", text="came after the move", created_at=NOW))
        assert memory.recall("came after the move", scope="s")[0].record.id == "later"
    kept = spaces(embedded)
    assert len(kept["another"]) == MANY + 2
    for model in (HashEmbedder(), new):  # each vector lies in the space under whose name it is kept
        for text, vector in list(kept[model.model_id].items())[:50]:
            assert np.allclose(np.frombuffer(vector, "<f4")[: model.dimensions], model.embed([text])[0], atol=1e-6)


def test_what_is_forgotten_during_the_move_leaves_no_vector(embedded: Path) -> None:
    new = Another()
    with opened(embedded, new, HashEmbedder()) as memory:
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
        until(lambda: new.asked)  # a batch is being embedded
        ids = [f"f{at}" for at in range(MANY - 10)]
        memory.forget_many(ids)
        new.may.set()
        until(lambda: not memory.space().moving)
        assert memory.stats().vectors == 20  # of ten texts, in either space
        memory.reindex()
        assert memory.stats().vectors == 10


def test_what_was_learnt_is_learnt_anew_in_the_new_space(tmp_path: Path) -> None:
    with opened(tmp_path, HashEmbedder()) as memory:
        memory.add_many(facts())
        for at in range(12):
            fields = {"remedy": "crash/start", "outcome": "worked", "class": "crash"}
            memory.learn(Episode(scope="s", text=f"crash of api, lock {at}", created_at=NOW, fields=fields))
        before = memory.remedies("crash of api, lock", scope="s")
    new = Another()
    with opened(tmp_path, new, HashEmbedder()) as memory:
        assert memory.remedies("crash of api, lock", scope="s")[0].tries == before[0].tries
        new.may.set()
        until(lambda: not memory.space().moving)
        after = memory.remedies("crash of api, lock", scope="s")
        assert after[0].remedy == "crash/start"
        assert after[0].score == pytest.approx(before[0].score, abs=0.05)


def test_without_a_former_model_words_are_looked_for(embedded: Path) -> None:
    new = Another()
    with opened(embedded, new) as memory:
        memory.warm()
        found = memory.recall("which one is number7", scope="s")
        assert [one.record.id for one in found] == ["f7"]
        assert memory.space().serving is None
        with pytest.raises(EmbedderError, match="embedded anew by another"):
            memory.recall("nothing known", scope="s")
        new.may.set()
        until(lambda: not memory.space().moving)
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"


def test_a_model_that_is_away_leaves_the_words(embedded: Path) -> None:
    with opened(embedded, HashEmbedder()) as memory:
        memory.recall("warm", scope="s")
    new = Another()
    new.may.set()
    with opened(embedded, new) as memory:
        memory.recall("number1", scope="s")
        until(lambda: not memory.space().moving)
        new.away = True
        assert memory.recall("which one is number9", scope="s")[0].record.id == "f9"


def test_a_move_whose_model_fails_says_so_and_the_former_goes_on(embedded: Path) -> None:
    new = Another()
    new.away = True
    with opened(embedded, new, HashEmbedder()) as memory:
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
        until(lambda: memory.space().error == "another is away")
        assert memory.space().moving


def test_a_few_texts_are_embedded_at_once(tmp_path: Path) -> None:
    with opened(tmp_path, HashEmbedder()) as memory:
        memory.add_many(facts(20))
        memory.recall("number7", scope="s")
    new = Another()
    new.may.set()
    with opened(tmp_path, new) as memory:
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
        assert not memory.space().moving


_KILLED = """
import os, signal, sys
from pathlib import Path
from test_moved import Another, opened
from opsagent_memory.served import LangChainEmbedder
from opsagent_memory.testing import HashEmbedder

class Killed(Another):
    def embed(self, texts):
        if self.embedded >= 100:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().embed(texts)

new = Killed()
new.may.set()
memory = opened(Path(sys.argv[1]), new, HashEmbedder())
memory.recall("number7", scope="s")
memory._finder._move._thread.join(30)
"""


def test_a_move_that_is_killed_goes_on_where_it_was(embedded: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _KILLED, str(embedded)], cwd=Path(__file__).parent, timeout=60, check=False
    )
    assert done.returncode == -signal.SIGKILL
    survived = len(spaces(embedded)["another"])
    assert 0 < survived < MANY
    new = Another()
    new.may.set()
    with opened(embedded, new, HashEmbedder()) as memory:
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
        until(lambda: not memory.space().moving)
        assert memory.recall("number8 port8", scope="s")[0].record.id == "f8"
    assert new.embedded < MANY - survived + 20


class Served(DeterministicFakeEmbedding):
    """A model of LangChain that can be taken away."""

    away: bool = False

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if self.away:
            raise ConnectionError("refused")
        return [list(row) for row in HashEmbedder().embed(texts)[:, 3:]]


def test_a_memory_moves_to_a_model_of_langchain_and_survives_its_absence(embedded: Path) -> None:
    served = Served(size=HashEmbedder.dimensions - 3)

    def model() -> LangChainEmbedder:
        return LangChainEmbedder("fake:served", embedded, make=lambda: served)

    served.away = True
    with Memory.open(embedded / "m.db", embedded / "chroma", embedder=model()) as memory:
        assert memory.recall("which one is number7", scope="s")[0].record.id == "f7"  # by its words
        until(lambda: "is away: ConnectionError: refused" in memory.space().error)
    served.away = False
    with Memory.open(embedded / "m.db", embedded / "chroma", embedder=model()) as memory:
        memory.recall("which one is number7", scope="s")
        until(lambda: not memory.space().moving)
        assert memory.recall("number7 port7", scope="s")[0].record.id == "f7"
    served.away = True
    with Memory.open(embedded / "m.db", embedded / "chroma", embedder=model()) as memory:
        assert not memory.space().moving
        assert memory.recall("service number7 listens on port7", scope="s")[0].record.id == "f7"  # it knows this text
        assert memory.recall("which one is number9", scope="s")[0].record.id == "f9"
        memory.add(Fact(id="late", scope="s", text="came while number9999 was away", created_at=NOW))
        assert memory.recall("what of number9999", scope="s")[0].record.id == "late"
