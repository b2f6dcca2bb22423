"""Incidents and their timelines in the journal."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, RowMapping, Select, Table, select

from opsagent.model import Cause, Evidence, Fault, Hypothesis, Incident, Signal
from opsagent.store.boundary import Store
from opsagent.store.codec import bounded, from_plain, to_plain, tuple_of
from opsagent.store.plans import plan_row, step_row
from opsagent.store.rows import UNFINISHED, EventRow, IncidentRow, IncidentStatus, PlanRow
from opsagent.store.schema import events, incidents, plans, steps
from opsagent_tools.units import UnitId

REPAIRED = "repaired"
"""Outcome of an incident that a repair of the agent's ended."""
ROOT = "root"
"""Kind of the event that says why the cause of an incident is where it is."""
_SETTABLE = frozenset(
    "status outcome remedy remedy_source attempts probes mttd_s mttr_s resolved_at summary evidence hypotheses "
    "cause returned_of impact changed solved_by".split()
)

_CAUSES = frozenset(Cause)
"""What a newer version wrote may not be among them."""


class Incidents(Store):
    """The part of the journal that knows incidents."""

    def open_incident(self, incident: Incident) -> None:
        """Write down a new incident; one that is known already is updated and keeps its status."""
        with self._writing() as writer:
            values = _described(incident)
            if writer.exists(incidents, incident.id):
                writer.update(incidents, incident.id, **values)
                return
            writer.insert(
                incidents, incident.id, unit=incident.unit, status="open", evidence=[], hypotheses=[], **values
            )

    def update_incident(self, incident: Incident) -> None:
        """Take over what detect knows now. LookupError: it was never opened."""
        with self._writing() as writer:
            writer.update(incidents, incident.id, unit=incident.unit, **_described(incident))

    def set_incident(self, incident_id: str, **values: Any) -> None:
        """Set some of: status, outcome, remedy, remedy_source, attempts, probes, mttd_s, mttr_s, resolved_at, summary,
        evidence, hypotheses, cause, returned_of, impact, changed, solved_by. LookupError: no such incident; TypeError: no such field.
        """
        unknown = values.keys() - _SETTABLE
        if unknown:
            raise TypeError(f"an incident has no {', '.join(sorted(unknown))} to set")
        for name in values.keys() & {"evidence", "hypotheses", "impact", "changed"}:
            values[name] = to_plain(values[name])
        with self._writing() as writer:
            writer.update(incidents, incident_id, **values)

    def add_event(  # noqa: PLR0917  # the order is the order of a sentence
        self,
        incident_id: str | None,
        kind: str,
        text: str,
        data: Mapping[str, Any] | None = None,
        at: datetime | None = None,
        by: str | None = None,
    ) -> str:
        """Add a line to the timeline (of an incident, or of the whole agent); return its id."""
        with self._writing() as writer:
            # Ids grow with time, so that events of the same moment keep their order.
            event_id = f"{time.time_ns():016x}{secrets.token_hex(4)}"
            said = {"kind": kind, "text": text, "data": to_plain(dict(data or {})), "by": by}
            writer.insert(events, event_id, incident_id=incident_id, at=at or writer.now, **said)
            return event_id

    def record_change(self, kind: str, text: str, by: str) -> str:
        """Write down what a person ordered (`up`, `down`, `hold` …); return the event's id."""
        return self.add_event(None, kind, text, by=by)

    def incidents(self, status: str | None = None, limit: int = 50) -> tuple[IncidentRow, ...]:
        """Return incidents, newest first, without their plans and events."""
        wanted = select(incidents).order_by(incidents.c.opened_at.desc(), incidents.c.id).limit(limit)
        if status is not None:
            wanted = wanted.where(incidents.c.status == status)
        with self._reading() as connection:
            return tuple(incident_row(row) for row in connection.execute(wanted).mappings())

    def unfinished_incidents(self) -> tuple[IncidentRow, ...]:
        """Return incidents that are neither resolved nor closed, oldest first."""
        wanted = select(incidents).where(incidents.c.status.in_(UNFINISHED)).order_by(incidents.c.opened_at)
        with self._reading() as connection:
            return tuple(incident_row(row) for row in connection.execute(wanted).mappings())

    def mended_since(self, unit: UnitId, fault: Fault, since: datetime, *, but: str = "") -> IncidentRow | None:
        """Return the latest incident of this unit and fault that a repair ended since then, with its plans; None: none."""
        wanted = (
            select(incidents.c.id)
            .where(incidents.c.unit == str(unit), incidents.c.fault == fault.value, incidents.c.id != but)
            .where(incidents.c.status == "resolved", incidents.c.outcome == REPAIRED, incidents.c.resolved_at >= since)
            .order_by(incidents.c.resolved_at.desc())
            .limit(1)
        )
        with self._reading() as connection:
            found = connection.execute(wanted).scalar()
        return self.incident(found) if found is not None else None

    def returns_of(self, incident_id: str) -> tuple[IncidentRow, ...]:
        """Return the incidents of which this one is the return, the latest first: the chain back to the first one."""
        chain: list[IncidentRow] = []
        with self._reading() as connection:
            following = connection.execute(
                select(incidents.c.returned_of).where(incidents.c.id == incident_id)
            ).scalar()
            while following is not None and all(one.id != following for one in chain):
                row = connection.execute(select(incidents).where(incidents.c.id == following)).mappings().first()
                if row is None:
                    break
                chain.append(incident_row(row))
                following = row["returned_of"]
        return tuple(chain)

    def done_by(self, id_or_prefix: str) -> Done:
        """Return what was done for an incident, by a plan, or by one step. LookupError: none, or more than one."""
        with self._reading() as connection:
            found = [
                (kind, str(row_id))
                for kind, table in _NAMED.items()
                for row_id in connection.execute(_starting(table, id_or_prefix)).scalars()
            ]
            exact = [one for one in found if one[1] == id_or_prefix]
            if not found or not id_or_prefix:
                raise LookupError(f"no incident, plan or step {id_or_prefix}")
            if len(found) > 1 and len(exact) != 1:
                names = ", ".join(f"{kind} {row_id}" for kind, row_id in found[:5])
                raise LookupError(f"{id_or_prefix} may be any of {names}: give more of it")
            kind, row_id = (exact or found)[0]
            column = {"incident": plans.c.incident_id, "plan": plans.c.id}.get(kind)
            ordinal = None
            if column is None:
                step = connection.execute(select(steps).where(steps.c.id == row_id)).mappings().one()
                column, ordinal, plan_id = plans.c.id, int(step["ordinal"]), str(step["plan_id"])
            wanted = select(plans).where(column == (row_id if ordinal is None else plan_id))
            taking = select(plans).where(plans.c.remedy.startswith("undo/"))
            return Done(
                kind=kind,
                id=row_id,
                plans=_whole(connection, wanted),
                takings=_whole(connection, taking),
                ordinal=ordinal,
            )

    def incident(self, id_or_prefix: str) -> IncidentRow:
        """Return one incident with its plans, their steps and its events. LookupError: none, or more than one."""
        with self._reading() as connection:
            row = _the_one(connection, id_or_prefix)
            return incident_row(row, plans=_plans_of(connection, row["id"]), events=_events_of(connection, row["id"]))

    def events(self, incident_id: str | None = None, limit: int = 200) -> tuple[EventRow, ...]:
        """Return the latest events (of one incident, or of everything), oldest first."""
        wanted = select(events).order_by(events.c.at.desc(), events.c.id.desc()).limit(limit)
        if incident_id is not None:
            wanted = wanted.where(events.c.incident_id == incident_id)
        with self._reading() as connection:
            return tuple(reversed([event_row(row) for row in connection.execute(wanted).mappings()]))


