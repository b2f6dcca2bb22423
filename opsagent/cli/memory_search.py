"""`opsagent memory search` and `list`: what comes to mind, and what was kept last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_common import (
    ImportedFlag,
    KindOption,
    ScopeOption,
    SourceOption,
    UnitOption,
    checked_kind,
    checked_limit,
    checked_source,
)
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home


def search(
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help="What to look for.", show_default=False)],
    *,
    unit: UnitOption = None,
    kind: KindOption = None,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", help="How many at most.")] = 5,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Search by meaning and by words, weighted by what helped.

    Says of each record why it came, and how it would be ranked without what was learnt.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.memory import results

    query = " ".join(text).strip()
    if not query:
        raise Unclear("TEXT is empty: say what to look for, or `opsagent memory list` shows what was kept last")
    out, place = Out(as_json=json), open_home(home)
    rows = finished(_search(place, out, query, unit=unit, kind=checked_kind(kind), limit=checked_limit(limit)))
    if json:
        out.document({"query": query, "results": rows})
    elif not rows:
        out.line("nothing like that is remembered")
    else:
        out.lines(results(rows, out.screen))
    return 0


async def _search(
    home: Home, out: Out, query: str, *, unit: str | None, kind: str | None, limit: int
) -> Sequence[Mapping[str, Any]]:
    import asyncio

    from opsagent.cli.memory_working import embedding_told
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        telling = asyncio.create_task(embedding_told(home, out))
        try:
            return await memory.memory_search(query, unit=unit, kind=kind, limit=limit)
        finally:
            telling.cancel()
            await asyncio.wait((telling,))


def list_(
    words: Annotated[
        list[str] | None, typer.Argument(metavar="[WORD]...", help="Only with these words.", show_default=False)
    ] = None,
    *,
    kind: KindOption = None,
    unit: UnitOption = None,
    scope: ScopeOption = None,
    source: SourceOption = None,
    imported: ImportedFlag = False,
    archived: Annotated[bool, typer.Option("--archived", help="With what is no longer recalled.")] = False,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", help="How many at most.")] = 20,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """List what was kept last, newest first."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.memory_common import Filter
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.memory_forms import record_form
    from opsagent.views.memory import listing

    if unit is not None and scope is not None:
        raise Unclear("--unit and --scope cannot be given both: a unit is a scope")
    out, place = Out(as_json=json), open_home(home)
    wanted = Filter(
        words=" ".join(words or ()),
        unit=unit,
        scope=scope,
        kind=checked_kind(kind),
        source=checked_source(source),
        archived=archived,
        imported=imported,
    )
    rows = [record_form(record) for record in wanted.records(place, checked_limit(limit))]
    if json:
        out.document({"records": rows})
    elif not rows:
        out.line("nothing like that is remembered" if wanted.narrows else "nothing is remembered yet")
    else:
        out.lines(listing(rows, out.screen))
    return 0
