"""What the commands of `opsagent memory` share: options, ids, units, and questions."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import complete_units
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent_memory import MemoryReader, Record

KINDS = ("episode", "fact", "procedure")
SOURCES = ("agent", "person", "import", "logs", "document", "model")
_COMPLETED = 200
"""So many of the newest records are offered by their id."""
_SHORTEST = 5
"""Characters of an id that say which is meant; fewer are a slip."""
_MOST = 1_000_000
"""So many records are shown, whatever was asked for: no database counts to any number."""
_YES = frozenset({"y", "yes", "ㅇ", "네", "예"})


def complete_records(ctx: typer.Context, incomplete: str) -> Iterator[str | tuple[str, str]]:
    """Complete the ids of the newest records, each with how its text begins; silent where nothing is remembered."""
    from opsagent.cli.services import open_home
    from opsagent.views.table import fit
    from opsagent.views.terminal import one_line
    from opsagent_memory import MemoryReader

    try:
        with MemoryReader(open_home(ctx.params.get("home")).database) as reader:
            found = reader.containing(limit=_COMPLETED)
    except Exception:  # noqa: BLE001  # completion must never print a trace into somebody's prompt
        return
    yield from ((one.id, fit(one_line(one.text), 60)) for one in found if one.id.startswith(incomplete))


KindOption = Annotated[
    str | None,
    typer.Option(
        "--kind",
        metavar="KIND",
        help=f"Only this kind: {', '.join(KINDS)}.",
        autocompletion=lambda incomplete: [kind for kind in KINDS if kind.startswith(incomplete)],
        show_default=False,
    ),
]
UnitOption = Annotated[
    str | None,
    typer.Option(
        "--unit", metavar="UNIT", help="Only of this service.", autocompletion=complete_units, show_default=False
    ),
]
ScopeOption = Annotated[
    str | None,
    typer.Option("--scope", metavar="SCOPE", help="Only of this scope (`stats` names them).", show_default=False),
]
SourceOption = Annotated[
    str | None,
    typer.Option(
        "--source",
        metavar="SOURCE",
        help=f"Only said by: {', '.join(SOURCES)}.",
        autocompletion=lambda incomplete: [source for source in SOURCES if source.startswith(incomplete)],
        show_default=False,
    ),
]
ImportedFlag = Annotated[bool, typer.Option("--imported", help="Only what came from another memory.")]
RecordId = Annotated[
    str,
    typer.Argument(
        metavar="ID",
        help="Id of a record, or how it begins.",
        autocompletion=complete_records,
        show_default=False,
    ),
]


def checked_kind(kind: str | None) -> str | None:
    """Return the kind. Raises Unclear for one that there is not."""
    from opsagent.cli.errors import Unclear

    if kind is not None and kind not in KINDS:
        raise Unclear(f"--kind {kind!r}: must be one of {', '.join(KINDS)}")
    return kind


def checked_limit(limit: int) -> int:
    """Return the limit. Raises Unclear where it is none."""
    from opsagent.cli.errors import Unclear

    if limit < 1:
        raise Unclear(f"--limit {limit}: must be at least 1")
    return min(limit, _MOST)


def checked_source(source: str | None) -> str | None:
    """Return the source. Raises Unclear for one that there is not."""
    from opsagent.cli.errors import Unclear

    if source is not None and source not in SOURCES:
        raise Unclear(f"--source {source!r}: must be one of {', '.join(SOURCES)}")
    return source


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """Which records are meant; all that was checked already."""

    words: str = ""
    unit: str | None = None
    scope: str | None = None
    kind: str | None = None
    source: str | None = None
    archived: bool = True
    imported: bool = False

    @property
    def narrows(self) -> bool:
        """Whether it leaves anything out that is recalled."""
        return bool(self.words or self.unit or self.scope or self.kind or self.source or self.imported)

    def records(self, home: Home, limit: int) -> tuple[Record, ...]:
        """Return the newest records that are meant."""
        from opsagent.memory_forms import scopes_of
        from opsagent_memory import Kind, Source

        with reader_of(home) as reader:
            scopes = [self.scope] if self.scope is not None else None
            return reader.containing(
                self.words,
                scope=scopes if self.unit is None else scopes_of(self.unit, reader.stats().by_scope),
                kind=Kind(self.kind) if self.kind else None,
                source=Source(self.source) if self.source else None,
                archived=self.archived,
                imported=self.imported,
                limit=limit,
            )


def reader_of(home: Home) -> MemoryReader:
    """Open what is remembered for looking only: no lock, no index, no model.

    One that an older version laid out is brought up to date first, by whoever owns it. Raises MemoryStoreError.
    """
    from opsagent_memory import MemoryReader

    reader = MemoryReader(home.database)
    if reader.is_older():
        finished(_opened_once(home))
    return reader


async def _opened_once(home: Home) -> None:
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        await memory.memory_families([])


def full_id(home: Home, given: str) -> str:
    """Return the id that a person means by it or by how it begins. Raises Unclear."""
    return record_of(home, given).id


def record_of(home: Home, given: str) -> Record:
    """Return the record of this id, or the one whose id begins so. Raises Unclear."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.store import no_such
    from opsagent_memory import RecordNotFound

    if not home.database.exists():
        raise Unclear(f"there is no record {given!r}: this home remembers nothing yet")
    with reader_of(home) as reader:
        try:
            return reader.show(given)
        except RecordNotFound:
            found = reader.starting(given) if len(given) >= _SHORTEST else ()
            gone = [event.at for event in reader.history(given) if event.event == "forget"]
    if gone:
        from opsagent.views.numbers import moment

        raise Unclear(f"record {given} was forgotten at {moment(gone[0])}: nothing of it is left")
    if len(found) > 1:
        raise Unclear(
            f"several records begin with {given!r}: {', '.join(one.id for one in found[:5])}: write more of it"
        )
    if not found:
        raise no_such("record", given, "`opsagent memory list` and `opsagent memory search TEXT` show ids")
    return found[0]


