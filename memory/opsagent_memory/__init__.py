"""A memory that learns as it runs: what happened, what holds, how things are done, and what helped.

    with Memory.open(home / "memory.db", home / "chroma") as memory:
        memory.add(Episode(scope="host-1", text="crash of api: exit 1; FATAL lock held", created_at=now,
                           fields={"remedy": "crash/start", "outcome": "worked"}))
        memory.remedies("crash of api: exit 1; FATAL lock held by 7", scope="host-1")

SQL is the truth; Chroma is an index that is rebuilt from it at any time. It knows nothing of operations or of
language models. Importing the package is cheap; numpy, SQLAlchemy, Chroma and the model are loaded when first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsagent_memory.consolidation.words import Consolidated, PossibleContradiction
from opsagent_memory.documents.words import Ingested, IngestLimits, IngestProgress, Skipped
from opsagent_memory.errors import (
    DocumentsRefused,
    EmbedderError,
    ImportRefused,
    MemoryFailure,
    MemoryOwned,
    MemoryStoreError,
    RecordExists,
    RecordNotFound,
)
from opsagent_memory.ranking import NEUTRAL
from opsagent_memory.records import (
    Episode,
    Fact,
    Imported,
    Kind,
    Outcome,
    Procedure,
    Recollection,
    Record,
    RemedyRecord,
    Source,
    Stats,
    Verification,
)

if TYPE_CHECKING:
    from opsagent_memory.embed import Embedder
    from opsagent_memory.memory import Memory
    from opsagent_memory.reader import MemoryReader

__all__ = [
    "NEUTRAL",
    "Consolidated",
    "DocumentsRefused",
    "Embedder",
    "EmbedderError",
    "Episode",
    "Fact",
    "ImportRefused",
    "Imported",
    "IngestLimits",
    "IngestProgress",
    "Ingested",
    "Kind",
    "Memory",
    "MemoryFailure",
    "MemoryOwned",
    "MemoryReader",
    "MemoryStoreError",
    "Outcome",
    "PossibleContradiction",
    "Procedure",
    "Recollection",
    "Record",
    "RecordExists",
    "RecordNotFound",
    "RemedyRecord",
    "Skipped",
    "Source",
    "Stats",
    "Verification",
]

_LAZY = {
    "Embedder": "opsagent_memory.embed",
    "Memory": "opsagent_memory.memory",
    "MemoryReader": "opsagent_memory.reader",
}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        from importlib import import_module

        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
