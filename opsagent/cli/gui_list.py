"""`opsagent gui list` and `show`: procedures on screens, how their runs ended, and what waits to be accepted."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.home import Home

_RUNS = 5


def complete_procedures(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete the names of procedures; silent where anything is in the way."""
    try:
        from opsagent.cli.services import open_home
        from opsagent.screens.names import names_in

        names = names_in(open_home(ctx.params.get("home")).path)
    except Exception:  # noqa: BLE001  # completion must never print a trace into somebody's prompt
        return
    yield from (name for name in names if name.startswith(incomplete))


ProcedureName = Annotated[
    str,
    typer.Argument(metavar="NAME", help="Name of a procedure.", autocompletion=complete_procedures, show_default=False),
]


def list_(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """List every procedure: its program, its version, how its runs ended, and what waits to be accepted."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.screens.forms import brief
    from opsagent.screens.shelf import Shelf
    from opsagent.views.screens import COLUMNS, row
    from opsagent.views.table import table

    place, out = open_home(home), Out(as_json=json)
    shelf = Shelf(place.database)
    found = [brief(one, shelf.tally(one.name)) for one in shelf.all()]
    if json:
        out.document({"procedures": found, "unreadable": list(shelf.unreadable)})
    elif found:
        out.lines(table(COLUMNS, [row(one) for one in found], out.screen))
    else:
        out.line("no procedures yet: record one (opsagent gui record NAME), or take one in (opsagent gui import FILE)")
    for name in shelf.unreadable:
        out.note(f"{name} was written down by another version of the agent: import or record it again")
    return 0


def show(
    name: ProcedureName,
    *,
    written: Annotated[bool, typer.Option("--yaml", help="Show it as it is written down.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show one procedure: its steps, what is asked before them, its effect, its versions and its last runs."""
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.screens.forms import whole
    from opsagent.screens.shelf import Shelf
    from opsagent.views.screens import page
    from opsagent_tools.text import escape_for_terminal

    place, out = open_home(home), Out(as_json=json)
    shelf = Shelf(place.database)
    found = shelf.row(name)
    if written and not json:
        out.line(escape_for_terminal(found.shown.text.rstrip("\n")))
        return 0
    form = whole(found, shelf.tally(found.name), runs_of(place, found.name))
    if json:
        out.document({**form, **({"yaml": found.shown.text} if written else {})})
    else:
        out.lines(list(page(form, out.screen)))
        if found.proposed is not None and found.proposed is not found.shown:
            out.note(
                f"version {found.proposed.version} waits to be accepted: opsagent gui approve {shlex.quote(found.name)}"
            )
        elif not found.shown.accepted:
            out.note(f"nobody has accepted it yet: opsagent gui approve {shlex.quote(found.name)}")
    return 0


def runs_of(home: Home, name: str, most: int = _RUNS) -> list[dict[str, Any]]:
    """Return the last runs of a procedure whose reports are there still, newest first."""
    from opsagent.screens import files
    from opsagent.screens.report import DATA, PAGE

    found = []
    for path in (files.folder_of(home.path) / "runs").glob(f"*/{DATA}"):
        said = files.read_json(path)
        if said is not None and said.get("procedure") == name:
            kept = {key: said.get(key) for key in ("run", "at", "version", "outcome", "why", "halted_at")}
            found.append({**kept, "report": str(path.with_name(PAGE))})
    return sorted(found, key=lambda one: str(one["at"]), reverse=True)[:most]
