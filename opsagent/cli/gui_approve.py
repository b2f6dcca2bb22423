"""`opsagent gui approve NAME`: what a new version changes, with crops, and a person's word that it is the one to run."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.gui_list import ProcedureName

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.screens.kept import Kept


def approve(
    name: ProcedureName,
    *,
    yes: Annotated[
        bool, typer.Option("--yes", "-y", help="Accept it without being asked: you have looked at it.")
    ] = False,
    reject: Annotated[bool, typer.Option("--reject", help="Forget what is proposed.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Show what is proposed for a procedure, as a difference with crops, and accept it once you say yes.

    A page with the crops before and after is written beside it, for a browser. Exit code 3: it waits for your yes.
    """
    from opsagent.cli.errors import Code, Unclear
    from opsagent.cli.memory_common import confirmed
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.screens.comparing import changes, write_page
    from opsagent.screens.shelf import Shelf
    from opsagent.views.screens import difference

    place, out = open_home(home), Out(as_json=json)
    row = Shelf(place.database).row(name)
    proposed = row.proposed
    if proposed is None:
        raise Unclear(f"nothing is proposed for {row.name!r}: version {row.shown.version} is accepted")
    if reject:
        _forget(place, proposed)
        said = {"procedure": row.name, "version": proposed.version, "result": "rejected"}
        out.document(said) if json else out.line(f"{row.name}: version {proposed.version} is forgotten")
        return Code.DONE
    found = changes(row.accepted, proposed)
    page = write_page(place.path, row.accepted, proposed, found)
    if not json:
        out.lines(list(difference(found, out.screen)))
        out.note(f"with crops: {page}")
    if not yes and confirmed(f"accept version {proposed.version} of {row.name}?", out) is not True:
        if json:
            out.document({**found, "page": page, "result": "asked"})
        else:
            out.note(f"nothing was accepted: opsagent gui approve {shlex.quote(row.name)} --yes accepts it")
        return Code.NEEDS_APPROVAL
    said = _accept(place, proposed)
    if json:
        out.document({**found, "page": page, "result": "accepted", "id": said["id"]})
    else:
        out.line(f"{row.name}: version {proposed.version} is what is run from now on")
    return Code.DONE


def _accept(home: Home, proposed: Kept) -> dict[str, object]:
    from dataclasses import replace

    from opsagent.cli.errors import CliError
    from opsagent.cli.gui_carry import store
    from opsagent.cli.store import person
    from opsagent.procedures import ACCEPTED
    from opsagent.screens import files

    changed = files.changed_crops(home.path, proposed.name, proposed.version, proposed.crops)
    if changed:
        raise CliError(f"{changed[0]} is not as it was proposed: import it again")
    crops = files.crops_in(files.version_folder(home.path, proposed.name, proposed.version), iter(proposed.crops))
    return store(home, replace(proposed, status=ACCEPTED, by=person()), crops, supersedes=proposed.record)


def _forget(home: Home, proposed: Kept) -> None:
    import asyncio

    from opsagent.memory_port import open_memory

    async def forget() -> None:
        async with open_memory(home) as memory:
            await memory.memory_forget([proposed.record])

    asyncio.run(forget())
