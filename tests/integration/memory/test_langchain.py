"""LangChain's and LangGraph's own promises, held by a real memory."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from langchain_core.retrievers import BaseRetriever
from langchain_tests.integration_tests import BaseStoreAsyncTests, BaseStoreSyncTests, RetrieversIntegrationTests
from langgraph.store.base import GetOp, InvalidNamespaceError, Op, PutOp

from opsagent_memory import Episode, Memory, Source
from opsagent_memory.langchain import MemoryKeyValueStore, MemoryRetriever, MemoryStore
from opsagent_memory.testing import HashEmbedder

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture(scope="module")
def recalled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    folder = tmp_path_factory.mktemp("recalled")
    with Memory.open(folder / "m.db", folder / "i", embedder=HashEmbedder(), clock=lambda: NOW) as memory:
        for number, word in enumerate(("lock", "socket", "disk", "certificate", "queue")):
            text = f"crash of api: the {word} is gone"
            fields = {"remedy": f"crash/{word}", "outcome": "worked", "class": "crash"}
            memory.add(Episode(scope="host", text=text, created_at=NOW - timedelta(days=number), fields=fields))
        memory.add_fact("crash of api: elsewhere", scope="other")
        yield memory


class TestMemoryRetriever(RetrieversIntegrationTests):
    """LangChain's own suite."""

    @pytest.fixture(autouse=True)
    def _keep(self, recalled: Memory) -> None:
        self.memory = recalled

    @property
    def retriever_constructor(self) -> type[BaseRetriever]:
        return MemoryRetriever

    @property
    def retriever_constructor_params(self) -> dict[str, Any]:
        return {"memory": self.memory, "scope": "host"}

    @property
    def retriever_query_example(self) -> str:
        return "crash of api"


async def test_what_is_retrieved_says_why_and_stays_in_its_scope(recalled: Memory) -> None:
    retriever = MemoryRetriever(memory=recalled, scope="host", k=9)
    first, *others = retriever.invoke("the socket is gone")
    assert len(others) == 4
    assert first.page_content == "crash of api: the socket is gone"
    told = first.metadata
    assert (told["scope"], told["kind"], told["source"], told["tries"], told["successes"]) == (
        "host",
        "episode",
        "agent",
        1,
        1,
    )
    assert "similarity" in told["why"]
    assert 0 < told["score"] <= 1.2
    assert told["fields"]["remedy"] == "crash/socket"
    assert told["last_worked"] == (NOW - timedelta(days=1)).isoformat()
    assert [one.id for one in await retriever.ainvoke("the socket is gone")] == [first.id, *(one.id for one in others)]
    assert len(await retriever.ainvoke("the socket is gone", k=2)) == 2
    both = MemoryRetriever(memory=recalled, scope=("host", "other"), k=9).invoke("elsewhere")
    assert both[0].metadata["scope"] == "other"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def memory(tmp_path: Path, clock: Clock) -> Iterator[Memory]:
    with Memory.open(tmp_path / "m.db", tmp_path / "i", embedder=HashEmbedder(), clock=clock) as memory:
        yield memory


@pytest.fixture
def store(memory: Memory) -> MemoryStore:
    return MemoryStore(memory)


class _KeyValues:
    @pytest.fixture
    def kv_store(self, store: MemoryStore) -> MemoryKeyValueStore:
        return MemoryKeyValueStore(store)

    @pytest.fixture
    def three_values(self) -> tuple[Any, Any, Any]:
        return {"a": [1, 2.5, None]}, "text", 3


class TestKeyValueStore(_KeyValues, BaseStoreSyncTests[Any]):
    """LangChain's own suite."""


class TestKeyValueStoreInALoop(_KeyValues, BaseStoreAsyncTests[Any]):
    """LangChain's own suite."""


def test_what_was_put_survives_and_what_was_deleted_is_gone_from_the_files(tmp_path: Path, memory: Memory) -> None:
    store = MemoryStore(memory)
    store.put(("users", "42"), "likes", {"food": "kimchi"})
    store.put(("users", "42"), "likes", {"food": "bibimbap"})
    store.put(("users", "43"), "secret", {"word": "Rumpelstiltskin"})
    store.put(("users", "43"), "secret", {"word": "Rapunzel"})
    assert store.search((), query="word Rapunzel")[0].value == {"word": "Rapunzel"}
    store.delete(("users", "43"), "secret")
    memory.close()
    for path in tmp_path.rglob("*"):
        assert not path.is_file() or not {b"Rumpel", b"Rapunzel"} & _words(path.read_bytes()), path
    with Memory.open(tmp_path / "m.db", tmp_path / "i", embedder=HashEmbedder()) as again:
        other = MemoryStore(again)
        item = other.get(("users", "42"), "likes")
        assert item is not None
        assert (item.value, item.namespace, item.key) == ({"food": "bibimbap"}, ("users", "42"), "likes")
        assert other.list_namespaces() == [("users", "42")]
        assert [one.key for one in other.search(("users",), query="bibimbap")] == ["likes"]
        assert again.verify().ok


