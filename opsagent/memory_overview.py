"""The memory at a glance, in the JSON form of `opsagent memory stats`: read from SQL and the disk, without the lock."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent.memory_forms import when

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.memory_settings import MemorySettings
    from opsagent_memory import MemoryReader


def overview(home: Home, reader: MemoryReader, settings: MemorySettings) -> dict[str, Any]:
    """Return how much is remembered, from whom, where it lies, what was learnt, and what bounds it.

    Raises opsagent_memory.MemoryStoreError.
    """
    from opsagent_memory.consolidation.words import in_words

    stats, more = reader.stats(), reader.overview(datetime.now(UTC))
    form = asdict(stats) | asdict(more)
    return {
        **form,
        "oldest": when(stats.oldest),
        "newest": when(stats.newest),
        "disk": {"database": _database_bytes(home.database), "index": _bytes_under(home.chroma_dir)},
        "policy": asdict(settings.options().policy),
        "policy_in_words": list(in_words(settings.options().policy)),
        "learning": asdict(settings.options().learning),
    }


def _database_bytes(path: Path) -> int:
    """Return what the database takes, its journal with it (incidents and the rest lie in the same file)."""
    return sum(_size(path.with_name(path.name + end)) for end in ("", "-wal"))


def _bytes_under(folder: Path) -> int:
    return sum(_size(path) for path in folder.rglob("*"))


def _size(path: Path) -> int:
    try:
        found = path.lstat()
    except OSError:
        return 0
    return found.st_blocks * 512
