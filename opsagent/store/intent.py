"""What people ordered: holds, the pause, notes. Written durably, seen by every process at its next look."""

from __future__ import annotations

import secrets
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, Select, or_, select

from opsagent.store.boundary import Store
from opsagent.store.rows import HoldRow, NoteRow, Pause
from opsagent.store.schema import holds, service_notes, settings
from opsagent_tools.units import UnitId

_PAUSED = "paused"


class Intent(Store):
    """The part of the journal that knows people's orders."""

    def hold(self, unit: UnitId, until: datetime | None, why: str, by: str) -> str:
        """Keep the agent's hands off a unit until then (None: until released); return the hold's id."""
        hold_id = secrets.token_hex(4)
        with self._writing(durable=True) as writer:
            writer.insert(holds, hold_id, unit=unit, at=writer.now, until=until, why=why, by=by)
        return hold_id

    def release_hold(self, unit: UnitId, by: str) -> int:
        """End all holds of a unit; return how many there were."""
        with self._writing(durable=True) as writer:
            wanted = _active(writer.now).where(holds.c.unit == str(unit))
            found = [row["id"] for row in writer.connection.execute(wanted).mappings()]
            for hold_id in found:
                writer.update(holds, hold_id, released_at=writer.now, released_by=by)
            return len(found)

    def holds(self, now: datetime | None = None) -> tuple[HoldRow, ...]:
        """Return the holds that are in force, oldest first."""
        with self._reading() as connection:
            found = connection.execute(_active(now or self._clock())).mappings()
            return tuple(_hold_row(row) for row in found)

    def pause(self, by: str, why: str = "") -> None:
        """Keep the agent's hands off everything. It is looked at before every step."""
        with self._writing(durable=True) as writer:
            writer.put(settings, _PAUSED, value={"by": by, "why": why, "paused": True}, at=writer.now)

    def resume(self, by: str) -> bool:
        """End the pause; return whether there was one."""
        with self._writing(durable=True) as writer:
            current = writer.connection.execute(select(settings.c.value).where(settings.c.id == _PAUSED)).scalar()
            if not current or not current["paused"]:
                return False
            writer.put(settings, _PAUSED, value={"by": by, "why": "", "paused": False}, at=writer.now)
            return True

    def paused(self) -> Pause | None:
        """Return who paused the agent, when and why; None while it is not paused."""
        with self._reading() as connection:
            row = connection.execute(select(settings).where(settings.c.id == _PAUSED)).mappings().first()
        if row is None or not row["value"]["paused"]:
            return None
        return Pause(by=row["value"]["by"], why=row["value"]["why"], at=row["at"])

    def note(self, unit: UnitId, text: str, by: str) -> str:
        """Write down what a person wants known of a service; return the note's id."""
        note_id = secrets.token_hex(4)
        with self._writing() as writer:
            writer.insert(service_notes, note_id, unit=unit, at=writer.now, text=text, by=by)
        return note_id

    def notes(self, unit: UnitId) -> tuple[NoteRow, ...]:
        """Return the notes on a service, oldest first."""
        wanted = select(service_notes).where(service_notes.c.unit == str(unit)).order_by(service_notes.c.at)
        with self._reading() as connection:
            return tuple(
                NoteRow(id=row["id"], unit=UnitId.parse(row["unit"]), at=row["at"], text=row["text"], by=row["by"])
                for row in connection.execute(wanted).mappings()
            )


def _active(now: datetime) -> Select[Any]:
    return (
        select(holds)
        .where(holds.c.released_at.is_(None), or_(holds.c.until.is_(None), holds.c.until > now))
        .order_by(holds.c.at, holds.c.id)
    )


def _hold_row(row: RowMapping) -> HoldRow:
    kept = {name: row[name] for name in ("id", "at", "until", "why", "by")}
    return HoldRow(unit=UnitId.parse(row["unit"]), **kept)
