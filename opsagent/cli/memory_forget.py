"""`opsagent memory forget`: erases for good, once it has shown what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_common import complete_records, finished

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home

_SHOWN = 10


def forget(
    records: Annotated[
        list[str],
        typer.Argument(
            metavar="ID...",
            help="Ids of records, or how they begin.",
            autocompletion=complete_records,
            show_default=False,
        ),
    ],
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Erase records for good; shows them first, and asks.

    Their text goes, and what was learnt from them, in the database, in the index and in its files. A tombstone stays.
    """
    from opsagent.cli.errors import Code
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    out, place = Out(as_json=json), open_home(home)
    found = _found(place, list(dict.fromkeys(records)))
    live = [row for row in found if "text" in row]
    if not json and live:
        _show(live, out)
    if live and not yes and not _agreed(len(live), out):
        return Code.NEEDS_APPROVAL
    ended = finished(_forget(place, [row["id"] for row in found]))
    if json:
        out.document(ended)
        return Code.DONE
    if ended["forgotten"]:
        out.line(f"forgotten: {', '.join(ended['forgotten'])}; nothing of it is left in the database or in the index")
    if ended["known"]:
        out.line(f"forgotten before: {', '.join(ended['known'])}")
    return Code.DONE


def _found(home: Home, given: Sequence[str]) -> list[dict[str, Any]]:
    """Return what is to be forgotten; one that was forgotten before has an id and no more. Raises Unclear."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.memory_common import record_of
    from opsagent.memory_forms import record_form

    found = []
    for each in given:
        try:
            found.append(record_form(record_of(home, each)))
        except Unclear:
            if not _was_forgotten(home, each):
                raise
            found.append({"id": each})
    return found


def _was_forgotten(home: Home, given: str) -> bool:
    from opsagent.cli.memory_common import reader_of

    if not home.database.exists():
        return False
    with reader_of(home) as reader:
        return any(event.event == "forget" for event in reader.history(given))


def _show(rows: Sequence[dict[str, Any]], out: Out) -> None:
    from opsagent.views.memory import listing

    out.lines(listing(rows[:_SHOWN], out.screen))
    if len(rows) > _SHOWN:
        out.line(f"and {len(rows) - _SHOWN} more")


def _agreed(count: int, out: Out) -> bool:
    from opsagent.cli.errors import CliError, Code
    from opsagent.cli.memory_common import confirmed

    what = "this record" if count == 1 else f"these {count} records"
    answer = confirmed(f"erase {what} for good? It cannot be undone.", out)
    if answer is None:
        raise CliError(f"erasing {what} cannot be undone: say it again with --yes", code=Code.NEEDS_APPROVAL)
    if not answer:
        out.note("nothing was forgotten")
    return answer


async def _forget(home: Home, ids: list[str]) -> dict[str, Any]:
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return dict(await memory.memory_forget(ids))
