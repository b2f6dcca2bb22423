"""The journal: incidents, plans, steps, approvals, people's orders. Every call is one short transaction, from any thread.

What goes in is redacted at one door (`boundary.py`) and committed to in a hash chain (`ledger.py`); what comes out are
the frozen records of `rows.py`. Importing this module imports SQLAlchemy: only what needs the journal does.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, Table, select

from opsagent.home import Home
from opsagent.store import ledger
from opsagent.store.approvals import Approvals
from opsagent.store.boundary import Writer, utc_now
from opsagent.store.changes import Changes
from opsagent.store.conversations import Conversations
from opsagent.store.database import open_database, open_for_reading
from opsagent.store.incidents import Incidents
from opsagent.store.intent import Intent
from opsagent.store.lookback import Lookback
from opsagent.store.model_calls import ModelCalls
from opsagent.store.notices import NoticeRows
from opsagent.store.outbox import Outbox
from opsagent.store.phrases import Phrases
from opsagent.store.plans import Plans
from opsagent.store.releases import Releases
from opsagent.store.repairs import Repairs
from opsagent.store.rows import Verification
from opsagent.store.schedules import Schedules
from opsagent.store.schema import (
    approvals,
    conversations,
    deploys,
    egress,
    events,
    grants,
    holds,
    incidents,
    model_calls,
    outbox,
    plans,
    schedules,
    steps,
    turns,
    watches,
    would_be,
)
from opsagent.store.trust import Trust
from opsagent.store.watches import Watches

__all__ = ["Journal"]


class Journal(
    Incidents,
    Plans,
    Approvals,
    Intent,
    Releases,
    Changes,
    NoticeRows,
    Repairs,
    Trust,
    Watches,
    Outbox,
    Lookback,
    Phrases,
    Schedules,
    Conversations,
    ModelCalls,
):
    """The journal of one home (or of one database, by its SQLAlchemy URL). Raises StoreError where it cannot be used."""

    @classmethod
    def open(cls, home: Home | str, *, clock: Callable[[], datetime] = utc_now) -> Journal:
        """Open it for reading and writing, making it where there is none. Needs no lock; `clock` gives aware times."""
        if isinstance(home, str):
            engine = open_database(home)
            return cls(engine, where=engine.url.render_as_string(), clock=clock, writable=True)
        return cls(open_database(home.database), where=str(home.database), clock=clock, writable=True)

    @classmethod
    def read(cls, home: Home, *, clock: Callable[[], datetime] = utc_now) -> Journal:
        """Open it for looking only: writes nothing, makes nothing; empty where there is no journal yet."""
        return cls(open_for_reading(home.database), where=str(home.database), clock=clock, writable=False)

    def verify(self) -> Verification:
        """Check that nothing was changed behind the journal's back."""
        with self._reading() as connection, connection.begin():
            return ledger.verify(connection)

    def prune(self, before: datetime) -> int:
        """Forget incidents that ended before then, with all that belongs to them, and other old rows; return how many
        incidents. The hash chain still holds.
        """
        with self._writing() as writer:
            old = select(incidents.c.id).where(
                incidents.c.status.in_(("resolved", "closed")),
                incidents.c.opened_at < before,
                (incidents.c.resolved_at < before) | incidents.c.resolved_at.is_(None),
            )
            ended = list(writer.connection.execute(old).scalars())
            for incident_id in ended:
                _remove_incident(writer, incident_id)
            _remove_loose(writer, before)
            ledger.prune(writer.connection, before, writer.now)
        return len(ended)


def _remove_incident(writer: Writer, incident_id: str) -> None:
    for table in (steps, approvals, plans, events, would_be, watches, outbox):
        mine = select(table.c.id).where(table.c.incident_id == incident_id)
        for row_id in list(writer.connection.execute(mine).scalars()):
            writer.remove(table, row_id)
    writer.remove(incidents, incident_id)


def _remove_loose(writer: Writer, before: datetime) -> None:
    """Remove what belongs to no incident: people's plans that ended, their commands, holds long over."""
    done = select(plans.c.id).where(plans.c.incident_id.is_(None), plans.c.ended_at < before)
    for plan_id in list(writer.connection.execute(done).scalars()):
        for table in (steps, approvals):
            mine = select(table.c.id).where(table.c.plan_id == plan_id)
            for row_id in list(writer.connection.execute(mine).scalars()):
                writer.remove(table, row_id)
        writer.remove(plans, plan_id)
    said = select(events.c.id).where(events.c.incident_id.is_(None), events.c.at < before)
    for event_id in list(writer.connection.execute(said).scalars()):
        writer.remove(events, event_id)
    over = select(holds.c.id).where((holds.c.released_at < before) | (holds.c.until < before))
    for hold_id in list(writer.connection.execute(over).scalars()):
        writer.remove(holds, hold_id)
    judged = select(deploys.c.id).where(deploys.c.result.is_not(None), deploys.c.began_at < before)
    for deploy_id in list(writer.connection.execute(judged).scalars()):
        writer.remove(deploys, deploy_id)
    _remove_old(writer, grants, grants.c.revoked_at < before)
    _remove_old(writer, would_be, would_be.c.incident_id.is_(None) & (would_be.c.at < before))
    _remove_old(writer, outbox, outbox.c.incident_id.is_(None) & (outbox.c.sent_at < before))
    _remove_old(writer, egress, egress.c.at < before)
    _remove_old(writer, schedules, schedules.c.ended_at < before)
    _remove_old(writer, model_calls, model_calls.c.at < before)
    _remove_conversations(writer, before)


def _remove_conversations(writer: Writer, before: datetime) -> None:
    """Remove conversations in which nothing was said since then, with all that was said in them."""
    live = select(turns.c.conversation_id).where(turns.c.at >= before)
    quiet = select(conversations.c.id).where(conversations.c.began_at < before, conversations.c.id.not_in(live))
    for conversation_id in list(writer.connection.execute(quiet).scalars()):
        _remove_old(writer, turns, turns.c.conversation_id == conversation_id)
        writer.remove(conversations, conversation_id)


def _remove_old(writer: Writer, table: Table, which: ColumnElement[bool]) -> None:
    for row_id in list(writer.connection.execute(select(table.c.id).where(which)).scalars()):
        writer.remove(table, row_id)
