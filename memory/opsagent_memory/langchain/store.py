"""LangGraph's store over this memory: it survives, forgets for good, and searches by meaning with memory's own model."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    Op,
    PutOp,
    Result,
    SearchItem,
    SearchOp,
    TTLConfig,
    get_text_at_path,
    tokenize_path,
)
from langgraph.store.base import validate_op_namespace as validate

from opsagent_memory.langchain.filters import holds, matches
from opsagent_memory.langchain.shelves import Entry, Shelves
from opsagent_memory.memory import Memory
from opsagent_memory.records import Fact, Record, Source

_UNINDEXED = "not indexed"
_PUT_AGAIN = "put again"


class MemoryStore(BaseStore):
    """A `BaseStore` whose items are facts of a memory. Safe to call from any thread; `abatch` uses one.

    A value comes back as JSON keeps it (tuples as lists). Reading does not prolong a TTL; an expired item is not
    seen any more, and `sweep_ttl` forgets it for good. `delete` forgets for good, all that the key ever held.
    What is indexed of an item (`fields`, or the put's own `index`) is embedded as one text.
    """

    supports_ttl = True

    def __init__(
        self,
        memory: Memory,
        *,
        scope: str = "langgraph",
        fields: Sequence[str] = ("$",),
        ttl: TTLConfig | None = None,
        source: Source = Source.MODEL,
        trust: float = 0.5,
    ) -> None:
        """Keep items in scopes that begin with `scope`.

        `fields` are the paths that are embedded where a put names none (`$`: the whole value). `source` and `trust`
        say how far the items are believed; of `ttl`, `default_ttl` (minutes) is heeded.

        Raises:
            ValueError: `ttl` asks that reading prolongs a life.
        """
        if ttl is not None and ttl.get("refresh_on_read", False):
            raise ValueError("reading does not prolong a TTL here: refresh_on_read must be false")
        self.ttl_config = {"refresh_on_read": False, **ttl} if ttl is not None else None
        self._memory = memory
        self._fields = tuple(fields)
        self._source, self._trust = source, trust
        self._shelves = Shelves(memory, scope)
        self._one_at_a_time = threading.Lock()

    def batch(self, ops: Iterable[Op]) -> list[Result]:
        """Answer all operations: reads see what was there before the puts, and of one key's puts the last counts."""
        asked = list(ops)
        for op in asked:
            validate(op)
        with self._one_at_a_time:
            self._shelves.catch_up()
            results = [self._answer(op) for op in asked]
            self._write({(op.namespace, op.key): op for op in asked if isinstance(op, PutOp)}.values())
        return results

    async def abatch(self, ops: Iterable[Op]) -> list[Result]:
        """Answer all operations, in a thread."""
        return await asyncio.to_thread(self.batch, list(ops))

    def sweep_ttl(self) -> int:
        """Forget what is expired, for good; return how many records went."""
        with self._one_at_a_time:
            self._shelves.catch_up()
            gone = self._shelves.expired(self._memory.now())
            return self._memory.forget_many(gone) if gone else 0

    def _answer(self, op: Op) -> Result:
        match op:
            case GetOp():
                entry = self._shelves.get(op.namespace, op.key, self._memory.now())
                return next((_item(one, record) for one, record in self._read([entry] if entry else [])), None)
            case SearchOp():
                return self._search(op)
            case ListNamespacesOp():
                return self._list(op)
            case PutOp():
                return None
        raise ValueError(f"unknown operation {type(op).__name__}")

    def _read(self, entries: Sequence[Entry]) -> list[tuple[Entry, Record]]:
        records = self._shelves.values(entries)
        return [(entry, records[entry.record]) for entry in entries if entry.record in records]

    def _search(self, op: SearchOp) -> list[SearchItem]:
        entries = list(self._shelves.under(op.namespace_prefix, self._memory.now()))
        page = slice(op.offset, op.offset + op.limit)
        if not op.filter and not op.query:
            return [_found(entry, record, None) for entry, record in self._read(entries[page])]
        kept = [(entry, record) for entry, record in self._read(entries) if holds(record.fields["value"], op.filter)]
        if not op.query:
            return [_found(entry, record, None) for entry, record in kept[page]]
        indexed = [one for one in kept if one[1].fields.get("indexed", True)]
        scores = self._memory.similarities(op.query, [record.text for _, record in indexed])
        ranked = sorted(zip(scores, indexed, strict=True), key=lambda one: -one[0])
        found = [_found(entry, record, score) for score, (entry, record) in ranked]
        found += [_found(entry, record, None) for entry, record in kept if not record.fields.get("indexed", True)]
        return found[page]

    def _list(self, op: ListNamespacesOp) -> list[tuple[str, ...]]:
        conditions = op.match_conditions or ()
        found = {
            namespace[: op.max_depth]
            for namespace in self._shelves.namespaces(self._memory.now())
            if all(matches(namespace, condition) for condition in conditions)
        }
        return sorted(found)[op.offset : op.offset + op.limit]

    def _write(self, puts: Iterable[PutOp]) -> None:
        added: list[Record] = []
        unindexed: list[Record] = []
        gone: list[str] = []
        replaced: list[str] = []
        for op in puts:
            if op.value is None:
                gone += self._shelves.everything(op.namespace, op.key)
                continue
            ever = self._shelves.everything(op.namespace, op.key)
            fact = self._fact(op, op.value, ever[-1] if ever else None)
            (added if fact.fields.get("indexed", True) else unindexed).append(fact)
            replaced += ever[-1:]
        if added or unindexed:
            self._memory.revise(added, archived=unindexed, why=_UNINDEXED)
        if replaced:
            self._memory.archive(replaced, _PUT_AGAIN)
        if gone:
            self._memory.forget_many(gone)

    def _fact(self, op: PutOp, value: Mapping[str, Any], supersedes: str | None) -> Fact:
        text = "" if op.index is False else self._text(value, self._fields if op.index is None else op.index)
        now = self._memory.now()
        fields: dict[str, Any] = {"namespace": list(op.namespace), "key": op.key, "value": dict(value)}
        if not text:
            fields["indexed"] = False
        fact = Fact(
            scope=self._shelves.scope_of(op.namespace),
            text=text or f"{'/'.join(op.namespace)} {op.key}",
            fields=fields,
            source=self._source,
            trust=self._trust,
            created_at=now,
            valid_to=_expiry(now, op.ttl),
            supersedes=supersedes,
        )
        if fact.fields["key"] != op.key or fact.fields["namespace"] != list(op.namespace):
            raise ValueError("a key or namespace that is no valid Unicode cannot be kept")
        return fact

    @staticmethod
    def _text(value: Mapping[str, Any], paths: Sequence[str]) -> str:
        texts = [
            text for path in paths for text in get_text_at_path(value, path if path == "$" else tokenize_path(path))
        ]
        return "\n".join(texts)


def _expiry(now: datetime, minutes: float | None) -> datetime | None:
    if minutes is None:
        return None
    try:
        return now + timedelta(minutes=minutes)
    except OverflowError:
        return None  # further off than any date


def _item(entry: Entry, record: Record) -> Item:
    return Item(
        value=dict(record.fields["value"]),
        key=entry.key,
        namespace=entry.namespace,
        created_at=entry.created_at,
        updated_at=record.created_at,
    )


def _found(entry: Entry, record: Record, score: float | None) -> SearchItem:
    return SearchItem(
        namespace=entry.namespace,
        key=entry.key,
        value=dict(record.fields["value"]),
        created_at=entry.created_at,
        updated_at=record.created_at,
        score=score,
    )
