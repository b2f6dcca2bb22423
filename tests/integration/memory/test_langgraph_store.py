"""LangGraph's own store in memory as the oracle: the same operations, the same answers."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import pytest
from langgraph.store.base import IndexConfig, Item, SearchItem
from langgraph.store.memory import InMemoryStore

from opsagent_memory import Memory
from opsagent_memory.langchain import MemoryStore
from opsagent_memory.testing import HashEmbedder

NAMESPACES = [("a",), ("a", "b"), ("a", "b", "c"), ("a", "x"), ("z",), ("z", "b")]
KEYS = ["k1", "k2", "k3", "키"]
WORDS = ["lock", "socket", "disk", "queue", "certificate", "timeout", "소켓"]
OPERATIONS = 120


def embed(texts: Sequence[str]) -> list[list[float]]:
    return [[float(number) for number in row] for row in HashEmbedder().embed(texts)]


@pytest.fixture(scope="module")
def memory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Memory]:
    folder: Path = tmp_path_factory.mktemp("store")
    with Memory.open(folder / "m.db", folder / "i", embedder=HashEmbedder()) as memory:
        yield memory


class Twins:
    """Ours and theirs, asked the same."""

    def __init__(self, memory: Memory, seed: int) -> None:
        self.memory, self.scope = memory, f"seed{seed}"
        self.chance = random.Random(seed)
        self.ours = MemoryStore(memory, scope=self.scope)
        self.theirs = InMemoryStore(index=IndexConfig(dims=384, embed=embed))

    def step(self) -> None:
        """Do one operation, chosen by chance, on both."""
        chance = self.chance
        namespace, key = chance.choice(NAMESPACES), chance.choice(KEYS)
        act = chance.choices(["put", "delete", "get", "search", "query", "list", "reopen"], [8, 2, 3, 4, 4, 3, 1])[0]
        if act == "put":
            indexes: list[Literal[False] | list[str] | None] = [None, None, None, False, ["text"]]
            value, index = self.value(), chance.choice(indexes)
            self.theirs._vectors[namespace].pop(key, None)  # theirs goes on finding an item by what it was before
            for store in (self.ours, self.theirs):
                store.put(namespace, key, value, index=index)
        elif act == "delete" and chance.random() < 0.5:
            for store in (self.ours, self.theirs):
                store.delete(namespace, key)
            self.forget_the_empty()
        elif act == "get":
            assert plain(self.ours.get(namespace, key)) == plain(self.theirs.get(namespace, key))
            self.forget_the_empty()
        elif act in {"search", "query"}:
            self.search(chance.choice([(), *NAMESPACES]), act == "query")
        elif act == "list":
            self.list()
        elif act == "reopen":
            self.ours = MemoryStore(self.memory, scope=self.scope)

    def forget_the_empty(self) -> None:
        """Theirs lists namespaces that hold nothing (asking for a key makes one); ours does not."""
        for namespace in [one for one, items in self.theirs._data.items() if not items]:
            del self.theirs._data[namespace]

    def value(self) -> dict[str, Any]:
        words = self.chance.sample(WORDS, 3)
        n = self.chance.randrange(5)
        return {"text": " ".join(words), "n": n, "tags": words[:2], "deep": {"n": n, "none": None}}

    def search(self, prefix: tuple[str, ...], with_query: bool) -> None:
        chance, n = self.chance, self.chance.randrange(5)
        wanted = chance.choice(
            [
                None,
                None,
                {"n": n},
                {"n": {"$gte": n}},
                {"n": {"$lt": n, "$ne": 1}},
                {"deep": {"n": n}},
                {"tags": chance.sample(WORDS, 2)},
                {"absent": None},
            ]
        )
        limit, offset = chance.choice([1, 3, 10, 100]), chance.choice([0, 0, 1, 4])
        if not with_query:
            ours = self.ours.search(prefix, filter=wanted, limit=limit, offset=offset)
            theirs = self.theirs.search(prefix, filter=wanted, limit=limit, offset=offset)
            assert [plain(one) for one in ours] == [plain(one) for one in theirs]
            return
        query = " ".join(chance.sample(WORDS, 2))
        ours = self.ours.search(prefix, query=query, filter=wanted, limit=limit)
        theirs = self.theirs.search(prefix, query=query, filter=wanted, limit=limit)
        assert [rounded(one) for one in ours] == [rounded(one) for one in theirs]
        # What has the same score may come in any order, and the last score of a page may go on behind it.
        last = rounded(ours[-1]) if ours else None
        assert by_score(ours, last) == by_score(theirs, last)
        deeper = self.ours.search(prefix, query=query, filter=wanted, limit=limit, offset=offset)
        assert deeper == self.ours.search(prefix, query=query, filter=wanted, limit=limit + offset)[offset:]

    def list(self) -> None:
        chance = self.chance
        how: dict[str, Any] = {"limit": chance.choice([2, 100]), "offset": chance.choice([0, 1])}
        if chance.random() < 0.5:
            how["prefix"] = chance.choice([("a",), ("a", "*"), ("*", "b"), ("nobody",)])
        if chance.random() < 0.5:
            how["suffix"] = chance.choice([("b",), ("*",), ("b", "c"), ("z",)])
        if chance.random() < 0.5:
            how["max_depth"] = chance.choice([1, 2])
        assert self.ours.list_namespaces(**how) == self.theirs.list_namespaces(**how)


def plain(item: Item | None) -> Any:
    return None if item is None else (item.namespace, item.key, item.value)


def rounded(item: SearchItem) -> float | None:
    return None if item.score is None else round(item.score, 4)


def by_score(items: list[SearchItem], last: float | None) -> list[Any]:
    return sorted(((rounded(one) or 0.0, str(plain(one))) for one in items if rounded(one) != last), reverse=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_same_operations_have_the_same_answers(memory: Memory, seed: int) -> None:
    twins = Twins(memory, seed)
    for _ in range(OPERATIONS):
        twins.step()
    everything = twins.ours.search((), limit=1_000)
    assert [plain(one) for one in everything] == [plain(one) for one in twins.theirs.search((), limit=1_000)]
    assert everything
    assert memory.verify().ok
