"""`opsagent memory`: what the agent remembers."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units
from opsagent.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent_memory import Record

app = typer.Typer(cls=QuickGroup, help="What the agent remembers.", add_completion=False, no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What the agent remembers."""


@app.command("search", cls=QuickCommand)
def search(
    text: Annotated[list[str], typer.Argument(metavar="TEXT", help="What to look for.", show_default=False)],
    *,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit", metavar="UNIT", help="Only of this service.", autocompletion=complete_units, show_default=False
        ),
    ] = None,
    limit: Annotated[int, typer.Option("-n", "--limit", metavar="N", help="How many at most.")] = 5,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Search the memory by meaning, weighted by what helped."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if limit < 1:
        raise Unclear(f"--limit {limit}: must be at least 1")
    out = Out(as_json=json)
    rows = asyncio.run(_search(open_home(home), " ".join(text), unit, limit))
    if json:
        out.document({"query": " ".join(text), "results": rows})
    elif not rows:
        out.line("nothing like that is remembered")
    else:
        out.lines(_table(rows, out.screen))
    return 0


async def _search(home: Home, query: str, unit: str | None, limit: int) -> Sequence[Mapping[str, Any]]:
    from opsagent.cli.agent import agent_of

    async with agent_of(home) as agent:
        return list(await agent.recall(query, unit=unit, limit=limit))


def _table(rows: Sequence[Mapping[str, Any]], screen: Any) -> list[str]:
    from opsagent.views.table import Cell, Column, table

    columns = (
        Column("ID"),
        Column("KIND", drop=4),
        Column("SCOPE", drop=5),
        Column("SCORE", drop=3, right=True),
        Column("REMEDY", drop=1),
        Column("OUTCOME", drop=2),
        Column("TEXT"),
    )
    return table(
        columns,
        [
            (
                Cell(row["id"], "strong"),
                Cell(row["kind"]),
                Cell(row["scope"]),
                Cell(f"{row['score']:.2f}"),
                Cell(str(row["fields"].get("remedy") or "")),
                Cell(str(row["fields"].get("outcome") or ("reconstructed" if row.get("source") == "logs" else ""))),
                Cell(row["text"]),
            )
            for row in rows
        ],
        screen,
    )


@app.command("show", cls=QuickCommand)
def show(
    record: Annotated[str, typer.Argument(metavar="ID", help="Id of a record.", show_default=False)],
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show one record whole."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import no_such
    from opsagent.views.terminal import one_line

    place = open_home(home)
    if not place.database.exists():
        raise Unclear(f"there is no record {record!r}: this home remembers nothing yet")
    from opsagent_memory import MemoryReader, RecordNotFound

    try:
        with MemoryReader(place.database) as reader:
            found = as_json(reader.show(record))
    except RecordNotFound as error:
        raise no_such("record", record, "`opsagent memory search TEXT` shows ids") from error
    out = Out(as_json=json)
    if json:
        out.document(found)
        return 0
    for key, value in found.items():
        if key == "fields":
            out.lines([f"{one_line(name)}: {one_line(item)}" for name, item in value.items()])
        elif value is not None:
            out.line(f"{key}: {one_line(value)}")
    return 0


@app.command("stats", cls=QuickCommand)
def stats(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Count what is remembered."""
    from opsagent.cli.output import Out, plain
    from opsagent.cli.services import open_home

    place = open_home(home)
    found: dict[str, Any] = {"records": 0}
    if place.database.exists():
        from opsagent_memory import MemoryReader

        with MemoryReader(place.database) as reader:
            found = plain(reader.stats())
    out = Out(as_json=json)
    if json:
        out.document(found)
        return 0
    for key, value in found.items():
        said = ", ".join(f"{name} {count}" for name, count in value.items()) if isinstance(value, dict) else value
        out.line(f"{key.replace('_', ' ')}: {said if said not in (None, '') else '-'}")
    return 0


def as_json(record: Record) -> dict[str, Any]:
    """Return a record in its documented JSON form."""
    from opsagent.cli.output import plain

    return {
        "id": record.id,
        "kind": record.kind.value,
        "scope": record.scope,
        "text": record.text,
        "source": record.source.value,
        "trust": record.trust,
        "created_at": plain(record.created_at),
        "valid_from": plain(record.valid_from),
        "valid_to": plain(record.valid_to),
        "supersedes": record.supersedes,
        "fields": plain(record.fields),
    }
