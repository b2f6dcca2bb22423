"""Incidents of the journal, as JSON-like data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent_tools.units import UnitId

_LOOKED_THROUGH = 1000


def recent(
    home: Home, *, unit: UnitId | None = None, status: str | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """Return the latest incidents (of one unit) as JSON-like data, newest first."""
    from opsagent.store.journal import Journal
    from opsagent.telling.account import brief

    with Journal.read(home) as journal:
        rows = journal.incidents(status, _LOOKED_THROUGH if unit is not None else limit)
        watches = journal.standing_watches()
    return [brief(row, watches) for row in rows if unit is None or row.unit == unit][:limit]
