"""A replay in its documented JSON form. The same logs give the same document, byte for byte, but for `read.took_s`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from opsagent.replay.words import Found, Recurring, Replayed, Seen, SourceRead
from opsagent_tools.redact import redact
from opsagent_tools.text import escape_for_terminal

_UNPLACED = 50


def document(
    replayed: Replayed, *, asked: tuple[str, str | None] = ("", None), limit: int | None = None
) -> dict[str, Any]:
    """Return `{"read", "recurring", "incidents", "unplaced"}`. `asked`: the window as a person wrote it (`30d`, up to
    now); `limit`: so many incidents, and causes, at most.
    """
    incidents = sorted(replayed.incidents, key=lambda one: (-one.began_at, str(one.unit), one.id))
    return {
        "read": {"since": asked[0], "until": asked[1], **read(replayed)},
        "recurring": [_recurring(one) for one in replayed.recurring[:limit]],
        "incidents": [
            incident(one, _group_of(one, replayed.recurring), replayed.live.get(one.id)) for one in incidents[:limit]
        ],
        "unplaced": [
            {"unit": str(unit), "name": unit.name, **_signature(seen)} for unit, seen in replayed.unplaced[:_UNPLACED]
        ],
    }


def read(replayed: Replayed) -> dict[str, Any]:
    """Return what was read, and what could not be."""
    sources = sorted(replayed.sources, key=lambda one: (one.what, one.name))
    return {
        "took_s": round(replayed.took_s, 3),
        "files": sum(one.files for one in sources),
        "lines": sum(one.lines for one in sources),
        "bytes": sum(one.bytes for one in sources),
        "incidents": len(replayed.incidents),
        "noticed": dict(replayed.noticed),
        "sources": [_source(one) for one in sources],
        "unread": [{"name": one.name, "why": one.why} for one in _distinct(replayed)],
    }


def incident(found: Found, group: Recurring | None, live: str | None = None) -> dict[str, Any]:
    """Return one incident. `live`: its id, where the agent saw it itself."""
    ended = found.ended_at
    return {
        "id": found.id,
        "fault": found.fault.value,
        "unit": str(found.unit),
        "name": found.unit.name,
        "began_at": stamp(found.began_at),
        "ended_at": stamp(ended),
        "lasted_s": round(ended - found.began_at, 3) if ended is not None else None,
        "ended": found.ended,
        "summary": escape_for_terminal(found.summary),
        "affected": [str(unit) for unit in found.affected],
        "evidence": [kind.value for kind in found.evidence],
        "deaths": found.deaths,
        "errors": found.errors,
        "signatures": [{**_signature(seen), "sample": seen.line} for seen in found.signatures],
        "time_sure": found.sure,
        "seen_live": live,
        "times": group.count if group is not None else 1,
    }


def stamp(at: float | None) -> str | None:
    """Return a moment in ISO 8601, UTC."""
    return datetime.fromtimestamp(at, UTC).isoformat() if at is not None else None


def _group_of(found: Found, groups: Sequence[Recurring]) -> Recurring | None:
    return next((group for group in groups if found.id in group.incidents), None)


def _recurring(one: Recurring) -> dict[str, Any]:
    return {
        "fault": one.fault.value,
        "unit": str(one.unit),
        "name": one.unit.name,
        "count": one.count,
        "first_at": stamp(one.first_at),
        "last_at": stamp(one.last_at),
        "every_s": round(one.every_s) if one.every_s is not None else None,
        "lasted_s": round(one.total_s, 3),
        "summary": escape_for_terminal(one.summary),
        "signature": redact(one.signature),
        "key": one.key,
        "incidents": list(one.incidents),
    }


def _signature(seen: Seen) -> dict[str, Any]:
    return {"key": seen.key, "signature": redact(seen.template), "level": seen.level, "count": seen.count}


def _source(one: SourceRead) -> dict[str, Any]:
    return {
        "name": one.name,
        "what": one.what,
        "unit": str(one.unit) if one.unit is not None else None,
        "files": one.files,
        "lines": one.lines,
        "bytes": one.bytes,
        "errors": one.errors,
        "first": stamp(one.first),
        "last": stamp(one.last),
        "times": one.times,
        "offset": one.offset or None,
        "offset_from": one.offset_from or None,
    }


def _distinct(replayed: Replayed) -> list[Any]:
    return sorted(dict.fromkeys(replayed.unread), key=lambda one: (one.name, one.why))
