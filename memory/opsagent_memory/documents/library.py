"""What memory knows of documents: which ones, in which version, and which records are theirs.

A document is a row of facts, its chunks, and one fact more, its contents: path, title, version and the ids of the
chunks in their order. The contents are archived as they are written, so that they are never recalled; the newest one
of a document tells what memory knows of it. All of it is in the truth, and travels with export and import.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from opsagent_memory import database
from opsagent_memory.documents.cutting import RECIPE
from opsagent_memory.records import Kind, Source
from opsagent_memory.schema import records

CONTENTS = "contents"
"""`fields["role"]` of the fact that lists a document's chunks."""
_AT_ONCE = 400
_DOCUMENT = records.c.fields["document"].as_string()
_ROLE = records.c.fields["role"].as_string()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """A document as memory knows it."""

    path: str
    contents: str
    """Id of the fact that says so."""
    version: str
    recipe: int
    chunks: tuple[str, ...]
    """Ids, in the order of the document."""

    def is_of(self, version: str) -> bool:
        """Say whether memory has this version, cut as documents are cut today."""
        return self.version == version and self.recipe == RECIPE


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A chunk that can be recalled."""

    id: str
    text: str
    path: tuple[str, ...]


class Library:
    """Reads what memory knows of the documents of one scope."""

    def __init__(self, engine: sa.Engine, scope: str) -> None:
        self._engine = engine
        self._ours = sa.and_(
            records.c.scope == scope,
            records.c.kind == Kind.FACT.value,
            records.c.source == Source.DOCUMENT.value,
            records.c.forgotten_at.is_(None),
        )

    def known(self) -> dict[str, Known]:
        """Return all documents by their path."""
        query = sa.select(records.c.id, records.c.fields).where(self._ours, _ROLE == CONTENTS).order_by(records.c.seq)
        with database.reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return {known.path: known for known in (_known(row.id, row.fields) for row in rows)}

    def held(self, path: str) -> list[Held]:
        """Return the chunks of a document that can be recalled, in the order in which they came."""
        newer = records.alias("newer")
        superseded = sa.exists().where(newer.c.supersedes == records.c.id, newer.c.forgotten_at.is_(None))
        query = (
            sa.select(records.c.id, records.c.text, records.c.fields)
            .where(self._ours, _DOCUMENT.in_((path,)), _ROLE.is_(None))
            .where(records.c.ended_at.is_(None), records.c.archived_at.is_(None), ~superseded)
            .order_by(records.c.seq)
        )
        with database.reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [Held(id=row.id, text=row.text, path=tuple(row.fields.get("heading_path", ()))) for row in rows]

    def all_of(self, paths: Iterable[str]) -> list[str]:
        """Return the ids of all that was ever kept of these documents."""
        wanted, found = sorted(paths), list[str]()
        with database.reading(self._engine) as connection:
            for start in range(0, len(wanted), _AT_ONCE):
                part: Sequence[str] = wanted[start : start + _AT_ONCE]
                query = sa.select(records.c.id).where(self._ours, _DOCUMENT.in_(part))
                found += connection.scalars(query)
        return found


def _known(record_id: str, fields: Mapping[str, Any]) -> Known:
    return Known(
        path=str(fields["document"]),
        contents=record_id,
        version=str(fields["version"]),
        recipe=int(fields.get("recipe", 0)),
        chunks=tuple(fields.get("chunks", ())),
    )
