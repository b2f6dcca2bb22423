"""What was noticed, in the journal: the latest, for a while. What belongs to an incident is kept as long as that."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select

from opsagent.model import EvidenceKind
from opsagent.notice import Notice, NoticeKind
from opsagent.store.boundary import Store
from opsagent.store.codec import to_plain
from opsagent.store.incidents import event_row
from opsagent.store.rows import EventRow
from opsagent.store.schema import events
from opsagent_tools.units import UnitId

KIND = "notice"
KEPT = 2000
KEPT_DAYS = 30


class NoticeRows(Store):
    """The part of the journal that knows notices."""

    def note_notices(self, notices: Sequence[tuple[Notice, str | None]]) -> None:
        """Write notices down, each with the id of the incident that it belongs to, if to any."""
        with self._writing() as writer:
            for notice, incident in notices:
                event_id = f"{time.time_ns():016x}{secrets.token_hex(4)}"
                said = {"kind": KIND, "text": notice.text, "data": _data(notice), "by": None}
                writer.insert(events, event_id, incident_id=incident, at=notice.at, **said)

    def notices(self, limit: int = 100, unit: UnitId | None = None) -> tuple[Notice, ...]:
        """Return the latest notices (of one unit), the newest first."""
        wanted = select(events).where(events.c.kind == KIND, events.c.incident_id.is_(None))
        wanted = wanted.order_by(events.c.at.desc(), events.c.id.desc()).limit(KEPT if unit is not None else limit)
        with self._reading() as connection:
            found = [_notice(event_row(row)) for row in connection.execute(wanted).mappings()]
        return tuple(one for one in found if one is not None and unit in {None, one.unit})[:limit]

    def prune_notices(self) -> int:
        """Forget notices that are old or too many and belong to no incident; return how many."""
        with self._writing() as writer:
            loose = select(events.c.id).where(events.c.kind == KIND, events.c.incident_id.is_(None))
            newest = loose.order_by(events.c.at.desc(), events.c.id.desc())
            many = list(writer.connection.execute(newest.offset(KEPT).limit(KEPT)).scalars())
            before = writer.now - timedelta(days=KEPT_DAYS)
            old = list(writer.connection.execute(loose.where(events.c.at < before)).scalars())
            gone = set(many) | set(old)
            for event_id in gone:
                writer.remove(events, event_id)
        return len(gone)


def _data(notice: Notice) -> dict[str, Any]:
    # Not the id as one text: it would be taken for an e-mail address and masked.
    unit = {"supervisor": notice.unit.supervisor, "name": notice.unit.name, "host": notice.unit.host}
    return {"notice": notice.kind.value, "evidence": notice.evidence.value, **unit, "data": to_plain(dict(notice.data))}


def _notice(row: EventRow) -> Notice | None:
    try:
        data: Mapping[str, Any] = row.data
        return Notice(
            kind=NoticeKind(data["notice"]),
            unit=UnitId(str(data["supervisor"]), str(data["name"]), str(data["host"])),
            at=row.at,
            evidence=EvidenceKind(data["evidence"]),
            text=row.text,
            data=data["data"],
        )
    except (KeyError, TypeError, ValueError):
        return None