def scope_for(home: Home, unit: str | None) -> str:
    """Return whose what is kept is to be: the unit's that runs under this name, else one that the memory knows. Raises Unclear."""
    from opsagent.cli.daemon import status
    from opsagent.cli.errors import Unclear
    from opsagent.cli.services import find, look
    from opsagent.memory_forms import EVERYWHERE, scopes_of, unit_of
    from opsagent.recall import scope_of

    if unit is None:
        return EVERYWHERE
    try:
        return scope_of(find(unit, look(home, daemon=status(home)).units).id)
    except Unclear:
        with reader_of(home) as reader:
            known = scopes_of(unit, reader.stats().by_scope)
        if not known:
            raise
        if len(known) > 1:
            names = listed([unit_of(scope) for scope in known])
            raise Unclear(f"--unit {unit}: the memory knows several: {names}: write which") from None
        return known[0]


_WRONG_INPUT = frozenset({"ImportRefused", "DocumentsRefused", "NotAcceptable", "NotKeepable"})


@contextmanager
def input_checked() -> Iterator[None]:
    """Have what the memory refuses to take count as wrong input, whoever owns it. Raises Unclear."""
    from opsagent.cli.errors import Unclear

    try:
        yield
    except Exception as error:
        if getattr(error, "code", type(error).__name__) in _WRONG_INPUT:
            raise Unclear(str(error)) from error
        raise


def confirmed(question: str, out: Out) -> bool | None:
    """Ask on the terminal; anything but y or yes is no. None where nobody can be asked."""
    if out.as_json or not (sys.stdin.isatty() and out.notes.terminal):
        return None
    sys.stderr.write(f"{question} [y/N] ")
    sys.stderr.flush()
    return sys.stdin.readline().strip().lower() in _YES


def listed(values: Sequence[str], most: int = 5) -> str:
    """Return the first of many, and how many there are besides."""
    rest = len(values) - most
    return ", ".join(values[:most]) + (f" and {rest} more" if rest > 0 else "")
