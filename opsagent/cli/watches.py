"""What `ack` and `snooze` have in common: a person's word on an incident, in the journal."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

    from opsagent.store.journal import Journal
    from opsagent.store.rows import IncidentRow
    from opsagent.store.watches import WatchKind


def say(
    kind: WatchKind, incident: str, *, until: datetime | None, why: str, end: bool, json: bool, home: str | None
) -> int:
    """Write it down (or end it), and say so. Raises Unclear where there is no such incident, or it is over."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.incidents_told import words_for
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import no_such, person, writing
    from opsagent.store.rows import UNFINISHED
    from opsagent.telling.times import told
    from opsagent.views.terminal import one_line

    place, out = open_home(home), Out(as_json=json)
    with writing(place) as journal:
        try:
            row = journal.incident(incident)
        except LookupError as error:
            raise no_such("incident", incident, f"{error}; `opsagent incidents list` shows them") from error
        if end:
            ended = _end(journal, row, kind, person())
            if json:
                out.document({"incident": row.id, "kind": kind, "ended": ended})
            else:
                out.line(
                    f"incident {row.id}: the {kind} is ended" if ended else f"incident {row.id}: there is no {kind}"
                )
            return 0
        if row.status not in UNFINISHED:
            raise Unclear(f"incident {row.id} is {row.status} already: there is nothing to {kind}")
        watch = _begin(journal, row, kind, by=person(), until=until, why=why)
    if json:
        until_text = until.isoformat() if until is not None else None
        out.document({"incident": row.id, "kind": kind, "id": watch, "by": person(), "until": until_text, "why": why})
    elif until is not None:
        zone = words_for(place).zone
        out.line(f"incident {row.id} ({one_line(row.unit.name)}) is snoozed until {told(until, zone)}; repairs go on")
    else:
        out.line(
            f"incident {row.id} ({one_line(row.unit.name)}) is looked after by {one_line(person())}; repairs go on"
        )
    return 0


def _begin(journal: Journal, row: IncidentRow, kind: WatchKind, *, by: str, until: datetime | None, why: str) -> str:
    from opsagent.telling.snooze import SNOOZED

    watch = journal.watch_incident(row.id, kind, by, why, until)
    reason = f": {why}" if why else ""
    said = f"snoozed until {until:%Y-%m-%d %H:%M:%S}Z{reason}" if until is not None else f"looked after{reason}"
    event = SNOOZED if kind == "snooze" else "acked"
    journal.add_event(row.id, event, said, {"affected": len(row.incident.affected), "watch": watch}, by=by)
    return watch


def _end(journal: Journal, row: IncidentRow, kind: WatchKind, by: str) -> int:
    standing = [one for one in journal.watches(row.id) if one.kind == kind]
    for one in standing:
        journal.end_watch(one.id)
    if standing:
        journal.add_event(row.id, f"{kind}_over", "ended by a person", by=by)
    return len(standing)
