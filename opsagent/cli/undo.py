"""`opsagent undo ID`: take back what was done."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def _complete(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete the ids of incidents for which something was done; silent where none can be read."""
    from pathlib import Path

    from opsagent.cli.errors import code_of
    from opsagent.home import Home
    from opsagent.store.journal import Journal

    try:
        given = ctx.params.get("home")
        with Journal.read(Home.open(Path(given) if given else None)) as journal:
            found = [row.id for row in journal.incidents() if row.remedy is not None or row.attempts]
    except Exception as error:
        if code_of(error) is None:
            raise
        return
    yield from (one for one in found if one.startswith(incomplete))


def command(
    what: Annotated[
        str,
        typer.Argument(
            metavar="ID",
            help="Id of an incident, a plan or a step, or how it begins (`opsagent incidents show`).",
            autocompletion=_complete,
            show_default=False,
        ),
    ],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would be taken back, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Say yes beforehand. Never exceeds policy.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show which steps would be taken back, last first, and which cannot be; ask, and take them back as your own plan.

    Nothing that somebody changed since is overwritten: then it is refused. What is taken back already stays so. Exit code
    3: needs a yes; 4: refused, with the reason.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.undoing import TakingBack

    return TakingBack(open_home(home), what, Out(as_json=json), yes=yes).run(dry_run=dry_run)
