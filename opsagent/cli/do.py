"""`opsagent do "TEXT"`: one command in plain words."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    text: Annotated[
        list[str] | None, typer.Argument(metavar="TEXT", help='What to do: "reload api safely".', show_default=False)
    ] = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Confirm steps that interrupt a service. Never exceeds policy.")
    ] = False,
    phrases: Annotated[
        bool, typer.Option("--phrases", help="List what you mean by words of yours: offers that you took.")
    ] = False,
    forget: Annotated[
        str | None, typer.Option("--forget", metavar="TEXT", help="Drop what you mean by TEXT.", show_default=False)
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Do what TEXT says, in English or Korean: reload, restart, stop, start, scale, roll back; ask, order, teach.

    Only text that is understood as a whole runs; anything else is asked back, and one key takes what is offered. A step
    that interrupts a service needs a yes: on a terminal you are asked, elsewhere say --yes.
    Exit code 2: not understood; 3: needs approval; 4: refused by policy.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    place, out = open_home(home), Out(as_json=json)
    if phrases or forget is not None:
        from opsagent.cli import phrases as remembered

        return remembered.show(place, out) if forget is None else remembered.forget(place, forget, out)
    if not text:
        raise Unclear('say what to do, for instance: opsagent do "reload api safely"')
    from opsagent.cli.doing import Doing

    doing = Doing(place, " ".join(text), out, yes=yes)
    return doing.dry_run() if dry_run else doing.run()
