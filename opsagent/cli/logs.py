"""`opsagent logs`: the last lines of services' logs, and what comes after them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent_tools.logs.tail import FileTail
    from opsagent_tools.units import Unit

_POLL_S = 0.2
_BLOCK = 64 * 1024
_LONGEST = 16 * 1024
"""Bytes of one line that are shown."""
_MOST = 8 * 1024 * 1024
"""Bytes of a file's end that are looked through for the wanted lines."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line of a log; secrets are masked, nothing is escaped yet."""

    file: Path
    text: str


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
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show the last lines of a service's log, or of all of them.

    Secrets are masked. With --json one document, or one line of JSON for each log line with --follow.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import find, look, open_home

    if lines < 0:
        raise Unclear(f"--lines {lines}: must not be negative")
    units = look(open_home(home)).units
    chosen = [find(unit, units)] if unit is not None else list(units)
    out = Out(as_json=json)
    if not chosen:
        out.note("no services: start some with `opsagent up FILE`")
    tails = _tails(chosen) if follow else []  # opened before the last lines are read: nothing is missed in between
    _show_last(chosen, lines, out, named=len(chosen) > 1, streams=follow)
    if follow and tails:
        asyncio.run(_follow(tails, out, named=len(chosen) > 1))
    return 0


def _show_last(units: Sequence[Unit], count: int, out: Out, *, named: bool, streams: bool) -> None:
    found = [(unit, line) for unit in units for line in last_lines(unit.logs, count)]
    if out.as_json and not streams:
        out.document([_as_json(unit, line) for unit, line in found])
        return
    for unit, line in found:
        _show(unit, line, out, named=named)


def _show(unit: Unit, line: LogLine, out: Out, *, named: bool) -> None:
    from opsagent.views.terminal import one_line
    from opsagent_tools.text import escape_for_terminal

    if out.as_json:
        out.item(_as_json(unit, line))
        return
    prefix = out.screen.paint(f"{one_line(unit.name)} | ", "accent") if named else ""
    out.line(prefix + escape_for_terminal(line.text))


def _as_json(unit: Unit, line: LogLine) -> dict[str, str]:
    return {"unit": str(unit.id), "name": unit.name, "file": str(line.file), "line": line.text}


def _tails(units: Sequence[Unit]) -> list[tuple[Unit, FileTail]]:
    from opsagent_tools.logs.tail import FileTail

    return [(unit, FileTail(path)) for unit in units for path in unit.logs]


async def _follow(tails: Sequence[tuple[Unit, FileTail]], out: Out, *, named: bool) -> None:
    from opsagent_tools.redact import redact

    while not out.closed:
        for unit, tail in tails:
            for raw in tail.look():
                text = redact(raw.decode(errors="replace"))
                _show(unit, LogLine(tail.path, text), out, named=named)
        await asyncio.sleep(_POLL_S)


def last_lines(files: Sequence[Path], count: int) -> list[LogLine]:
    """Return the last `count` lines of each file, secrets masked. Files that are not there have none."""
    from opsagent_tools.redact import redact

    if count <= 0:
        return []
    return [
        LogLine(path, redact(raw[:_LONGEST].decode(errors="replace"))) for path in files for raw in _end(path, count)
    ]


def _end(path: Path, count: int) -> list[bytes]:
    """Read a file from its end, no further than the wanted lines need."""
    try:
        with path.open("rb") as file:
            at = file.seek(0, 2)
            pieces: list[bytes] = []
            newlines = taken = 0
            while at > 0 and newlines <= count and taken < _MOST:
                step = min(_BLOCK, at)
                at -= step
                file.seek(at)
                pieces.append(file.read(step))
                newlines += pieces[-1].count(b"\n")
                taken += step
    except OSError:
        return []
    content = b"".join(reversed(pieces))
    lines = content.split(b"\n")
    if lines and not lines[-1]:
        lines.pop()
    return [line.rstrip(b"\r") for line in lines[-count:]]


def search(files: Sequence[Path], query: str, count: int) -> Iterator[LogLine]:
    """Give the last `count` lines that contain `query`, in any case."""
    wanted = query.lower()
    found = [line for line in last_lines(files, 100_000) if wanted in line.text.lower()]
    yield from found[-count:]
