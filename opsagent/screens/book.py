"""Writes versions of procedures into the memory, for whoever owns it; what they are made of is checked again here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.procedures import ACCEPTED, PROPOSED, STATUS
from opsagent.screens.errors import ProcedureError
from opsagent.screens.kept import Kept, as_record, check_name, fields_of, from_fields
from opsagent.screens.writing import read, refuse_secrets
from opsagent_memory.errors import MemoryFailure

if TYPE_CHECKING:
    from opsagent_memory import Memory


class NotKeepable(MemoryFailure):
    """That is no procedure that the memory could keep. The text says why."""


def form_of(kept: Kept, *, supersedes: str = "") -> dict[str, Any]:
    """Return a version as the local API carries it."""
    return {"name": kept.name, **fields_of(kept), "supersedes": supersedes}


def keep(memory: Memory, form: Mapping[str, Any]) -> dict[str, Any]:
    """Keep a version. Raises NotKeepable, MemoryFailure."""
    try:
        kept = _read(form)
    except (ProcedureError, KeyError, TypeError, ValueError) as error:
        raise NotKeepable(str(error)) from error
    record = as_record(kept, datetime.now(UTC), supersedes=str(form.get("supersedes") or "") or None)
    memory.add(record)
    return {"id": record.id, "name": kept.name, "version": kept.version, STATUS: kept.status, "digest": kept.digest}


def _read(form: Mapping[str, Any]) -> Kept:
    text, status = str(form["written"]), str(form[STATUS])
    if status not in {ACCEPTED, PROPOSED}:
        raise ValueError(f"{status!r} is no status: {ACCEPTED} or {PROPOSED}")
    refuse_secrets(text)
    procedure = read(text, str(form["name"]))
    named = replace(procedure, name=check_name(str(form["name"])), version=int(form["version"]))
    return from_fields(form, named, status)
