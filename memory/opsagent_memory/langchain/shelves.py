"""Namespaces and keys of LangGraph's store, kept as records: which record holds which item now.

A namespace is a scope, an item a fact in it. Putting a key again supersedes the older fact, which leaves recall and
stays readable. Only ids and times are held in memory; values are read when they are asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import blake2b
from urllib.parse import quote

from opsagent_memory.memory import Memory
from opsagent_memory.records import Record

Namespace = tuple[str, ...]
_SCOPE_CHARS = 200


@dataclass(slots=True, kw_only=True)
class Entry:
    """One key of one namespace."""

    namespace: Namespace
    key: str
    record: str
    """Id of the record that holds its value now."""
    created_at: datetime
    """When the key was first put."""
    expires_at: datetime | None
    older: list[str] = field(default_factory=list)
    """Ids of the records that this one superseded."""


class Shelves:
    """All items below one scope, followed as the memory changes."""

    def __init__(self, memory: Memory, scope: str) -> None:
        self._memory = memory
        self._prefix = f"{scope}:"
        self._seen = 0
        self._entries: dict[Namespace, dict[str, Entry]] = {}
        self._by_record: dict[str, Entry] = {}

    def scope_of(self, namespace: Namespace) -> str:
        """Return the scope of a namespace: readable, and different for each."""
        path = "/".join(quote(label, safe="") for label in namespace)
        if len(path) > _SCOPE_CHARS:
            digest = blake2b("\0".join(namespace).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
            path = f"{path[: _SCOPE_CHARS - 40]}~{digest}"
        return f"{self._prefix}{path}"

    def catch_up(self) -> None:
        """Take in what was added and forgotten since the last time, by whomever."""
        changes = self._memory.changes(after=self._seen, scope_prefix=self._prefix)
        for record in changes.added:
            self._take(record)
        for record_id in changes.forgotten:
            self._drop(record_id)
        self._seen = changes.up_to

    def get(self, namespace: Namespace, key: str, now: datetime) -> Entry | None:
        """Return an item's entry, unless it is expired."""
        entry = self._entries.get(namespace, {}).get(key)
        return entry if entry is not None and _lives(entry, now) else None

    def under(self, prefix: Namespace, now: datetime) -> Iterator[Entry]:
        """Yield the entries of all namespaces that begin so, in the order in which they were first put."""
        for namespace, entries in self._entries.items():
            if namespace[: len(prefix)] == prefix:
                yield from (entry for entry in entries.values() if _lives(entry, now))

    def namespaces(self, now: datetime) -> list[Namespace]:
        """Return the namespaces that hold something."""
        return [
            namespace
            for namespace, entries in self._entries.items()
            if any(_lives(entry, now) for entry in entries.values())
        ]

    def everything(self, namespace: Namespace, key: str) -> list[str]:
        """Return the ids of all records that ever held this item."""
        entry = self._entries.get(namespace, {}).get(key)
        return [] if entry is None else [*entry.older, entry.record]

    def expired(self, now: datetime) -> list[str]:
        """Return the ids of all records of items that are expired."""
        gone = (one for entries in self._entries.values() for one in entries.values() if not _lives(one, now))
        return [record for entry in gone for record in (*entry.older, entry.record)]

    def values(self, entries: Sequence[Entry]) -> dict[str, Record]:
        """Return the records of entries by id."""
        return self._memory.show_many([entry.record for entry in entries])

    def _take(self, record: Record) -> None:
        namespace, key = record.fields.get("namespace"), record.fields.get("key")
        if not isinstance(namespace, list) or not isinstance(key, str) or "value" not in record.fields:
            return  # somebody else's, in a scope of this name
        shelf = self._entries.setdefault(tuple(namespace), {})
        entry = shelf.get(key)
        if entry is None:
            entry = shelf[key] = Entry(
                namespace=tuple(namespace),
                key=key,
                record=record.id,
                created_at=record.created_at,
                expires_at=record.valid_to,
            )
        elif entry.record != record.id:
            entry.older.append(entry.record)
            entry.record, entry.expires_at = record.id, record.valid_to
        self._by_record[record.id] = entry

    def _drop(self, record_id: str) -> None:
        entry = self._by_record.pop(record_id, None)
        if entry is None:
            return
        if entry.record != record_id:
            entry.older.remove(record_id)
            return
        for older in entry.older:
            self._by_record.pop(older, None)
        shelf = self._entries[entry.namespace]
        del shelf[entry.key]
        if not shelf:
            del self._entries[entry.namespace]


def _lives(entry: Entry, now: datetime) -> bool:
    return entry.expires_at is None or entry.expires_at > now
