"""The arithmetic of the log: what an event commits to, and how each is tied to the one before. Pure; stdlib only.

    commitment = SHA-256(salt + canonical payload)
    hash       = SHA-256(canonical [previous hash, seq, event, record id, time, commitment])

The chain covers the commitment and not the payload. So forgetting can destroy the payload and its salt for good (16
random bytes, so that nobody can guess a short text from its commitment), and the chain still holds.

The forms below never change: the log of every memory depends on them. A new optional part of a record is left out
where it is None, which leaves what was committed to before as it is.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from hashlib import sha256
from typing import Any

START = bytes(32)
"""What the first event is tied to."""
NOTHING = sha256(b"").digest()
"""The commitment of an event that has nothing to tell but that it happened."""
_SALT_BYTES = 16
_quoted = json.encoder.encode_basestring
_canonical = json.JSONEncoder(ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":")).encode


class Event(StrEnum):
    """What is done to a record. The log has one row for each."""

    ADD = "add"
    """The payload is the record itself and stands in `memory_records` only."""
    END = "end"
    """Its validity ended: {ended_at, why}."""
    ARCHIVE = "archive"
    """It is no longer recalled: {archived_at, why}."""
    LEARN = "learn"
    """A learner took it: {family, surprise, ...}."""
    FORGET = "forget"
    """It was erased; from here on the payloads and salts of all its events are gone."""


def new_salt() -> bytes:
    """Return a fresh salt."""
    return secrets.token_bytes(_SALT_BYTES)


def stamp(time: datetime) -> str:
    """Return a time as the log writes it: UTC, to the microsecond."""
    return time.astimezone(UTC).isoformat(timespec="microseconds")


def content(
    *,
    record_id: str,
    scope: str,
    kind: str,
    text: str,
    fields: Mapping[str, Any],
    source: str,
    trust: float,
    created_at: datetime,
    valid_from: datetime | None,
    valid_to: datetime | None,
    supersedes: str | None,
    imported_at: datetime | None,
) -> dict[str, Any]:
    """Return what the adding of a record commits to: all of it that never changes."""
    told: dict[str, Any] = {
        "id": record_id,
        "scope": scope,
        "kind": str(kind),
        "text": text,
        "fields": dict(fields),
        "source": str(source),
        "trust": float(trust),
        "created_at": stamp(created_at),
    }
    for name, time in (("valid_from", valid_from), ("valid_to", valid_to), ("imported_at", imported_at)):
        if time is not None:
            told[name] = stamp(time)
    if supersedes is not None:
        told["supersedes"] = supersedes
    return told


def commitment(salt: bytes, payload: Mapping[str, Any]) -> bytes:
    """Return what stands for a payload in the chain; without the salt nobody can tell what it stood for."""
    return sha256(salt + canonical(payload)).digest()


def link(previous: bytes, seq: int, event: str, record_id: str, *, at: datetime, committed: bytes) -> bytes:
    """Return the hash of an event, tied to the one before."""
    # The canonical list, put together by hand: a long log has many of them.
    said = f'["{previous.hex()}",{seq},{_quoted(event)},{_quoted(record_id)},"{stamp(at)}","{committed.hex()}"]'
    return sha256(said.encode()).digest()


def canonical(value: Any) -> bytes:
    """Return the one way to write a JSON value: keys sorted, no spaces, UTF-8."""
    return _canonical(value).encode()


def head_text(seq: int, hashed: bytes) -> str:
    """Return the head of a log as a person can note it elsewhere: `seq:hash`."""
    return f"{seq}:{hashed.hex()}"


def head_of(text: str) -> tuple[int, bytes]:
    """Return (seq, hash) of a head that was noted. Raises ValueError where it is none."""
    seq, _, hashed = text.strip().partition(":")
    found = int(seq), bytes.fromhex(hashed)
    if len(found[1]) != len(START) or found[0] < 0:
        raise ValueError(f"{text!r} is not the head of a log")
    return found
