"""What happened since a moment, in the journal: for handovers and messages."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import func, or_, select

from opsagent.store.boundary import Store
from opsagent.store.incidents import event_row, incident_row
from opsagent.store.plans import plan_row
from opsagent.store.rows import UNFINISHED, EventRow, IncidentRow, PlanRow
from opsagent.store.schema import events, grants, incidents, ledger, plans, steps
from opsagent_tools.units import UnitId

_MOST = 5000


class Lookback(Store):
    """The part of the journal that looks back."""

    def version(self) -> int:
        """Return a number that grows with whatever is written."""
        with self._reading() as connection:
            return int(connection.execute(select(func.max(ledger.c.seq))).scalar() or 0)

    def began(self) -> datetime | None:
        """Return when the first thing that is still recorded was written; None where nothing ever was."""
        with self._reading() as connection:
            found: datetime | None = connection.execute(select(func.min(ledger.c.at))).scalar()
        return found

    def incidents_since(self, since: datetime) -> tuple[IncidentRow, ...]:
        """Return incidents that are unfinished, or were opened or ended since then, newest first; without plans and events."""
        wanted = (
            select(incidents)
            .where(
                or_(
                    incidents.c.status.in_(UNFINISHED),
                    incidents.c.opened_at >= since,
                    incidents.c.resolved_at >= since,
                )
            )
            .order_by(incidents.c.opened_at.desc(), incidents.c.id)
            .limit(_MOST)
        )
        with self._reading() as connection:
            return tuple(incident_row(row) for row in connection.execute(wanted).mappings())

    def repaired_alike(self, row: IncidentRow, limit: int = 200) -> tuple[IncidentRow, ...]:
        """Return the incidents of this unit and fault that the same remedy ended, newest first, `row` among them."""
        if not row.remedy:
            return ()
        wanted = (
            select(incidents)
            .where(
                incidents.c.unit == str(row.unit),
                incidents.c.fault == row.fault.value,
                incidents.c.remedy == row.remedy,
                incidents.c.status == "resolved",
            )
            .order_by(incidents.c.opened_at.desc())
            .limit(limit)
        )
        with self._reading() as connection:
            return tuple(incident_row(one) for one in connection.execute(wanted).mappings())

    def events_of_kind(self, kind: str, since: datetime) -> tuple[EventRow, ...]:
        """Return the events of incidents of one kind since then, oldest first."""
        wanted = (
            select(events)
            .where(events.c.kind == kind, events.c.at >= since, events.c.incident_id.is_not(None))
            .order_by(events.c.at, events.c.id)
            .limit(_MOST)
        )
        with self._reading() as connection:
            return tuple(event_row(row) for row in connection.execute(wanted).mappings())

    def said_of_kind(self, kind: str, since: datetime) -> tuple[EventRow, ...]:
        """Return the events of one kind since then that belong to no incident, oldest first."""
        wanted = (
            select(events)
            .where(events.c.kind == kind, events.c.at >= since, events.c.incident_id.is_(None))
            .order_by(events.c.at, events.c.id)
            .limit(_MOST)
        )
        with self._reading() as connection:
            return tuple(event_row(row) for row in connection.execute(wanted).mappings())

    def plans_of_people(self, since: datetime) -> tuple[PlanRow, ...]:
        """Return what people had done since then, oldest first: not what was only asked about, or refused."""
        begun = or_(plans.c.status != "proposed", plans.c.id.in_(select(steps.c.plan_id)))
        wanted = (
            select(plans)
            .where(plans.c.origin == "person", plans.c.created_at >= since, plans.c.status != "skipped", begun)
            .order_by(plans.c.created_at)
        )
        with self._reading() as connection:
            return tuple(plan_row(row) for row in connection.execute(wanted.limit(_MOST)).mappings())

    def grants_since(self, since: datetime) -> tuple[dict[str, Any], ...]:
        """Return what was granted or revoked since then, oldest first: unit, action, mode, when, by whom, why."""
        wanted = (
            select(grants)
            .where(or_(grants.c.granted_at >= since, grants.c.revoked_at >= since))
            .order_by(grants.c.granted_at)
        )
        names = ("unit", "action", "mode", "granted_at", "by", "why", "revoked_at", "revoked_why")
        with self._reading() as connection:
            rows = list(connection.execute(wanted.limit(_MOST)).mappings())
        return tuple({**{name: row[name] for name in names}, "name": UnitId.parse(row["unit"]).name} for row in rows)
