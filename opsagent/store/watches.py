"""Who looks after an incident (`ack`), and who does not want to hear of it for a while (`snooze`), in the journal."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import RowMapping, Select, select

from opsagent.store.boundary import Store
from opsagent.store.schema import watches

WatchKind = Literal["ack", "snooze"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchRow:
    """What a person said of an incident."""

    id: str
    incident_id: str
    kind: WatchKind
    at: datetime
    until: datetime | None
    """Of a snooze: when it ends at the latest."""
    by: str
    why: str
    ended_at: datetime | None = None


class Watches(Store):
    """The part of the journal that knows what people said of incidents."""

    def watch_incident(
        self, incident_id: str, kind: WatchKind, by: str, why: str = "", until: datetime | None = None
    ) -> str:
        """Write down an ack or a snooze; one of the same kind that is there is replaced. Return its id."""
        watch_id = secrets.token_hex(4)
        with self._writing(durable=True) as writer:
            for row in _open(writer.connection.execute(_standing(incident_id, kind)).mappings()):
                writer.update(watches, row.id, ended_at=writer.now)
            values = {"kind": kind, "at": writer.now, "until": until, "by": by, "why": why}
            writer.insert(watches, watch_id, incident_id=incident_id, **values)
        return watch_id

    def end_watch(self, watch_id: str) -> None:
        """End one. LookupError: no such one."""
        with self._writing(durable=True) as writer:
            writer.update(watches, watch_id, ended_at=writer.now)

    def standing_watches(self) -> tuple[WatchRow, ...]:
        """Return what stands now, oldest first: without snoozes whose time is over, whether anybody noted that or not."""
        now = self._clock()
        return tuple(one for one in self.watches() if one.until is None or one.until > now)

    def watches(self, incident_id: str | None = None, *, since: datetime | None = None) -> tuple[WatchRow, ...]:
        """Return what stands (of one incident), oldest first; `since`: also what ended after then."""
        wanted = select(watches).order_by(watches.c.at, watches.c.id)
        if incident_id is not None:
            wanted = wanted.where(watches.c.incident_id == incident_id)
        wanted = wanted.where(
            watches.c.ended_at.is_(None)
            if since is None
            else watches.c.ended_at.is_(None) | (watches.c.ended_at > since)
        )
        with self._reading() as connection:
            return _open(connection.execute(wanted).mappings())


def _standing(incident_id: str, kind: str) -> Select[Any]:
    return select(watches).where(
        watches.c.incident_id == incident_id, watches.c.kind == kind, watches.c.ended_at.is_(None)
    )


def _open(rows: Iterable[RowMapping]) -> tuple[WatchRow, ...]:
    return tuple(_row(row) for row in rows)


def _row(row: RowMapping) -> WatchRow:
    return WatchRow(**{name: row[name] for name in WatchRow.__dataclass_fields__})