_NAMED = {"incident": incidents, "plan": plans, "step": steps}


def _whole(connection: Connection, wanted: Select[Any]) -> tuple[PlanRow, ...]:
    """Return plans with their steps."""
    found = connection.execute(wanted).mappings().all()
    begun = select(steps).where(steps.c.plan_id.in_([row["id"] for row in found]))
    rows = [step_row(row) for row in connection.execute(begun.order_by(steps.c.intended_at, steps.c.id)).mappings()]
    return tuple(plan_row(row, steps=tuple(step for step in rows if step.plan_id == row["id"])) for row in found)


def _starting(table: Table, beginning: str) -> Select[Any]:
    return select(table.c.id).where(table.c.id.startswith(beginning, autoescape=True)).limit(20)


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """What was done under an id."""

    kind: str
    """`incident`, `plan` or `step`."""
    id: str
    plans: tuple[PlanRow, ...]
    """With their steps."""
    takings: tuple[PlanRow, ...] = ()
    """All plans by which people took something back."""
    ordinal: int | None = None
    """Of a step: its place in its plan."""


def _described(incident: Incident) -> dict[str, Any]:
    incident = bounded(incident)
    return {
        "fault": incident.fault.value,
        "opened_at": incident.opened_at,
        "began_at": incident.began_at,
        "summary": incident.summary,
        "affected": to_plain(sorted(incident.affected)),
        "symptoms": to_plain(incident.symptoms),
    }


