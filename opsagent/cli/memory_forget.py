"""`opsagent memory forget`: erases for good, once it has shown what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_common import (
    Filter,
    ImportedFlag,
    KindOption,
    ScopeOption,
    SourceOption,
    UnitOption,
    checked_kind,
    checked_source,
    complete_records,
    listed,
)
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home

_SHOWN = 10
_MOST = 1_000_000
_AT_ONCE = 5_000
"""Ids in one call of the local API, whose requests have a limit."""


def forget(
    records: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...",
            help="Ids of records, or how they begin.",
            autocompletion=complete_records,
            show_default=False,
        ),
    ] = None,
    *,
    unit: UnitOption = None,
    scope: ScopeOption = None,
    source: SourceOption = None,
    kind: KindOption = None,
    imported: ImportedFlag = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Erase records for good; shows them first, and asks.

    Those that are named, or all of a service, a scope, a source, or what was imported. Their text goes, and what was learnt
    from them, in the database, in the index and in its files. A tombstone stays.
    """
    from opsagent.cli.errors import Code, Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    wanted = Filter(unit=unit, scope=scope, source=checked_source(source), kind=checked_kind(kind), imported=imported)
    if bool(records) == wanted.narrows:
        raise Unclear(
            "name the records by their ids, or say which with --unit, --scope, --source, --kind or --imported"
        )
    if unit is not None and scope is not None:
        raise Unclear("--unit and --scope cannot be given both: a unit is a scope")
    out, place = Out(as_json=json), open_home(home)
    found = _found(place, list(dict.fromkeys(records))) if records else _meant(place, wanted)
    if not found:
        out.document({"forgotten": [], "known": []}) if json else out.line("nothing like that is remembered")
        return Code.DONE
    live = [row for row in found if "text" in row]
    if not json and live:
        _show(live, out)
    if live and not yes and not _agreed(len(live), out):
        return Code.NEEDS_APPROVAL
    ended = _forgotten(place, [row["id"] for row in found], out)
    if json:
        out.document(ended)
        return Code.DONE
    if ended["forgotten"]:
        out.line(f"forgotten: {listed(ended['forgotten'])}; nothing of it is left in the database or in the index")
    if ended["known"]:
        out.line(f"forgotten before: {listed(ended['known'])}")
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


def _meant(home: Home, wanted: Filter) -> list[dict[str, Any]]:
    from opsagent.memory_forms import record_form

    return [record_form(record) for record in wanted.records(home, _MOST)]


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


def _forgotten(home: Home, ids: list[str], out: Out) -> dict[str, list[str]]:
    """Forget them, so many in one call: a line of the local API has an end."""
    from opsagent.cli.memory_working import Watch

    watch = Watch(out, "forgetting", "records")
    ended: dict[str, list[str]] = {"forgotten": [], "known": []}
    try:
        for start in range(0, len(ids), _AT_ONCE):
            part = finished(_forget(home, ids[start : start + _AT_ONCE]))
            ended = {name: ended[name] + list(part[name]) for name in ended}
            watch.see(start + _AT_ONCE, len(ids))
    finally:
        watch.clear()
    return ended


async def _forget(home: Home, ids: list[str]) -> dict[str, Any]:
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return dict(await memory.memory_forget(ids))
