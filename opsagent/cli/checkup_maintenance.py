"""The check of `doctor` for maintenance windows: when the next one opens, and names in them that mean nobody."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opsagent.cli.finding import Finding

if TYPE_CHECKING:
    from opsagent.cli.services import Running
    from opsagent.maintenance import Window


def windows(configured: tuple[Window, ...], running: Running, now: datetime | None = None) -> Iterator[Finding]:
    """Yield what there is to say of the windows that are configured."""
    from opsagent.maintenance import ALL, names_of
    from opsagent.views.numbers import moment

    if not configured:
        return
    now = now or datetime.now(UTC)
    coming = [found for window in configured if (found := window.when.following(now)) is not None]
    first = min(coming, key=lambda one: one.begins, default=None)
    when = "none comes any more"
    if first is not None:
        when = f"open until {moment(first.ends)}" if first.begins <= now else f"the next opens {moment(first.begins)}"
    how_many = f"{len(configured)} window{'s' if len(configured) != 1 else ''}"
    yield Finding(about="maintenance", level="ok", detail=f"{how_many}; {when}")
    known = {name for unit in running.with_daemons for name in names_of(unit.id)}
    for name in dict.fromkeys(name for window in configured for name in window.units):
        if name != ALL and name not in known:
            detail = f"[[maintenance]] names {name!r}, which is no service here now"
            mend = "write it as `opsagent ps` shows it, or leave it: it may come"
            yield Finding(about="maintenance", level="note", detail=detail, mend=mend)