def _words(data: bytes) -> set[bytes]:
    return {word for word in (b"Rumpel", b"Rapunzel") if word in data}


def test_a_value_that_was_put_again_leaves_recall_and_stays_readable(memory: Memory, store: MemoryStore) -> None:
    store.put(("a",), "k", {"text": "first"})
    (first,) = memory.recall("first", scope="langgraph:a")
    assert (first.record.source, first.record.trust) == (Source.MODEL, 0.5)
    store.put(("a",), "k", {"text": "second"})
    (second,) = memory.recall("first", scope="langgraph:a", limit=5)
    assert second.record.supersedes == first.record.id
    assert memory.show(first.record.id).fields["value"] == {"text": "first"}


def test_what_others_forget_is_gone_here_too(memory: Memory, store: MemoryStore) -> None:
    store.put(("a",), "k", {"text": "first"})
    other = MemoryStore(memory)
    assert other.get(("a",), "k") is not None
    other.put(("a",), "k", {"text": "second"})
    item = store.get(("a",), "k")
    assert item is not None
    assert item.value == {"text": "second"}
    (found,) = memory.recall("second", scope="langgraph:a")
    memory.forget(found.record.id)
    assert store.get(("a",), "k") is None
    assert store.list_namespaces() == []


def test_a_time_to_live_ends_a_life_and_reading_does_not_prolong_it(memory: Memory, clock: Clock) -> None:
    store = MemoryStore(memory, ttl={"default_ttl": 10})
    store.put(("a",), "short", {"n": 1})
    store.put(("a",), "long", {"n": 2}, ttl=60)
    store.put(("a",), "ever", {"n": 3}, ttl=None)
    store.put(("b",), "ever", {"n": 4}, ttl=float("inf"))
    assert store.get(("b",), "ever") is not None
    clock.now += timedelta(minutes=9)
    assert len(store.search(("a",))) == 3
    clock.now += timedelta(minutes=1)
    assert store.get(("a",), "short") is None
    assert [one.key for one in store.search(("a",))] == ["long", "ever"]
    assert store.sweep_ttl() == 1
    clock.now += timedelta(days=1)
    assert [one.key for one in store.search(("a",), query="n")] == ["ever"]
    assert store.sweep_ttl() == 1
    with pytest.raises(ValueError, match="does not prolong"):
        MemoryStore(memory, ttl={"refresh_on_read": True})


def test_only_what_is_indexed_has_a_score(store: MemoryStore) -> None:
    store.put(("a",), "all", {"text": "socket", "note": "disk"})
    store.put(("a",), "part", {"text": "socket", "note": "disk"}, index=["note"])
    store.put(("a",), "none", {"text": "socket", "note": "disk"}, index=False)
    scores = {one.key: one.score for one in store.search(("a",), query="disk")}
    assert scores["none"] is None
    assert scores["part"] == pytest.approx(1.0, abs=1e-5)
    assert list(scores) == ["part", "all", "none"]


def test_namespaces_are_scopes_and_odd_ones_are_kept_apart(memory: Memory, store: MemoryStore) -> None:
    odd = [("a/b",), ("a", "b"), ("결제", "x y"), ("w" * 300,), ("w" * 300, "v")]
    for number, namespace in enumerate(odd):
        store.put(namespace, "k", {"n": number})
    assert [store.get(namespace, "k").value for namespace in odd] == [{"n": n} for n in range(5)]  # type: ignore[union-attr]
    assert len([scope for scope in memory.stats().by_scope if scope.startswith("langgraph:")]) == 5
    for bad in ((), ("",), ("a.b",), ("langgraph",)):
        with pytest.raises(InvalidNamespaceError):
            store.put(bad, "k", {})
    with pytest.raises(InvalidNamespaceError):
        store.batch([GetOp(("a.b",), "k")])


async def test_a_batch_is_answered_in_order_and_reads_see_what_was_there_before(store: MemoryStore) -> None:
    ops: list[Op] = [PutOp(("a",), "k", {"n": 1}), GetOp(("a",), "k"), PutOp(("a",), "k", {"n": 2})]
    assert await store.abatch(ops) == [None, None, None]
    (item,) = await store.abatch([GetOp(("a",), "k")])
    assert item.value == {"n": 2}  # type: ignore[union-attr]
    await store.aput(("a",), "l", {"n": 3})
    assert [one.value["n"] for one in await store.asearch(("a",), filter={"n": {"$gte": 2}})] == [2, 3]
    await store.adelete(("a",), "k")
    assert await store.alist_namespaces(prefix=("a",)) == [("a",)]
    with pytest.raises(ValueError, match="operator"):
        store.search(("a",), filter={"n": {"$near": 1}})


def test_memory_alone_loads_no_langchain() -> None:
    program = (
        "import sys, opsagent_memory.memory, opsagent_memory.documents.ingesting\n"
        "print([name for name in sys.modules if name.split('.')[0] in {'langchain_core', 'langgraph', 'langsmith'}])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"
