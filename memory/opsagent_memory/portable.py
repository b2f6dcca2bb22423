"""Memory as JSON Lines, to carry it elsewhere. Export, import into an empty memory, export: the same, byte for byte.

One record a line, oldest first; what is None is left out:

    {"id", "kind", "scope", "text", "fields", "source", "trust", "created_at",
     "valid_from", "valid_to", "supersedes", "ended_at", "archived_at"}

Not carried: what was forgotten, the log (it belongs to this memory; the other begins its own), vectors, and what was
learnt. What is imported is marked so for good: it is read, and teaches, authorises and replaces nothing.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

import sqlalchemy as sa

from opsagent_memory.chain import stamp
from opsagent_memory.errors import ImportRefused, MemoryStoreError
from opsagent_memory.records import RECORD_TYPES, Kind, Record, Source, storable
from opsagent_memory.schema import records

Mask = Callable[[str], str]
"""Takes secrets out of a text."""
Progress = Callable[[int], None]
"""Hears how many lines are done."""

_ROWS_AT_ONCE = 1_000
_LONGEST_LINE = 32_000_000
_TIMES = ("valid_from", "valid_to", "ended_at", "archived_at")
_NEEDED = frozenset({"id", "kind", "scope", "text", "created_at"})
_KNOWN = _NEEDED | {"fields", "source", "trust", "supersedes", *_TIMES}
_LENGTHS = {"id": 64, "scope": 255, "supersedes": 64}
_LENGTHS_OF_FIELDS = {"remedy": 255, "class": 64}


@contextmanager
def to_write(where: Path | str | BinaryIO) -> Iterator[BinaryIO]:
    """Open where an export goes: a stream, or a file (0600) that is there whole or not at all.

    Raises:
        MemoryStoreError: the file cannot be written.
    """
    if not isinstance(where, Path | str):
        yield where
        return
    path = Path(where)
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(descriptor)
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise MemoryStoreError(f"{path}: the memory cannot be exported: {error.strerror}") from error


@contextmanager
def to_read(where: Path | str | BinaryIO) -> Iterator[BinaryIO]:
    """Open where an import comes from.

    Raises:
        MemoryStoreError: the file cannot be read, or is none: a pipe might be waited for without end.
    """
    if not isinstance(where, Path | str):
        yield where
        return
    if Path(where).exists() and not Path(where).is_file():
        raise MemoryStoreError(f"{where}: cannot be imported: it is no regular file")
    try:
        with Path(where).open("rb") as file:
            yield file
    except OSError as error:
        raise MemoryStoreError(f"{where}: cannot be imported: {error.strerror}") from error


def export(connection: sa.Connection, stream: BinaryIO, progress: Progress | None = None) -> int:
    """Write all live records, archived ones too; return how many. Holds a thousand at a time in memory."""
    replaced = records.alias("replaced")
    query = (
        # What a forgotten record was replaced by is not told: the other memory knows nothing of it.
        sa.select(records, replaced.c.id.label("replaces"))
        .select_from(
            records.outerjoin(
                replaced, sa.and_(replaced.c.id == records.c.supersedes, replaced.c.forgotten_at.is_(None))
            )
        )
        .where(records.c.forgotten_at.is_(None))
        .order_by(records.c.seq)
    )
    count = 0
    for part in connection.execution_options(yield_per=_ROWS_AT_ONCE).execute(query).partitions():
        stream.write(b"".join(_line(row) for row in part))
        count += len(part)
        if progress is not None:
            progress(count)
    return count


def _line(row: Any) -> bytes:
    told: dict[str, Any] = {
        "id": row.id,
        "kind": row.kind,
        "scope": row.scope,
        "text": row.text,
        "fields": row.fields,
        "source": row.source,
        "trust": float(row.trust),
        "created_at": stamp(row.created_at),
    }
    if row.replaces is not None:
        told["supersedes"] = row.replaces
    for name in _TIMES:
        time = getattr(row, name)
        if time is not None:
            told[name] = stamp(time)
    return f"{json.dumps(told, ensure_ascii=False, allow_nan=False)}\n".encode()


def lines(stream: BinaryIO, mask: Mask | None = None) -> Iterator[tuple[int, Record]]:
    """Yield (line number, record), one after the other. Empty lines are passed over.

    Raises:
        ImportRefused: a line is not a record; names it.
    """
    number = 0
    while line := stream.readline(_LONGEST_LINE + 1):
        number += 1
        if len(line) > _LONGEST_LINE:
            raise ImportRefused(number, f"longer than {_LONGEST_LINE:,} bytes")
        if not line.strip():
            continue
        try:
            yield number, _record(json.loads(line), mask)
        except (ValueError, TypeError, KeyError, RecursionError, OverflowError) as error:
            raise ImportRefused(number, _reason(error)) from error


def _reason(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON: {error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return "not UTF-8"
    if isinstance(error, RecursionError):
        return "nested too deeply"
    return str(error)


def _record(told: Any, mask: Mask | None) -> Record:
    if not isinstance(told, dict):
        raise TypeError(f"an object is wanted, not {type(told).__name__}")
    if missing := sorted(_NEEDED - told.keys()):
        raise ValueError(f"{', '.join(missing)} is missing")
    if unknown := sorted(told.keys() - _KNOWN):
        raise ValueError(f"unknown: {', '.join(map(repr, unknown[:3]))}")
    for name, longest in _LENGTHS.items():
        value = told.get(name)
        if name in told and not (isinstance(value, str) and 0 < len(value) <= longest and _printable(name, value)):
            raise ValueError(f"{name} must be a text of 1 to {longest} printable characters")
    fields, trust = told.get("fields", {}), told.get("trust", 1.0)
    if not isinstance(told["text"], str) or not isinstance(fields, dict):
        raise TypeError("text must be a text, fields an object")
    if isinstance(trust, bool) or not isinstance(trust, int | float):
        raise TypeError("trust must be a number")
    for name, longest in _LENGTHS_OF_FIELDS.items():
        if len(str(fields.get(name, ""))) > longest:
            raise ValueError(f"{name} must have at most {longest} characters")
    times = {name: _time(told[name]) for name in _TIMES if name in told}
    return RECORD_TYPES[Kind(told["kind"])](
        id=told["id"],
        scope=told["scope"],
        text=_masked(told["text"], mask),
        fields=_masked(fields, mask),
        source=Source(told.get("source", Source.IMPORT)),
        trust=float(trust),
        created_at=_time(told["created_at"]),
        supersedes=told.get("supersedes"),
        valid_from=times.get("valid_from"),
        valid_to=times.get("valid_to"),
        ended_at=times.get("ended_at"),
        archived_at=times.get("archived_at"),
    )


def _printable(name: str, value: str) -> bool:
    """Ids are typed; a scope is the name of something else, and that may hold whatever a database holds."""
    return storable(value) == value if name == "scope" else value.isprintable()


def _time(told: Any) -> datetime:
    if not isinstance(told, str):
        raise TypeError("a time must be a text, as in 2026-03-01T12:00:00+00:00")
    time = datetime.fromisoformat(told)
    if time.tzinfo is None:
        raise ValueError(f"{told}: a time must say its zone, as in 2026-03-01T12:00:00+00:00")
    return time.astimezone(UTC)


def _masked(value: Any, mask: Mask | None) -> Any:
    """Return a JSON value with the secrets taken out of its texts; keys are left as they are."""
    if mask is None:
        return value
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {key: _masked(item, mask) for key, item in value.items()}
    if isinstance(value, list):
        return [_masked(item, mask) for item in value]
    return value
