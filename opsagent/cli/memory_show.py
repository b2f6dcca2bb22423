"""`opsagent memory show`: everything about one record."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_common import RecordId

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent_memory import Record


def show(record: RecordId, *, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Show one record whole.

    What it says, from where, how long it holds, and what became of it.
    """
    from opsagent.cli.memory_common import record_of
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.memory_record import page

    place = open_home(home)
    found = _whole(place, record_of(place, record))
    out = Out(as_json=json)
    if json:
        out.document(found)
    else:
        out.lines(page(found, out.screen))
    return 0


def _whole(home: Home, record: Record) -> dict[str, Any]:
    """Return the record's form, with what the log says of it."""
    from opsagent.cli.memory_common import reader_of
    from opsagent.memory_forms import event_form, record_form

    with reader_of(home) as reader:
        events = reader.history(record.id)
        heirs = reader.superseding(record.id)
    return {
        **record_form(record),
        "superseded_by": list(heirs),
        "history": [event_form(event) for event in events],
    }
