"""How restarts, reloads and changes of scale ended, in the journal: what the next preflight is told."""

from __future__ import annotations

import secrets
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from opsagent.store.boundary import Store
from opsagent.store.incidents import event_row
from opsagent.store.rows import EventRow
from opsagent.store.schema import events
from opsagent_tools.units import UnitId

KIND = "change"
_SEEN_BY = {"probe": "health probe", "port": "port", "process": "processes"}
_LOOKED_AT = 500
"""Latest changes of all units that are searched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRow:
    """One restart, reload or change of scale, and what it cost."""

    unit: UnitId
    action: str
    """`reload`, `restart`, `scale`."""
    done: bool
    at: datetime
    """When it ended."""
    took_s: float
    down_s: float
    """Seconds in which the unit did not serve, as far as it was seen (`seen_by`)."""
    asked: int
    failed: int
    """Looks at it (health probes, where there is one) that found it not serving, of `asked`."""
    seen_by: str
    """`probe`, `port` or `process`."""
    why: str = ""
    """Why it failed, one line."""
    way: str = ""
    """How instances were replaced (`opsagent.planning.Way`)."""

    @property
    def cost(self) -> str:
        """Return in words what it cost."""
        looks = f"{self.asked} looks at its {_SEEN_BY.get(self.seen_by, self.seen_by)}"
        gap = f"{self.down_s:.2f} s without service ({self.failed} of {looks} failed)"
        return f"{self.took_s:.1f} s, {gap if self.failed else f'no gap seen ({looks})'}"


class Changes(Store):
    """The part of the journal that knows how changes ended."""

    def note_change(self, change: ChangeRow) -> None:
        """Write down how one ended."""
        text = f"{change.action} of {change.unit.name} {'done' if change.done else f'failed: {change.why}'}"
        # Not the id as one text: it would be taken for an e-mail address and masked.
        data = {
            "supervisor": change.unit.supervisor,
            "name": change.unit.name,
            "host": change.unit.host,
            **{name: getattr(change, name) for name in _PLAIN},
        }
        with self._writing() as writer:
            event_id = f"{time.time_ns():016x}{secrets.token_hex(4)}"
            writer.insert(events, event_id, incident_id=None, at=change.at, kind=KIND, text=text, data=data, by=None)

    def last_change(
        self, unit: UnitId, actions: Collection[str], *, done: bool | None = None, way: str = ""
    ) -> ChangeRow | None:
        """Return the latest one of this unit that is one of `actions` (and ended so, went that way); None: none is known."""
        wanted = select(events).where(events.c.kind == KIND).order_by(events.c.at.desc(), events.c.id.desc())
        with self._reading() as connection:
            for row in connection.execute(wanted.limit(_LOOKED_AT)).mappings():
                change = _change(event_row(row))
                if change is None or change.unit != unit or change.action not in actions:
                    continue
                if (done is None or change.done is done) and way in {"", change.way}:
                    return change
        return None

    def changes_since(self, since: datetime, actions: Collection[str]) -> tuple[ChangeRow, ...]:
        """Return the changes that ended after then and are one of `actions`, oldest first."""
        wanted = select(events).where(events.c.kind == KIND, events.c.at > since).order_by(events.c.at, events.c.id)
        with self._reading() as connection:
            rows = [_change(event_row(row)) for row in connection.execute(wanted.limit(_LOOKED_AT)).mappings()]
        return tuple(row for row in rows if row is not None and row.action in actions)


_PLAIN = ("action", "done", "took_s", "down_s", "asked", "failed", "seen_by", "why", "way")


def _change(row: EventRow) -> ChangeRow | None:
    try:
        unit = UnitId(str(row.data["supervisor"]), str(row.data["name"]), str(row.data["host"]))
        return ChangeRow(unit=unit, at=row.at, **{name: row.data[name] for name in _PLAIN})
    except (KeyError, TypeError):
        return None
