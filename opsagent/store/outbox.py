"""Messages to people in the journal, until they are sent; and the ledger of what left the machine.

A message is settled when it was sent, or when it will not be: `sent_at` says when, `error` why not. While it is being
sent, `error` is `SENDING`: what is found so by a later life of the agent may have arrived.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import RowMapping, select

from opsagent.store.boundary import Store
from opsagent.store.schema import egress, outbox

SENDING = "sending"
_LATEST = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One message for one channel."""

    id: str
    """Follows from what it says and to whom, so that nothing is told twice."""
    incident_id: str | None
    group_key: str
    """`CHANNEL|GROUP`: what waits of one group is sent as one."""
    kind: str
    title: str
    body: str
    at: datetime
    due_at: datetime
    sent_at: datetime | None = None
    tries: int = 0
    error: str | None = None

    @property
    def channel(self) -> str:
        return self.group_key.partition("|")[0]

    @property
    def settled(self) -> bool:
        return self.sent_at is not None

    @property
    def sent(self) -> bool:
        return self.sent_at is not None and not self.error


@dataclass(frozen=True, slots=True, kw_only=True)
class EgressRow:
    """One thing that left the machine, or was tried to."""

    id: str
    at: datetime
    where: str
    what: str
    bytes: int
    ok: bool
    why: str


class Outbox(Store):
    """The part of the journal that knows what people are to be told, and what went out."""

    def put_message(self, message: Message) -> bool:
        """Write a message down; one that waits is renewed, one that was tried or is settled stays. Return whether."""
        values = {name: getattr(message, name) for name in ("title", "body", "due_at", "group_key")}
        with self._writing() as writer:
            found = writer.connection.execute(select(outbox).where(outbox.c.id == message.id)).mappings().first()
            if found is None:
                first = {name: getattr(message, name) for name in ("incident_id", "kind", "at", "tries")}
                writer.insert(outbox, message.id, sent_at=None, error=None, **values, **first)
                return True
            known = _message(found)
            same = (known.title, known.body) == (message.title, message.body)
            if known.settled or known.tries or same:
                return False
            writer.update(outbox, message.id, **{**values, "due_at": known.due_at})
            return True

    def messages(self, *, waiting: bool = True, since: datetime | None = None) -> tuple[Message, ...]:
        """Return what waits to be sent (or everything, since then), oldest first."""
        wanted = select(outbox).order_by(outbox.c.at.desc(), outbox.c.id).limit(_LATEST)
        if waiting:
            wanted = wanted.where(outbox.c.sent_at.is_(None))
        if since is not None:
            wanted = wanted.where(outbox.c.at >= since)
        with self._reading() as connection:
            return tuple(reversed([_message(row) for row in connection.execute(wanted).mappings()]))

    def begin_sending(self, ids: Sequence[str]) -> None:
        """Note, on the disk, that these are about to go out."""
        with self._writing(durable=True) as writer:
            for message_id in ids:
                row = writer.connection.execute(select(outbox.c.tries).where(outbox.c.id == message_id)).scalar_one()
                writer.update(outbox, message_id, tries=int(row) + 1, error=SENDING)

    def settle_messages(self, ids: Sequence[str], error: str | None = None) -> None:
        """Note that these were sent, or (with `error`) that they will not be."""
        with self._writing(durable=True) as writer:
            for message_id in ids:
                writer.update(outbox, message_id, sent_at=writer.now, error=error)

    def put_off_messages(self, ids: Sequence[str], until: datetime, error: str, *, body: str | None = None) -> None:
        """Note that these could not be sent, and when it is tried again."""
        more = {"body": body} if body is not None else {}
        with self._writing(durable=True) as writer:
            for message_id in ids:
                writer.update(outbox, message_id, due_at=until, error=error, **more)

    def note_egress(self, *, where: str, what: str, size: int, ok: bool, why: str) -> None:
        """Write down what left the machine: where to, what, how many bytes, and on whose word (or why not)."""
        with self._writing() as writer:
            values = {"where": where, "what": what, "bytes": size, "ok": ok, "why": why}
            writer.insert(egress, secrets.token_hex(8), at=writer.now, **values)

    def egress(self, since: datetime | None = None, limit: int = 100) -> tuple[EgressRow, ...]:
        """Return what left the machine, newest first."""
        wanted = select(egress).order_by(egress.c.at.desc(), egress.c.id).limit(limit)
        if since is not None:
            wanted = wanted.where(egress.c.at >= since)
        with self._reading() as connection:
            rows = connection.execute(wanted).mappings()
            return tuple(EgressRow(**{name: row[name] for name in EgressRow.__dataclass_fields__}) for row in rows)


def _message(row: RowMapping) -> Message:
    return Message(**{name: row[name] for name in Message.__dataclass_fields__})