def _the_one(connection: Connection, id_or_prefix: str) -> RowMapping:
    wanted = select(incidents).where(incidents.c.id.startswith(id_or_prefix, autoescape=True)).limit(20)
    found = connection.execute(wanted).mappings().all()
    exact = [row for row in found if row["id"] == id_or_prefix]
    if exact or len(found) == 1:
        return (exact or found)[0]
    if not found or not id_or_prefix:
        raise LookupError(f"no incident {id_or_prefix}")
    raise LookupError(f"{id_or_prefix} may be any of {', '.join(row['id'] for row in found[:5])}: give more of it")


def _plans_of(connection: Connection, incident_id: str) -> tuple[PlanRow, ...]:
    wanted = select(plans).where(plans.c.incident_id == incident_id).order_by(plans.c.created_at, plans.c.id)
    begun = select(steps).where(steps.c.incident_id == incident_id).order_by(steps.c.intended_at, steps.c.id)
    rows = [step_row(row) for row in connection.execute(begun).mappings()]
    return tuple(
        plan_row(row, steps=tuple(step for step in rows if step.plan_id == row["id"]))
        for row in connection.execute(wanted).mappings()
    )


def _events_of(connection: Connection, incident_id: str) -> Sequence[EventRow]:
    wanted = select(events).where(events.c.incident_id == incident_id).order_by(events.c.at, events.c.id)
    return tuple(event_row(row) for row in connection.execute(wanted).mappings())


def event_row(row: RowMapping) -> EventRow:
    """Return the record of a row of `events`."""
    return EventRow(**{name: row[name] for name in ("id", "incident_id", "at", "kind", "text", "data", "by")})


def incident_row(row: RowMapping, plans: Sequence[PlanRow] = (), events: Sequence[EventRow] = ()) -> IncidentRow:
    """Return the record of a row of `incidents`."""
    status: IncidentStatus = row["status"]
    return IncidentRow(
        incident=Incident(
            id=row["id"],
            fault=Fault(row["fault"]),
            unit=UnitId.parse(row["unit"]),
            opened_at=row["opened_at"],
            began_at=row["began_at"],
            symptoms=from_plain(row["symptoms"], tuple_of(Signal)),
            affected=frozenset(from_plain(row["affected"], tuple_of(UnitId))),
            summary=row["summary"],
            why_root=next((event.text for event in reversed(events) if event.kind == ROOT), ""),
        ),
        status=status,
        resolved_at=row["resolved_at"],
        evidence=from_plain(row["evidence"], tuple_of(Evidence)),
        hypotheses=from_plain(row["hypotheses"], tuple_of(Hypothesis)),
        outcome=row["outcome"],
        remedy=row["remedy"],
        remedy_source=row["remedy_source"],
        attempts=row["attempts"],
        probes=row["probes"],
        mttd_s=row["mttd_s"],
        mttr_s=row["mttr_s"],
        cause=Cause(row["cause"]) if row["cause"] in _CAUSES else None,
        returned_of=row["returned_of"],
        impact=row["impact"],
        changed=tuple(row["changed"] or ()),
        solved_by=row["solved_by"],
        plans=tuple(plans),
        events=tuple(events),
    )
