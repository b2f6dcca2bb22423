"""`opsagent do "TEXT"`: one command in plain words."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    text: Annotated[
        list[str], typer.Argument(metavar="TEXT", help='What to do: "reload api safely".', show_default=False)
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what it would do, and do nothing.")] = False,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Confirm steps that interrupt a service. Never exceeds policy.")
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Do what TEXT says: reload, restart, stop, start, scale, status, logs, why.

    Only text that is understood as a whole runs; anything else is asked back and changes nothing. A step that
    interrupts a service needs a yes: on a terminal you are asked, elsewhere say --yes.
    Exit code 2: not understood; 3: needs approval; 4: refused by policy.
    """
    from opsagent.cli.doing import Doing
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    doing = Doing(open_home(home), " ".join(text), Out(as_json=json), yes=yes)
    return doing.dry_run() if dry_run else doing.run()
