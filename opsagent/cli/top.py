"""`opsagent top`: live: processes, how they went, open incidents, what is logged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.cli.top_data import Watcher

_SHORTEST_S = 0.2


def command(
    *,
    every: Annotated[float, typer.Option("--every", metavar="SECONDS", help="Between two looks.")] = 1.0,
    once: Annotated[bool, typer.Option("--once", help="Look once, and print it.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show all services live: CPU, memory and how they went, open incidents, what was noticed, what is logged.

    Keys: s sort, / filter, enter one service, p pause, q quit. Where the output is no terminal: one look, as text.
    With --json one JSON object a look until Ctrl-C, or one with --once.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.top_data import Watcher

    if not every >= _SHORTEST_S:  # `nan` is neither
        raise Unclear(f"--every {every:g}: must be at least {_SHORTEST_S} seconds")
    out = Out(as_json=json)
    watcher = Watcher(open_home(home))
    try:
        if json:
            return _stream(watcher, out, every, once=once)
        if once or not out.screen.terminal:
            _print(watcher, out)
            return 0
        from opsagent.cli.top_app import TopApp  # Textual takes a while to load

        return TopApp(watcher, every).run() or 0
    finally:
        watcher.close()


def _stream(watcher: Watcher, out: Out, every: float, *, once: bool) -> int:
    import time

    watcher.look()  # the processor's share is between two looks
    while not out.closed:
        time.sleep(every)
        picture = watcher.look()
        if once:
            out.document(picture)
            return 0
        out.item(picture)
    return 0


def _print(watcher: Watcher, out: Out) -> None:
    import time

    from opsagent.views import top
    from opsagent.views.table import table
    from opsagent.views.terminal import one_line

    watcher.look()
    time.sleep(_SHORTEST_S)
    picture = watcher.look()
    units = top.rows(picture, sort=next(iter(top.SORTS)))
    names = [unit["name"] for unit in units]
    lines = [top.headline(picture), top.host_line(picture["host"])]
    out.lines([one_line(line) for line in lines if line])
    if units:
        shown = [top.row(unit, shared=names.count(unit["name"]) > 1) for unit in units]
        out.lines(["", *table(top.COLUMNS, shown, out.screen)])
    lists = (
        ("Open incidents", top.incident_lines(picture) if picture["incidents"] else []),
        ("Noticed", top.notice_lines(picture)),
        ("Logged", top.signature_lines(picture)),
    )
    for title, cells in lists:
        if cells:
            out.lines(["", out.screen.paint(title, "dim"), *(_drawn(cell, out) for cell in cells[:10])])


def _drawn(cell: object, out: Out) -> str:
    from opsagent.views.table import Cell, fit
    from opsagent.views.terminal import one_line

    assert isinstance(cell, Cell)
    text = one_line(cell.text)
    return out.screen.paint(text if out.screen.width is None else fit(text, out.screen.width), cell.style)
