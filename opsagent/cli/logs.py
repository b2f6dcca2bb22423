"""`opsagent logs`: the last lines of services' logs, and what comes after them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units

if TYPE_CHECKING:
    from opsagent.answering.log_lines import LogLine
    from opsagent.cli.log_folding import FoldedLines
    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent_tools.logs.journal import Journals, JournalTail
    from opsagent_tools.logs.tail import FileTail
    from opsagent_tools.units import Unit

_POLL_S = 0.2


@dataclass(frozen=True, slots=True)
class _Source:
    """What a unit writes to."""

    unit: Unit
    name: str
    tail: FileTail | JournalTail


def command(
    unit: Annotated[
        str | None,
        typer.Argument(
            metavar="UNIT",
            help="Name of a service [default: all].",
            autocompletion=complete_units,
            show_default=False,
        ),
    ] = None,
    *,
    lines: Annotated[int, typer.Option("-n", "--lines", metavar="N", help="How many lines of each.")] = 20,
    follow: Annotated[bool, typer.Option("-f", "--follow", help="Go on with what is written from now on.")] = False,
    rotate: Annotated[
        bool, typer.Option("--rotate", help="Move what the service's logs hold into archives beside them, now.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Say yes to --rotate.")] = False,
    fold: Annotated[
        bool | None,
        typer.Option(
            "--fold/--raw",
            help="Lines that say the same as one that counts, or each as it is [default: --fold on a terminal].",
            show_default=False,
        ),
    ] = None,
    signatures: Annotated[
        bool, typer.Option("--signatures", help="What is logged, each kind of line once, the latest first.")
    ] = False,
    new: Annotated[bool, typer.Option("--new", help="Of those, what was never logged before.")] = False,
    sources: Annotated[
        bool, typer.Option("--sources", help="Where it is written, and of which zone the stamps are taken to be.")
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show the last lines of a service's log, or of all of them; or what kinds of lines there are; or rotate them.

    Secrets are masked. With --json one document, or one line of JSON for each log line with --follow.
    """
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import find, look, open_home

    if lines < 0:
        raise Unclear(f"--lines {lines}: must not be negative")
    if rotate and (unit is None or follow):
        raise Unclear("--rotate takes one service, and no --follow: opsagent logs api --rotate")
    if signatures or new:
        from opsagent.cli.log_signatures import show_signatures

        return show_signatures(open_home(home), unit, Out(as_json=json), lines=lines, follow=follow, new=new)
    running = look(open_home(home))
    chosen = [find(unit, running.units, silent=running.silent)] if unit is not None else list(running.units)
    out = Out(as_json=json)
    if rotate:
        from opsagent.cli.log_rotate import rotate_now

        return rotate_now(open_home(home), running, chosen[0], out, yes=yes)
    if sources:
        from opsagent.cli.log_sources import show_sources

        return show_sources(running, chosen, out)
    if not chosen:
        out.note("no services: start some with `opsagent up FILE`")
    config_of(open_home(home))  # from here on its [redact] holds
    folded = out.screen.terminal if fold is None else fold
    shown = _Shown(running, chosen, out, folded=folded and not json)
    followed = shown.sources() if follow else []  # opened before the last lines are read: nothing is missed in between
    shown.last(lines, streams=follow)
    if followed:
        asyncio.run(shown.follow(followed))
    return 0


class _Shown:
    """Draws the logs of some units."""

    def __init__(self, running: Running, units: Sequence[Unit], out: Out, *, folded: bool) -> None:
        from opsagent.naming import index

        self._folds = folded
        self._folded: FoldedLines | None = None
        self._running = running
        self._units = units
        self._out = out
        self._journals: Journals | None = None
        self._complained: set[str] = set()
        self._meant = index(unit.id for unit in running.units)

    def last(self, count: int, *, streams: bool) -> None:
        """Show the last lines of each log."""
        from opsagent.answering.log_lines import lines_of

        found = [(unit, line) for unit in self._units for line in lines_of(unit, count, self._running, self._out.note)]
        if self._out.as_json and not streams:
            self._out.document([_as_json(unit, line) for unit, line in found])
            return
        with self._folding(live=False):
            for unit, line in found:
                self._show(unit, line)

    @contextmanager
    def _folding(self, *, live: bool) -> Iterator[FoldedLines | None]:
        """Fold the lines that are shown meanwhile, where that is wanted."""
        if not self._folds:
            yield None
            return
        from opsagent.cli.log_folding import FoldedLines

        with FoldedLines(self._out, live=live and self._out.screen.terminal) as self._folded:
            yield self._folded
        self._folded = None

    def sources(self) -> list[_Source]:
        """Open what the units write to from now on."""
        from opsagent_tools.logs.tail import FileTail

        found: list[_Source] = []
        for unit in self._units:
            for path in unit.logs:
                try:
                    found.append(_Source(unit, str(path), FileTail(path, uid=self._running.owner(unit))))
                except OSError as error:
                    self._out.note(f"not followed: {path}: {error.strerror}")
            if unit.journal:
                found.append(_Source(unit, f"journal:{unit.journal}", self._journal(unit.journal)))
        return found

    def _journal(self, journal: str) -> JournalTail:
        from opsagent_tools.logs.journal import Journals

        self._journals = self._journals or Journals()
        return self._journals.tail(journal)

    async def follow(self, sources: Sequence[_Source]) -> None:
        """Show what comes, until nobody reads it any more."""
        try:
            with self._folding(live=True) as folded:
                while not self._out.closed:
                    for source in sources:
                        self._look(source)
                    if folded is not None:
                        folded.settle()
                    await asyncio.sleep(_POLL_S)
        finally:
            if self._journals is not None:
                self._journals.close()

    def _look(self, source: _Source) -> None:
        from opsagent.answering.log_lines import line_of

        try:
            for raw in source.tail.look():
                self._show(source.unit, line_of(source.name, raw))
        except OSError as error:  # another's file stands there meanwhile, or the journal may not be read
            if source.name not in self._complained:
                self._complained.add(source.name)
                self._out.note(f"not read: {source.name}: {error.strerror}")

    def _show(self, unit: Unit, line: LogLine) -> None:
        from opsagent.naming import full_name
        from opsagent.views.terminal import one_line
        from opsagent_tools.text import escape_for_terminal

        if self._out.as_json:
            self._out.item(_as_json(unit, line))
            return
        name = unit.name if len(self._meant[unit.name]) == 1 else full_name(unit.id)
        prefix = self._out.screen.paint(f"{one_line(name)} | ", "accent") if len(self._units) > 1 else ""
        if self._folded is not None:
            self._folded.take(f"{unit.id} {line.file}", prefix, line)
        else:
            self._out.line(prefix + escape_for_terminal(line.text))


def _as_json(unit: Unit, line: LogLine) -> dict[str, str]:
    return {"unit": str(unit.id), "name": unit.name, "file": line.file, "line": line.text}
