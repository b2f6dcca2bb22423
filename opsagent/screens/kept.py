"""A procedure as the memory keeps it: one record for each version, proposed or accepted. Pure.

The memory is where procedures live: what a record says never changes, a new version is a new record that takes the place of
the one before. Crops lie beside, in files whose hashes the record has (`opsagent.screens.files`).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from opsagent.naming import SCREEN, screen_unit
from opsagent.procedures import ACCEPTED, PROPOSED, STATUS
from opsagent.recall import scope_of
from opsagent.screens.errors import ProcedureError
from opsagent_tools.gui.procedure import ScreenProcedure, is_name
from opsagent_tools.gui.saying import said

if TYPE_CHECKING:
    from opsagent_memory import Procedure, Record

SCOPES = f"unit/{SCREEN}/"
"""How the scopes of procedures on screens begin."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One version of a procedure."""

    procedure: ScreenProcedure
    text: str
    """As it is written down (YAML)."""
    status: str = PROPOSED
    """`proposed` or `accepted`."""
    crops: Mapping[str, str] = field(default_factory=dict)
    """Name of each crop's file → its SHA-256."""
    why: str = ""
    """Where this version comes from: recorded, imported, healed by a run."""
    by: str = ""
    """Who recorded, imported or accepted it."""
    run: str = ""
    """The run that proposed it."""
    healed: tuple[Mapping[str, Any], ...] = ()
    """What that run found otherwise than it was recorded: `step`, `rung`, `score`, `margin`, `now` (name of the crop)."""
    record: str = ""
    """Id of its record."""
    at: datetime | None = None

    @property
    def name(self) -> str:
        return self.procedure.name

    @property
    def version(self) -> int:
        return self.procedure.version

    @property
    def accepted(self) -> bool:
        return self.status == ACCEPTED

    @property
    def digest(self) -> str:
        """Return the hash of everything that decides what is done. Approvals and plans are bound to it."""
        return digest_of(self.name, self.version, self.text, self.crops)


def digest_of(name: str, version: int, text: str, crops: Mapping[str, str]) -> str:
    """Return the hash of a procedure as it is written down, and of the pictures that it finds things by."""
    said = json.dumps([name, version, text, sorted(crops.items())], ensure_ascii=False)
    return hashlib.sha256(said.encode()).hexdigest()[:32]


def check_name(name: str) -> str:
    """Return a name that a procedure may have. Raises ProcedureError."""
    if not is_name(name):
        raise ProcedureError(
            f"{name!r} cannot be the name of a procedure: use up to 64 letters, digits, spaces, - and ."
        )
    return name


def scope(name: str) -> str:
    """Return the memory's scope of a procedure."""
    return scope_of(screen_unit(name))


def remedy(name: str) -> str:
    """Return the durable name under which memory counts how its runs ended."""
    return f"{SCREEN}/{name}"


def fields_of(kept: Kept) -> dict[str, Any]:
    """Return what a version is written down as, in its record and on its way there (its name apart)."""
    return {
        "version": kept.version,
        "written": kept.text,
        "crops": dict(kept.crops),
        STATUS: kept.status,
        "why": kept.why,
        "by": kept.by,
        "run": kept.run,
        "healed": [dict(one) for one in kept.healed],
    }


def from_fields(fields: Mapping[str, Any], procedure: ScreenProcedure, status: str) -> Kept:
    """Return the version that was written down (`fields_of`); its procedure was read, and its status judged, before."""
    return Kept(
        procedure=procedure,
        text=str(fields["written"]),
        status=status,
        crops={str(name): str(digest) for name, digest in dict(fields.get("crops") or {}).items()},
        why=str(fields.get("why", "")),
        by=str(fields.get("by", "")),
        run=str(fields.get("run", "")),
        healed=tuple(dict(one) for one in fields.get("healed") or ()),
    )


def as_record(kept: Kept, now: datetime, *, supersedes: str | None = None) -> Procedure:
    """Return what the memory keeps. What a person accepted is theirs; the rest is the agent's own, and orders nothing."""
    from opsagent_memory import Procedure, Source

    return Procedure(
        scope=scope(kept.name),
        text=described(kept.procedure),
        fields={SCREEN: kept.name, "digest": kept.digest, **fields_of(kept)},
        source=Source.PERSON if kept.accepted else Source.AGENT,
        created_at=now,
        supersedes=supersedes,
    )


def from_record(record: Record) -> Kept | None:
    """Return the version that a record holds; None where it is no procedure on a screen, or cannot be read by this version
    of the agent (`unreadable`).

    What was imported from another memory is proposed at most, whatever it says of itself.
    """
    from opsagent.screens.writing import read

    fields = record.fields
    if fields.get(SCREEN) is None or not isinstance(fields.get("written"), str):
        return None
    try:
        procedure = read(str(fields["written"]), "memory")
    except ProcedureError:
        return None
    theirs = fields.get(STATUS) == ACCEPTED and record.source.value == "person" and record.imported_at is None
    named = replace(procedure, name=str(fields[SCREEN]), version=int(fields.get("version", 1)))
    found = from_fields(fields, named, ACCEPTED if theirs else PROPOSED)
    found = replace(found, record=record.id, at=record.created_at)
    return found if found.digest == fields.get("digest") else None


def unreadable(record: Record) -> str:
    """Return the name of the procedure that a record holds and that cannot be read; empty where it can, or holds none."""
    name = record.fields.get(SCREEN)
    return str(name) if name is not None and from_record(record) is None else ""


def described(procedure: ScreenProcedure) -> str:
    """Return what the memory knows it by: its name, title, program and steps, in words."""
    steps = "; ".join(said(step) for step in procedure.steps)
    return f"{procedure.name}: {procedure.title or 'a procedure on a screen'} in {procedure.window.program}. {steps}"


def newest(versions: Iterable[Kept], *, accepted: bool | None = None) -> Kept | None:
    """Return the newest version of a row of them; `accepted`: only such, or only others."""
    wanted = [one for one in versions if accepted is None or one.accepted is accepted]
    return max(wanted, key=lambda one: (one.version, one.accepted, one.at.timestamp() if one.at else 0.0), default=None)
