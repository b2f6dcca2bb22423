"""What the service itself says: its health probe, its recent errors, its last words."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.journal import last_lines as journal_lines
from opsagent_tools.logs.levels import is_error
from opsagent_tools.logs.opening import open_log
from opsagent_tools.logs.tail import text_of
from opsagent_tools.probes.health import ask
from opsagent_tools.redact import redact
from opsagent_tools.text import UntrustedText
from opsagent_tools.trust import file_problem
from opsagent_tools.units import UnitId

_RECENT_S = 10.0
_TAIL_BYTES = 8 * 1024
_LINES_SHOWN = 20
_ERROR_SHOWN = 200


async def health_now(room: Room, unit_id: UnitId) -> Found:
    """Ask the configured probe, now."""
    spec = room.spec(unit_id)
    if spec is None or spec.health is None:
        return Found(kind=EvidenceKind.PROBE, facts={"configured": False, "said": "no health probe is configured"})
    answer = await ask(spec.health)
    facts: dict[str, Scalar] = {
        "configured": True,
        "ok": answer.ok,
        "reason": answer.reason,
        "latency_s": answer.latency_s,
    }
    if answer.status is not None:
        facts["status"] = answer.status
    known = room.world.health.get(unit_id)
    if known is not None and not known.ok:
        facts["failing_s"] = max(0.0, (room.now - known.since).total_seconds())
    if known is not None and known.last_ok is not None:
        facts["last_ok_s"] = max(0.0, (room.now - known.last_ok).total_seconds())
    detail = f"status {answer.status}" if answer.reason == "status" else answer.reason
    facts["said"] = f"healthy in {answer.latency_s:.3f} s" if answer.ok else f"{detail} after {answer.latency_s:.2f} s"
    return Found(kind=EvidenceKind.PROBE, facts=facts)


async def recent_errors(room: Room, unit_id: UnitId) -> Found:
    """Count the error lines of the last seconds. Text: good enough for doing nothing, and for nothing else."""
    errors = room.world.past(unit_id).errors
    recent = sum((room.now - error.at).total_seconds() <= _RECENT_S for error in errors)
    facts: dict[str, Scalar] = {"recent": recent, "said": f"{recent} error lines in the last {_RECENT_S:.0f} s"}
    return Found(kind=EvidenceKind.TEXT, facts=facts)


async def last_log(room: Room, unit_id: UnitId) -> Found:
    """Read the unit's last lines, redacted. For a person's eyes and for the note."""
    owner = room.world.owners.get(unit_id.supervisor)
    lines = await asyncio.to_thread(last_lines, await log_paths(room, unit_id), owner)
    journal = (await room.unit(unit_id)).journal
    if journal:
        lines += [text_of(raw) for raw in await asyncio.to_thread(journal_lines, journal, _LINES_SHOWN)]
    shown = [redact(line) for line in lines[-_LINES_SHOWN:]]
    errors = [line for line in shown if is_error(line)]
    # a program's last words are mostly why it ended, whatever level they state
    last = errors[-1] if errors else (shown[-1] if shown else "")
    said = str(UntrustedText(" ".join(last.split())).truncated(_ERROR_SHOWN))
    return Found(
        kind=EvidenceKind.TEXT,
        facts={"lines": len(shown), "last_error": said, "said": said or "no log lines"},
        text=UntrustedText("\n".join(shown)),
    )


async def log_paths(room: Room, unit_id: UnitId) -> tuple[Path, ...]:
    """Return the unit's log files, without what is not its supervisor's user's."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    owner = room.world.owners.get(unit_id.supervisor)
    paths = dict.fromkeys([*(spec.logs if spec is not None else ()), *unit.logs])
    return tuple(path for path in paths if owner is None or not file_problem(path, owner))


def last_lines(paths: Iterable[Path], uid: int | None = None) -> list[str]:
    """Return the last lines of the files, the one written to last at the end. `uid`: whose they must be."""
    found: list[tuple[float, list[str]]] = []
    for path in paths:
        try:
            descriptor = open_log(path, uid)
        except (OSError, UnsafeFile):
            continue
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(descriptor)
            raw = os.pread(descriptor, _TAIL_BYTES, max(0, status.st_size - _TAIL_BYTES)) if status.st_size else b""
            file.close()
        lines = raw.decode("utf-8", "replace").splitlines()
        found.append((status.st_mtime, lines[1:] if status.st_size > _TAIL_BYTES else lines))
    return [line for _, lines in sorted(found, key=lambda one: one[0]) for line in lines if line.strip()]
