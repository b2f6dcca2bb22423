"""What can go wrong here, drawn as a tree.

MemoryFailure
├── MemoryOwned          another process owns this memory
├── MemoryStoreError     the truth (SQL) or the index cannot be read or written
│   └── RecordExists     another record has this id already
├── RecordNotFound       there is no record with this id
├── ImportRefused        a line of what was to be imported is bad
├── DocumentsRefused     too many documents at once
└── EmbedderError        the embedding model is missing, or is not the one that is pinned
"""

from __future__ import annotations

from pathlib import Path


class MemoryFailure(Exception):
    """Something went wrong with the memory; the message is one line for a person."""


class MemoryOwned(MemoryFailure):
    """Another process owns this memory; ask that process, or end it.

    pid: the owner's process id, None where it could not be read.
    """

    def __init__(self, index_dir: Path, pid: int | None) -> None:
        self.index_dir = index_dir
        self.pid = pid
        who = f"process {pid}" if pid is not None else "another process"
        super().__init__(f"{index_dir}: this memory is owned by {who}; ask it, or end it first")


class MemoryStoreError(MemoryFailure):
    """The truth (SQL) or the index cannot be read or written."""


class RecordExists(MemoryStoreError):
    """Another record has this id already; records are never overwritten, supersede it instead."""

    def __init__(self, record_id: str) -> None:
        self.record_id = record_id
        super().__init__(f"record {record_id} exists already with other content; supersede it instead of overwriting")


class RecordNotFound(MemoryFailure, LookupError):
    """There is no record with this id."""

    def __init__(self, record_id: str) -> None:
        self.record_id = record_id
        super().__init__(f"no record {record_id} in this memory")


class DocumentsRefused(MemoryFailure):
    """What was to be taken in is more than may be; nothing was changed."""


class ImportRefused(MemoryFailure):
    """A line of what was to be imported is bad, and nothing was imported.

    line: its number, from 1.
    """

    def __init__(self, line: int, reason: str) -> None:
        self.line = line
        super().__init__(f"line {line}: {reason}; nothing was imported")


class EmbedderError(MemoryFailure):
    """The embedding model is missing, or is not the one that is pinned."""
