"""`opsagent logs --signatures` and `--new`: which kinds of lines services log, as the daemon has learnt them."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent.cli.errors import CliError

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home

_POLL_S = 1.0


class NobodyWatches(CliError):
    """No daemon has learnt what is usual."""


def show_signatures(home: Home, unit: str | None, out: Out, *, lines: int, follow: bool, new: bool) -> int:
    """Show signatures, the latest first; with `follow` those that are new from now on, too. Raises NobodyWatches."""
    found = _look(home, unit, new=new)
    if not out.as_json:
        _draw(found[:lines], out, new=new)
    elif follow:
        for one in reversed(found[:lines]):
            out.item(one)
    else:
        out.document(found[:lines])
    known = {(one["unit"], one["key"]) for one in found}
    while follow and not out.closed:
        time.sleep(_POLL_S)
        fresh = [one for one in _look(home, unit, new=new) if (one["unit"], one["key"]) not in known]
        known |= {(one["unit"], one["key"]) for one in fresh}
        for one in reversed(fresh):
            _tell(one, out)
    return 0


def _look(home: Home, unit: str | None, *, new: bool) -> list[dict[str, Any]]:
    from opsagent.cli import daemon
    from opsagent.cli.services import find, look
    from opsagent.naming import name_in

    status = daemon.status(home)
    if status is None:
        raise NobodyWatches("nobody watches, so nothing is known of what is usual: `opsagent watch` learns it")
    wanted = None
    if unit is not None:
        running = look(home, daemon=status)
        wanted = str(find(unit, running.units, silent=running.silent).id)
    rows = [{**one, "name": name_in(one["unit"])} for one in daemon.signatures(home, wanted)]
    return sorted((one for one in rows if one["new"] or not new), key=lambda one: -float(one["last"]))


def _draw(found: Sequence[Mapping[str, Any]], out: Out, *, new: bool) -> None:
    from opsagent.views.logs import COLUMNS, row
    from opsagent.views.table import table

    if found:
        out.lines(table(COLUMNS, [row(one) for one in found], out.screen))
    else:
        out.note("nothing new was logged" if new else "nothing was logged since the daemon watches")


def _tell(one: Mapping[str, Any], out: Out) -> None:
    from opsagent.views.logs import style_of_level
    from opsagent.views.terminal import one_line

    if out.as_json:
        out.item(one)
        return
    name = out.screen.paint(f"{one_line(one['name'])} | ", "accent")
    out.line(name + out.screen.paint(one_line(one["sample"] or one["template"]), style_of_level(one["level"])))
