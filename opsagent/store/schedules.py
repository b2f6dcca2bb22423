"""What people want done later, in the journal: at a time, or again and again until they cancel it.

A run is claimed here before anything of it begins, and its plans bear the name of the claim: after a crash they tell
what was begun, and nothing is begun twice.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Connection, RowMapping, select

from opsagent.store.boundary import Store, clean
from opsagent.store.errors import StoreError
from opsagent.store.schema import schedules

SCHEDULE_FAILED = "schedule_failed"
"""Kind of the event that says that what was scheduled was not done, or did not succeed."""
ScheduleState = Literal["waiting", "running", "done", "cancelled"]
"""`done`: nothing more will come of it, whatever came of it (`last_result`)."""


class HoldsSecret(StoreError):
    """what is to be done later holds something secret, which is not stored: it could not be run"""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScheduleRow:
    """What one person wants done later."""

    id: str
    by: str
    text: str
    """As it was said."""
    language: Literal["en", "ko"]
    steps: tuple[Any, ...]
    """As `opsagent.carrying.stored` writes them."""
    units: tuple[Any, ...]
    """The units that it was said of, as they were then (`opsagent.carrying.bound`)."""
    at_text: str
    """The canonical time: `03:00`, `tomorrow 03:00`, `every monday 03:00` …"""
    zone: str
    """Name of the IANA zone in which that time is meant."""
    created_at: datetime
    next_at: datetime | None
    """When it is due; None: never again."""
    condition: str = ""
    """What must hold then; empty: nothing."""
    state: ScheduleState = "waiting"
    run: str | None = None
    """Claim of the run that is under way."""
    last_at: datetime | None = None
    last_result: str | None = None
    ended_at: datetime | None = None
    ended_by: str | None = None


class Schedules(Store):
    """The part of the journal that knows what is to be done later."""

    def add_schedule(  # what a schedule consists of
        self,
        *,
        by: str,
        text: str,
        language: str,
        steps: Sequence[Any],
        units: Sequence[Any],
        at_text: str,
        zone: str,
        next_at: datetime,
        condition: str = "",
    ) -> ScheduleRow:
        """Write down what is to be done later. Raises HoldsSecret."""
        kept = {"steps": list(steps), "units": list(units), "condition": condition}
        if any(clean(value) != value for value in kept.values()):
            raise HoldsSecret
        schedule_id = secrets.token_hex(4)
        with self._writing(durable=True) as writer:
            said = {"by": by, "text": text, "language": language, "at_text": at_text, "zone": zone, **kept}
            writer.insert(
                schedules, schedule_id, created_at=writer.now, next_at=next_at, state="waiting", run=None, **said
            )
            return _get(writer.connection, schedule_id)

    def schedules(self, *, ended: bool = False, since: datetime | None = None) -> tuple[ScheduleRow, ...]:
        """Return what is to be done later, the next one first; `ended`: what is over too; `since`: what ended since."""
        wanted = select(schedules).order_by(schedules.c.next_at.is_(None), schedules.c.next_at, schedules.c.id)
        if since is not None:
            wanted = wanted.where(schedules.c.ended_at.is_(None) | (schedules.c.ended_at >= since))
        elif not ended:
            wanted = wanted.where(schedules.c.ended_at.is_(None))
        with self._reading() as connection:
            return tuple(_row(row) for row in connection.execute(wanted).mappings())

    def schedule(self, id_or_prefix: str) -> ScheduleRow:
        """Return one. LookupError: none, or more than one."""
        wanted = select(schedules.c.id).where(schedules.c.id.startswith(id_or_prefix, autoescape=True)).limit(5)
        with self._reading() as connection:
            found = list(connection.execute(wanted).scalars())
            if len(found) > 1 and id_or_prefix not in found:
                raise LookupError(f"{id_or_prefix} may be any of {', '.join(found)}: give more of it")
            if not found or not id_or_prefix:
                raise LookupError(f"no schedule {id_or_prefix}")
            return _get(connection, id_or_prefix if id_or_prefix in found else found[0])

    def claim_run(self, schedule_id: str, due: datetime) -> str | None:
        """Claim the run that is due then, and return its name; None where somebody else has it, or it is not so any more.

        When this returns, the claim is on the disk.
        """
        with self._writing(durable=True) as writer:
            row = _get(writer.connection, schedule_id)
            if row.state != "waiting" or row.next_at != due:
                return None
            run = secrets.token_hex(8)
            writer.update(schedules, schedule_id, state="running", run=run, last_at=writer.now)
            return run

    def end_run(self, schedule_id: str, result: str, next_at: datetime | None) -> bool:
        """Say how a run ended and when the next one is due (None: there is none). False: it was cancelled meanwhile."""
        with self._writing(durable=True) as writer:
            row = _get(writer.connection, schedule_id)
            said: dict[str, Any] = {"run": None, "last_at": writer.now, "last_result": result}
            if row.ended_at is not None:
                writer.update(schedules, schedule_id, **said)
                return False
            over = {"state": "done", "ended_at": writer.now} if next_at is None else {"state": "waiting"}
            writer.update(schedules, schedule_id, next_at=next_at, **said, **over)
            return True

    def cancel_schedule(self, schedule_id: str, by: str) -> ScheduleRow:
        """Have it never run again, and return it as it was; what is under way is carried through. LookupError: none, or over."""
        with self._writing(durable=True) as writer:
            row = _get(writer.connection, schedule_id)
            if row.ended_at is not None:
                raise LookupError(f"schedule {schedule_id} is over")
            writer.update(schedules, schedule_id, state="cancelled", next_at=None, ended_at=writer.now, ended_by=by)
            return row


def _get(connection: Connection, schedule_id: str) -> ScheduleRow:
    row = connection.execute(select(schedules).where(schedules.c.id == schedule_id)).mappings().first()
    if row is None:
        raise LookupError(f"no schedule {schedule_id}")
    return _row(row)


def _row(row: RowMapping) -> ScheduleRow:
    values = {name: row[name] for name in ScheduleRow.__dataclass_fields__}
    return ScheduleRow(**{**values, "steps": tuple(values["steps"]), "units": tuple(values["units"])})
