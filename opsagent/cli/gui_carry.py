"""`opsagent gui import` and `export`: a procedure as a file of YAML, with its crops beside it."""

from __future__ import annotations

import asyncio
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.gui_list import ProcedureName

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.screens.kept import Kept
    from opsagent_tools.gui.procedure import ScreenProcedure
    from opsagent_tools.units import Unit

_MOST = 1_000_000
_ANY = "anyservice"
"""Stands for whatever a service may be called."""


def import_(
    file: Annotated[
        Path, typer.Argument(metavar="FILE", help="A procedure in YAML; its crops lie beside it.", show_default=False)
    ],
    *,
    name: Annotated[
        str | None, typer.Option("--name", metavar="NAME", help="Keep it under another name.", show_default=False)
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Accept it at once: you have read it.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Take in a procedure from a file. It is proposed, and runs once you have accepted it.

    What looks like a secret in it is refused, with its line.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import person

    place, out = open_home(home), Out(as_json=json)
    kept, crops = read_file(place, file, name=name, by=person(), accepted=yes)
    said = store(place, kept, crops)
    if json:
        out.document(
            {"procedure": said["name"], "version": said["version"], "status": said["status"], "id": said["id"]}
        )
    elif yes:
        out.line(f"{kept.name}: version {kept.version} is accepted")
    else:
        out.line(
            f"{kept.name}: version {kept.version} is proposed; look at it and accept it: opsagent gui approve {shlex.quote(kept.name)}"
        )
    return 0


def export(
    name: ProcedureName,
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="[DIR]", help="Where to write it [default: standard output, without crops].", show_default=False
        ),
    ] = None,
    *,
    force: Annotated[bool, typer.Option("--force", help="Replace files that are there already.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Write a procedure down: as YAML, and with DIR its crops beside it. Secrets are in it by name only."""
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.screens import files
    from opsagent.screens.shelf import Shelf
    from opsagent_tools.text import escape_for_terminal

    place, out = open_home(home), Out(as_json=json)
    kept = Shelf(place.database).row(name).shown
    if folder is None:
        if json:
            out.document({"name": kept.name, "version": kept.version, "yaml": kept.text})
        else:
            out.line(kept.text.rstrip("\n") if not out.screen.terminal else escape_for_terminal(kept.text.rstrip("\n")))
        return 0
    crops = files.crops_in(files.version_folder(place.path, kept.name, kept.version), iter(kept.crops))
    target = folder.expanduser().absolute()
    wanted = {files.WRITTEN: kept.text.encode(), **crops}
    there = next((target / one for one in wanted if (target / one).exists()), None)
    if there is not None and not force:
        raise Unclear(f"{there} is there already: choose another folder, or say --force")
    for one, content in wanted.items():
        files.write(target / one, content)
    if json:
        out.document({"name": kept.name, "version": kept.version, "path": target / files.WRITTEN, "crops": len(crops)})
    else:
        out.line(f"{target / files.WRITTEN}: version {kept.version}, {len(crops)} crops")
    return 0


def read_file(home: Home, file: Path, *, name: str | None, by: str, accepted: bool) -> tuple[Kept, dict[str, bytes]]:
    """Return what a file holds, as the next version of its procedure, and its crops. Raises ProcedureError, Unclear."""
    from dataclasses import replace

    from opsagent.procedures import ACCEPTED, PROPOSED
    from opsagent.screens import files
    from opsagent.screens.kept import Kept
    from opsagent.screens.writing import read, refuse_secrets

    path = file.expanduser().absolute()
    text = _text_of(path)
    refuse_secrets(text)
    procedure = read(text, str(path))
    procedure = replace(procedure, name=demand_free_name(name or procedure.name))
    demand_usable(procedure)
    crops = files.crops_in(path.parent, iter(crops_of(procedure)))
    kept = Kept(
        procedure=replace(procedure, version=next_version(home, procedure.name)),
        text=text,
        status=ACCEPTED if accepted else PROPOSED,
        crops=files.hashes(crops),
        why=f"imported from {path.name}",
        by=by,
    )
    return kept, crops


def _text_of(path: Path) -> str:
    """Return what a file says; nobody waits for a pipe. Raises Unclear."""
    import os
    import stat

    from opsagent.cli.errors import Unclear

    try:
        with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:
            regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
            content = file.read(_MOST + 1) if regular else b""
    except OSError as error:
        raise Unclear(f"{path}: cannot be read ({error.strerror})") from error
    if not regular:
        raise Unclear(f"{path}: is no file: write the procedure into one")
    if len(content) > _MOST:
        raise Unclear(f"{path}: longer than {_MOST // 1000} kB: that is no procedure")
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise Unclear(f"{path}: is no text in UTF-8: that is no procedure") from None


def demand_free_name(name: str) -> str:
    """Return a name that means nothing else where people say it in a command. Raises Unclear, ProcedureError."""
    from opsagent.cli.errors import Unclear
    from opsagent.commands.reader import read
    from opsagent.screens.kept import check_name
    from opsagent_tools.registry import READING

    check_name(name)
    said = [
        step.tool for word in name.split() for step in read(name, [_service(word)]).steps if step.tool not in READING
    ]
    said += [step.tool for step in read(name, []).steps]
    said += [step.tool for step in read(f"{name} {_ANY}", [_service(_ANY)]).steps if step.tool != "describe_process"]
    if said:
        raise Unclear(f"{name!r} is a command already: call it by what it does on its screen, like 'export report'")
    return name


def demand_usable(procedure: ScreenProcedure) -> None:
    """Raise CliError where a procedure is in a program that is never used: no run of it could ever do anything."""
    from opsagent.cli.errors import CliError
    from opsagent_tools.gui.rules import never_used

    rules = (procedure.window, *(step.window for step in procedure.steps if step.window is not None))
    why = next(filter(None, (never_used(rule.program) for rule in rules)), "")
    if why:
        raise CliError(f"{why}: nothing is kept")


def _service(name: str) -> Unit:
    from opsagent_tools.units import Unit, UnitId, UnitState

    return Unit(id=UnitId("any", name, "any"), state=UnitState.RUNNING)


def crops_of(procedure: Any) -> list[str]:
    """Return the names of the crops that a procedure finds things by."""
    prints = [one for step in procedure.steps for one in (step.on, step.to) if one is not None]
    return list(dict.fromkeys(one.crop for one in prints if one.crop))


def next_version(home: Home, name: str) -> int:
    """Return the number that a new version of this procedure gets."""
    from opsagent.screens.errors import NoProcedure
    from opsagent.screens.shelf import Shelf

    try:
        row = Shelf(home.database).row(name)
    except NoProcedure:
        return 1
    return max(one.version for one in row.versions) + 1


def store(home: Home, kept: Kept, crops: dict[str, bytes], *, supersedes: str = "") -> dict[str, Any]:
    """Keep a version: its files first, then what the memory knows of it. Raises MemoryFailure, LockTaken."""
    from opsagent.cli.memory_common import input_checked
    from opsagent.memory_port import open_memory
    from opsagent.screens import files
    from opsagent.screens.accepted import write_accepted
    from opsagent.screens.book import form_of
    from opsagent.screens.shelf import Shelf

    async def keep() -> dict[str, Any]:
        async with open_memory(home) as memory:
            return dict(await memory.procedure_keep(form_of(kept, supersedes=supersedes)))

    files.keep_version(home.path, kept.name, kept.version, kept.text, crops)
    with input_checked():
        said = asyncio.run(keep())
    write_accepted(home.path, Shelf(home.database).all())
    return said
