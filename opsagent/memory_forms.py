"""Records and recollections in the JSON form that the local API, `--json` and the views share. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent_memory import Recollection, Record
    from opsagent_memory.consolidation.words import Consolidated
    from opsagent_memory.documents.words import Ingested
    from opsagent_memory.records import Happened, Verification


EVERYWHERE = "all"
"""Scope of what a person said of no service in particular."""


def record_form(record: Record) -> dict[str, Any]:
    """Return a record in its documented form; times are ISO 8601 in UTC."""
    return {
        "id": record.id,
        "kind": record.kind.value,
        "scope": record.scope,
        "text": record.text,
        "source": record.source.value,
        "trust": record.trust,
        "created_at": when(record.created_at),
        "valid_from": when(record.valid_from),
        "valid_to": when(record.valid_to),
        "ended_at": when(record.ended_at),
        "supersedes": record.supersedes,
        "archived_at": when(record.archived_at),
        "imported_at": when(record.imported_at),
        "family": record.family,
        "surprise": round(record.surprise, 4) if record.surprise is not None else None,
        "fields": dict(record.fields),
    }


def recollection_form(found: Recollection) -> dict[str, Any]:
    """Return a record that came to mind: as `record_form`, with its score and why it came."""
    return {
        **record_form(found.record),
        "score": round(found.score, 4),
        "without_learning": round(found.without_learning, 4),
        "rank_without_learning": found.rank_without_learning,
        "keywords": list(found.keywords),
        "similarity": round(found.similarity, 4),
        "tries": found.tries,
        "successes": found.successes,
        "last_worked": when(found.last_worked),
        "why": found.why,
    }


def event_form(event: Happened) -> dict[str, Any]:
    """Return one event of a record's history."""
    return {"event": event.event, "at": when(event.at), "payload": dict(event.payload)}


def verification_form(found: Verification) -> dict[str, Any]:
    """Return what comparing the records with the log found."""
    return {
        "ok": found.ok,
        "records": found.records,
        "events": found.events,
        "head": found.head,
        "problems": list(found.problems),
    }


def ingested_form(found: Ingested) -> dict[str, Any]:
    """Return what taking in documents did."""
    form = asdict(found)
    return {name: list(value) if isinstance(value, tuple) else value for name, value in form.items()}


def consolidated_form(found: Consolidated) -> dict[str, Any]:
    """Return what putting the memory in order did, or would do."""
    return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(found).items()}


def when(at: datetime | None) -> str | None:
    """Return a time as JSON carries it."""
    return at.isoformat() if at is not None else None


def unit_of(scope: str) -> str:
    """Return whose memory a scope is, as a person says it: `pm2:api` for `unit/pm2/api`; other scopes as they are."""
    sort, _, rest = scope.partition("/")
    supervisor, _, name = rest.partition("/")
    return f"{supervisor}:{name}" if sort == "unit" and name else scope


def scopes_of(unit: str, scopes: Iterable[str]) -> tuple[str, ...]:
    """Return those scopes that a person means by the name of a unit: full id, `pm2:web/api`, `web/api` or `api`."""
    wanted = unit.rpartition("@")[0] or unit
    found = []
    for scope in scopes:
        full = unit_of(scope)
        name = full.partition(":")[2]
        if wanted in {scope, full} or (name and wanted in {name, name.rpartition("/")[2]}):
            found.append(scope)
    return tuple(found)
