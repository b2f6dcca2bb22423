"""What `ps` shows, without the command line's machinery: `ps` is asked often, and typer takes 60 ms to load."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent.answering.listing import ports_of, report_now, report_of

if TYPE_CHECKING:
    from opsagent.cli.output import Out

__all__ = ["list_services", "ports_of", "report_now", "report_of", "show"]


def list_services(*, as_json: bool, home: str | None) -> int:
    """Carry out `opsagent ps`; return the exit code."""
    from opsagent.cli.daemon import listing, status
    from opsagent.cli.output import Out
    from opsagent.cli.services import config_trouble, look, open_home

    place = open_home(home)
    report, trouble = listing(place), ""
    if report is None:
        daemon, trouble = status(place), config_trouble(place)
        report = report_of(look(place, daemon=daemon), daemon, home=str(place.path), ports=True)
    out = Out(as_json=as_json)
    if as_json:
        out.document(report)
    else:
        show(report, out)
    if trouble:
        out.note(trouble)
    return 0


def show(report: Mapping[str, Any], out: Out) -> None:
    """Draw the table, what nobody supervises, and a line for what is not there."""
    from opsagent.views.table import table
    from opsagent.views.units import NOBODYS, columns, nobodys_row, row

    units: Sequence[Mapping[str, Any]] = report["units"]
    several = any(unit["supervisor"] != "circus" for unit in units)
    if units:
        names = [unit["name"] for unit in units]
        rows = [row(unit, several=several, shared=names.count(unit["name"]) > 1) for unit in units]
        out.lines(table(columns(several=several), rows, out.screen))
    strangers: Sequence[Mapping[str, Any]] = report.get("unsupervised", ())
    if strangers:
        if units:
            out.line()
        out.line(out.screen.paint("Nobody supervises:", "dim"))
        out.lines(table(NOBODYS, [nobodys_row(one) for one in strangers], out.screen))
    _notes(report, out)


def _notes(report: Mapping[str, Any], out: Out) -> None:
    units, others = report["units"], report.get("supervisors", ())
    ours = any(unit["supervisor"] == "circus" for unit in units)
    if ours and not report["engine"]["running"]:
        out.note("the engine is not running; shown is what the last `opsagent up` described")
    elif not units and report["engine"]["running"]:
        out.note("no services: describe some in a file and run `opsagent up FILE`")
    elif not units and not any(one["state"] == "running" for one in others):
        out.note("the engine is not running: start it with `opsagent up FILE`")
    for one in others:
        if one["state"] == "refused":
            out.note(f"{one['family']} at {one['address']} is refused: {one['reason']}")
        elif one["state"] == "unreachable":
            out.note(f"{one['kind']} at {one['address']} does not answer: {one['reason']}")
        elif one["state"] == "died":
            out.note(f"the daemon of {one['kind']} at {one['address']} is gone")
        elif one["state"] == "idle" and one["reason"]:
            out.note(f"{one['kind']} at {one['address']} does not run: {one['reason']}")
    if report["daemon"] is not None and report["daemon"].get("paused"):
        out.note("the agent is paused: `opsagent resume` lets it act again")
