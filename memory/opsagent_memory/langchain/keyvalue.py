"""LangChain's key-value store over this memory: what is kept is JSON, and nothing of it is searched by meaning."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any

from langchain_core.stores import BaseStore
from langgraph.store.base import GetOp, Op, PutOp

from opsagent_memory.langchain.store import MemoryStore

_PAGE = 500


class MemoryKeyValueStore(BaseStore[str, Any]):
    """Keys and JSON values in one namespace of a `MemoryStore`. Deleting forgets for good."""

    def __init__(self, store: MemoryStore, namespace: tuple[str, ...] = ("keyvalue",)) -> None:
        self._store = store
        self._namespace = namespace

    def mget(self, keys: Sequence[str]) -> list[Any]:
        """Return the values of these keys, None where there is none."""
        return _values(self._store.batch(self._gets(keys)))

    async def amget(self, keys: Sequence[str]) -> list[Any]:
        """Return the values of these keys, None where there is none."""
        return _values(await self._store.abatch(self._gets(keys)))

    def mset(self, key_value_pairs: Sequence[tuple[str, Any]]) -> None:
        """Keep these values."""
        self._store.batch(self._puts(key_value_pairs))

    async def amset(self, key_value_pairs: Sequence[tuple[str, Any]]) -> None:
        """Keep these values."""
        await self._store.abatch(self._puts(key_value_pairs))

    def mdelete(self, keys: Sequence[str]) -> None:
        """Forget these keys for good."""
        self._store.batch(PutOp(self._namespace, key, None) for key in keys)

    async def amdelete(self, keys: Sequence[str]) -> None:
        """Forget these keys for good."""
        await self._store.abatch(PutOp(self._namespace, key, None) for key in keys)

    def yield_keys(self, *, prefix: str | None = None) -> Iterator[str]:
        """Yield the keys, or those that begin so."""
        start = 0
        while page := self._store.search(self._namespace, limit=_PAGE, offset=start):
            yield from (
                item.key for item in page if item.namespace == self._namespace and item.key.startswith(prefix or "")
            )
            start += _PAGE

    async def ayield_keys(self, *, prefix: str | None = None) -> AsyncIterator[str]:
        """Yield the keys, or those that begin so."""
        start = 0
        while page := await self._store.asearch(self._namespace, limit=_PAGE, offset=start):
            for item in page:
                if item.namespace == self._namespace and item.key.startswith(prefix or ""):
                    yield item.key
            start += _PAGE

    def _gets(self, keys: Sequence[str]) -> list[Op]:
        return [GetOp(self._namespace, key) for key in keys]

    def _puts(self, pairs: Sequence[tuple[str, Any]]) -> list[Op]:
        return [PutOp(self._namespace, key, {"value": value}, index=False) for key, value in pairs]


def _values(items: Sequence[Any]) -> list[Any]:
    return [None if item is None else item.value["value"] for item in items]
