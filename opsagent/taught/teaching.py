"""Takes what a person teaches into the memory. The only way in: the command line and the local API of the same user."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.memory_forms import unit_of
from opsagent.taught.read import Taught, read
from opsagent_tools.redact import redact
from opsagent_tools.services.schedule import machine_zone

if TYPE_CHECKING:
    from opsagent_memory import Memory

OF_A_UNIT = "unit/"


def understood(text: str, scope: str, known: Iterable[str]) -> Taught:
    """Read what is taught, by the clock of this machine; in a unit's scope `it` is that unit."""
    it = unit_of(scope) if scope.startswith(OF_A_UNIT) else ""
    return read(text, zone=machine_zone(), now=datetime.now(UTC), known=known, it=it)


def teach(
    memory: Memory,
    text: str,
    scope: str,
    *,
    known: Iterable[str] = (),
    valid_from: datetime | None = None,
    valid_to: datetime | None = None,
    supersedes: str | None = None,
) -> Mapping[str, Any]:
    """Keep what a person said, secrets masked, with the rule that was read from it. Returns what was kept, and how.

    `known`: names of the units that there are. Raises opsagent_memory.MemoryFailure.
    """
    kept = redact(text)
    taught = understood(kept, scope, known)
    ends = valid_to if valid_to is not None else taught.valid_to
    identity = memory.add_fact(
        kept, scope=scope, fields=taught.fields, valid_from=valid_from, valid_to=ends, supersedes=supersedes
    )
    note = taught.note
    if taught.rule is not None and valid_to is not None and taught.valid_to not in {None, valid_to}:
        note += f"; what was said beside it counts: until {valid_to.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    return {
        "id": identity,
        "scope": scope,
        "text": kept,
        "masked": kept != text,
        "rule": taught.rule.fields() if taught.rule is not None else None,
        "note": note,
    }
