"""`opsagent rollback UNIT`: back to a release that was good, after showing the difference."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag, UnitName


def command(
    unit: UnitName,
    *,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="RELEASE",
            help="Id, commit or label of a release [default: the last good one].",
            show_default=False,
        ),
    ] = None,
    listing: Annotated[
        bool, typer.Option("--list", help="List the releases that were good, and change nothing.")
    ] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Take the last rollback back.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the difference, and do nothing.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Say yes beforehand. Never exceeds policy.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show what differs from a release with which the service was well, ask, put it back, and have the service run with it.

    Restored are files, configuration files and the link to the release's folder; told are environment, commit,
    dependencies and secrets (docs/releases.md). Exit code 3: needs a yes; 4: refused, with the reason.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if sum((listing, undo, to is not None)) > 1:
        raise Unclear("--list, --undo and --to exclude each other")
    out, opened = Out(as_json=json), open_home(home)
    if listing:
        from opsagent.cli.rollback_list import list_releases

        return list_releases(opened, unit, out)
    from opsagent.cli.rolling_back import RollingBack

    return RollingBack(opened, unit, out, yes=yes).run(to=to, undo=undo, dry_run=dry_run)
