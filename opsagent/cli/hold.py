"""`opsagent hold UNIT`: hands off a service."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.store.rows import HoldRow
    from opsagent_tools.units import Unit


def command(
    unit: Annotated[
        str | None,
        typer.Argument(
            metavar="UNIT",
            help="Name of a service, or of a procedure on screens [default: list the holds].",
            autocompletion=complete_units,
            show_default=False,
        ),
    ] = None,
    *,
    duration: Annotated[
        str | None,
        typer.Option("--for", metavar="TIME", help="90s, 30m, 2h, 1d [default: until released].", show_default=False),
    ] = None,
    why: Annotated[
        str, typer.Option("--why", metavar="TEXT", help="Why; shown to whoever looks.", show_default=False)
    ] = "",
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Keep the agent's hands off a service; `opsagent release UNIT` ends it.

    The engine's own restarts go on, and so do commands that people give.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    out = Out(as_json=json)
    if unit is None:
        if duration is not None or why:
            raise Unclear("which service? write `opsagent hold UNIT --for 2h --why TEXT`")
        return _list(open_home(home), out)
    return _hold(open_home(home), unit, _seconds(duration), why, out)


def _seconds(duration: str | None) -> float | None:
    from opsagent.cli.errors import Unclear
    from opsagent.views.numbers import seconds_of

    if duration is None:
        return None
    try:
        seconds = seconds_of(duration)
    except ValueError as error:
        raise Unclear(f"--for: {error}") from error
    if seconds <= 0:
        raise Unclear(f"--for {duration}: must be longer than nothing")
    return seconds


def _hold(home: Home, name: str, seconds: float | None, why: str, out: Out) -> int:
    from datetime import UTC, datetime, timedelta

    from opsagent.cli.daemon import status
    from opsagent.cli.errors import Unclear
    from opsagent.cli.services import find, look
    from opsagent.cli.store import person, writing
    from opsagent.views.numbers import moment

    daemon = status(home)
    running = look(home, daemon=daemon)
    seen = _seen(daemon, running.silent)  # a person's word counts while a supervisor hangs, too
    try:
        unit = find(name, [*running.units, *seen], silent=running.silent)
    except Unclear:
        procedure = _procedure(home, name)
        if procedure is None:
            raise
        unit = procedure
    try:
        until = None if seconds is None else datetime.now(UTC) + timedelta(seconds=seconds)
    except OverflowError as error:
        raise Unclear("--for: that is longer than time goes; leave it out to hold until released") from error
    with writing(home) as journal:
        hold = journal.hold(unit.id, until, why, person())
    if out.as_json:
        held_until = until.isoformat() if until is not None else None
        out.document({"hold": hold, "unit": str(unit.id), "until": held_until, "why": why})
    else:
        end = f"until {moment(until)}" if until is not None else f"until `opsagent release {shlex.quote(unit.name)}`"
        out.line(f"{unit.name} is on hold {end}")
    return 0


def _procedure(home: Home, name: str) -> Unit | None:
    """Return what stands for a procedure on screens; None: there is none of this name."""
    from opsagent.naming import screen_unit
    from opsagent.screens.errors import ProcedureError
    from opsagent.screens.shelf import Shelf
    from opsagent_memory import MemoryFailure
    from opsagent_tools.units import Unit, UnitState

    try:
        return Unit(id=screen_unit(Shelf(home.database).row(name).name), state=UnitState.UNKNOWN)
    except (ProcedureError, MemoryFailure):
        return None


def _seen(daemon: Mapping[str, Any] | None, kinds: Collection[str]) -> list[Unit]:
    """Return what the agent's daemon saw last of supervisors that do not answer now."""
    from opsagent_tools.units import Unit, UnitId, UnitState

    ids = [UnitId.parse(row["id"]) for row in (daemon or {}).get("units", ())]
    return [Unit(id=unit, state=UnitState.UNKNOWN) for unit in ids if unit.supervisor in kinds]


def _list(home: Home, out: Out) -> int:
    from opsagent.cli.store import reading
    from opsagent.views.numbers import moment
    from opsagent.views.table import Cell, Column, table

    with reading(home) as journal:
        holds = journal.holds()
    if out.as_json:
        out.document({"holds": [as_json(hold) for hold in holds]})
        return 0
    if not holds:
        out.line("nothing is on hold")
        return 0
    columns = (Column("UNIT"), Column("SINCE", drop=3), Column("UNTIL"), Column("BY", drop=2), Column("WHY", drop=1))
    rows = [
        (
            Cell(hold.unit.name, "strong"),
            Cell(moment(hold.at)),
            Cell(moment(hold.until) if hold.until is not None else "released"),
            Cell(hold.by),
            Cell(hold.why),
        )
        for hold in holds
    ]
    out.lines(table(columns, rows, out.screen))
    return 0


def as_json(hold: HoldRow) -> dict[str, Any]:
    """Return a hold in its documented JSON form."""
    from opsagent.cli.output import plain

    return {
        "id": hold.id,
        "unit": str(hold.unit),
        "at": plain(hold.at),
        "until": plain(hold.until),
        "why": hold.why,
        "by": hold.by,
    }
