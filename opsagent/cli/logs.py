"""`opsagent logs`: the last lines of services' logs, and what comes after them."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units

if TYPE_CHECKING:
    from opsagent.cli.log_lines import LogLine
    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent_tools.logs.tail import FileTail
    from opsagent_tools.units import Unit

_POLL_S = 0.2
_JOURNALS = 20
"""Journals that are followed side by side; each is a process."""
_Source: TypeAlias = "tuple[Unit, FileTail | str]"
"""A unit, and its file or its journal (`system/NAME.service`)."""


def command(
    unit: Annotated[
        str | None,
        typer.Argument(
            metavar="[UNIT]",
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
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show the last lines of a service's log, or of all of them; or rotate those of one service.

    Secrets are masked. With --json one document, or one line of JSON for each log line with --follow.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import find, look, open_home

    if lines < 0:
        raise Unclear(f"--lines {lines}: must not be negative")
    if rotate and (unit is None or follow):
        raise Unclear("--rotate takes one service, and no --follow: opsagent logs api --rotate")
    running = look(open_home(home))
    chosen = [find(unit, running.units)] if unit is not None else list(running.units)
    out = Out(as_json=json)
    if rotate:
        from opsagent.cli.log_rotate import rotate_now

        return rotate_now(open_home(home), running, chosen[0], out, yes=yes)
    if not chosen:
        out.note("no services: start some with `opsagent up FILE`")
    shown = _Shown(running, chosen, out)
    sources = shown.sources() if follow else []  # opened before the last lines are read: nothing is missed in between
    shown.last(lines, streams=follow)
    if sources:
        asyncio.run(shown.follow(sources))
    return 0


class _Shown:
    """Draws the logs of some units."""

    def __init__(self, running: Running, units: Sequence[Unit], out: Out) -> None:
        from opsagent.naming import index

        self._running = running
        self._units = units
        self._out = out
        self._meant = index(unit.id for unit in running.units)

    def last(self, count: int, *, streams: bool) -> None:
        """Show the last lines of each log."""
        from opsagent.cli.log_lines import lines_of

        found = [(unit, line) for unit in self._units for line in lines_of(unit, count, self._running, self._out.note)]
        if self._out.as_json and not streams:
            self._out.document([_as_json(unit, line) for unit, line in found])
            return
        for unit, line in found:
            self._show(unit, line)

    def sources(self) -> list[_Source]:
        """Open what the units write to from now on."""
        from opsagent_tools.logs.tail import FileTail

        found: list[_Source] = []
        for unit in self._units:
            for path in unit.logs:
                try:
                    found.append((unit, FileTail(path, uid=self._running.owner(unit))))
                except OSError as error:
                    self._out.note(f"not followed: {path}: {error.strerror}")
            if unit.journal:
                found.append((unit, unit.journal))
        return found

    async def follow(self, sources: Sequence[_Source]) -> None:
        """Show what comes, until nobody reads it any more."""
        tails = [(unit, source) for unit, source in sources if not isinstance(source, str)]
        journals = [(unit, source) for unit, source in sources if isinstance(source, str)]
        if len(journals) > _JOURNALS:
            self._out.note(f"{len(journals) - _JOURNALS} journals are not followed: name one unit")
        readers = [asyncio.create_task(self._journal(unit, source)) for unit, source in journals[:_JOURNALS]]
        try:
            while not self._out.closed:
                for unit, tail in tails:
                    self._look(unit, tail)
                await asyncio.sleep(_POLL_S)
        finally:
            for reader in readers:
                reader.cancel()
            await asyncio.gather(*readers, return_exceptions=True)

    def _look(self, unit: Unit, tail: FileTail) -> None:
        from opsagent.cli.log_lines import line_of

        try:
            for raw in tail.look():
                self._show(unit, line_of(str(tail.path), raw))
        except PermissionError as error:  # another file stands there meanwhile
            self._out.note(f"not read: {tail.path}: {error.strerror}")

    async def _journal(self, unit: Unit, journal: str) -> None:
        from opsagent.cli.log_lines import journal_command, line_of

        command = journal_command(journal, 0, follow=True)
        pipe = asyncio.subprocess.PIPE
        try:
            reading = await asyncio.create_subprocess_exec(*command, stdin=asyncio.subprocess.DEVNULL, stdout=pipe)
        except OSError as error:
            self._out.note(f"the journal of {journal} cannot be followed: {error.strerror}")
            return
        assert reading.stdout is not None
        try:
            while raw := await reading.stdout.readline():
                self._show(unit, line_of(f"journal:{journal}", raw.rstrip(b"\n")))
        finally:
            if reading.returncode is None:
                reading.terminate()
            await reading.wait()

    def _show(self, unit: Unit, line: LogLine) -> None:
        from opsagent.naming import full_name
        from opsagent.views.terminal import one_line
        from opsagent_tools.text import escape_for_terminal

        if self._out.as_json:
            self._out.item(_as_json(unit, line))
            return
        name = unit.name if len(self._meant[unit.name]) == 1 else full_name(unit.id)
        prefix = self._out.screen.paint(f"{one_line(name)} | ", "accent") if len(self._units) > 1 else ""
        self._out.line(prefix + escape_for_terminal(line.text))


def _as_json(unit: Unit, line: LogLine) -> dict[str, str]:
    return {"unit": str(unit.id), "name": unit.name, "file": line.file, "line": line.text}
