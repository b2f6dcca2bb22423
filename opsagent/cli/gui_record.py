"""`opsagent gui record NAME`: a person shows how something is done, and it becomes a procedure."""

from __future__ import annotations

import asyncio
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.gui_list import complete_procedures

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.screens.kept import Kept
    from opsagent_tools.gui.recording.steps import Recorded

_STOP = "ctrl+alt+end"
_NO_COMMAND = "a run finds the program open, or not at all: record it with -- COMMAND to have it opened"


def record(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME", help="What it will be called.", autocompletion=complete_procedures, show_default=False
        ),
    ],
    *,
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND…]", help="The program, opened for it, and by each run.", show_default=False
        ),
    ] = None,
    title: Annotated[
        str, typer.Option("--title", metavar="TEXT", help="What it is for, in a line.", show_default=False)
    ] = "",
    keep: Annotated[
        list[str] | None,
        typer.Option(
            "--keep", metavar="FIELD", help="Type this value each time: it is no parameter.", show_default=False
        ),
    ] = None,
    display: Annotated[
        str | None,
        typer.Option("--display", metavar="DISPLAY", help="Which screen [default: $DISPLAY].", show_default=False),
    ] = None,
    terminal: Annotated[
        bool, typer.Option("--terminal", help="COMMAND runs in this terminal, and is recorded there.")
    ] = False,
    task: Annotated[
        str,
        typer.Option(
            "--task", metavar="TEXT", help="Have the vision model show it: this is to be done.", show_default=False
        ),
    ] = "",
    program: Annotated[
        str,
        typer.Option(
            "--program", metavar="NAME", help="With --task: whose windows [default: COMMAND's].", show_default=False
        ),
    ] = "",
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Keep it as it is, without being asked.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Record a procedure by doing it: clicks and typing become steps, what you type becomes parameters.

    Ctrl+Alt+End ends it; in a terminal, the end of COMMAND does. What is typed into a password field is not kept: only
    that there is a secret. It is yours, so it is accepted once you have looked at it. With --task, the vision model that
    the configuration names does it, on a display of the agent's own; you are asked before what is risky.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.gui_carry import demand_free_name
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    place, out = open_home(home), Out(as_json=json)
    demand_free_name(name)
    if terminal and not command:
        raise Unclear("say which program is recorded: opsagent gui record NAME --terminal -- mc")
    if task:
        from opsagent.cli.gui_by_model import shown
        from opsagent.screens.by_model import Task

        if not command:
            raise Unclear('say which program it is shown in: opsagent gui record NAME --task "…" -- galculator')
        asked = Task(name=name, title=title, goal=task, command=tuple(command), program=program, keep=tuple(keep or ()))
        recorded = asyncio.run(shown(place, asked, out))
        return _kept(place, recorded, list(command or ()), out, yes=yes)
    screen = display or os.environ.get("DISPLAY", "")
    if not terminal and not screen:
        raise Unclear("there is no screen to record on: name one (--display :0), or record a terminal (--terminal)")
    if display and not display.startswith(":"):
        raise Unclear(f"--display {display!r}: is no display of this machine: write it as :0")
    wanted = _Wanted(
        name=name, title=title, command=tuple(command or ()), keep=tuple(keep or ()), display="" if terminal else screen
    )
    recorded = asyncio.run(_in_this_terminal(wanted) if terminal else _on_a_display(wanted, out))
    return _kept(place, recorded, list(command or ()), out, yes=yes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Wanted:
    """What is to be recorded."""

    name: str
    title: str
    command: tuple[str, ...]
    keep: tuple[str, ...]
    """Fields whose value is no parameter."""
    display: str


async def _in_this_terminal(wanted: _Wanted) -> Recorded:
    from opsagent_tools.gui.terminal.recording_here import record_here

    return await record_here(wanted.name, wanted.command, title=wanted.title, keep=wanted.keep)


async def _on_a_display(wanted: _Wanted, out: Out) -> Recorded:
    """Hear a display until its person says that it is done. Raises NotUsable."""
    from opsagent.screens.stage import eyes_on
    from opsagent_tools.gui.recording import Recorder

    async with eyes_on(wanted.display) as (eyes, env):
        recorder = Recorder(wanted.display, env, eyes, told=lambda what: out.note(f"  {what}"))
        await recorder.start()
        if wanted.command:
            nothing = asyncio.subprocess.DEVNULL  # what the program prints may be what was typed into it
            await asyncio.create_subprocess_exec(
                *wanted.command, env=env, start_new_session=True, stdin=nothing, stdout=nothing, stderr=nothing
            )
        out.note(f"recording on {wanted.display}: show how it is done; {_STOP} ends it, and Ctrl-C here drops it")
        try:
            await recorder.finished()
        except asyncio.CancelledError:
            out.note(f"dropped: nothing is kept ({_STOP} ends a recording and keeps it)")
            raise
        return (await recorder.stop()).procedure(wanted.name, title=wanted.title, keep=wanted.keep)


def elsewhere(command: list[str]) -> list[str]:
    """Return what is to be said where a run starts the program in another folder than the one that it was shown in."""
    here, there = Path.cwd(), Path.home()
    named = [one for one in command[1:] if not one.startswith(("-", "/")) and (here / one).exists()]
    if not command or here == there:
        return []
    what = f" ({', '.join(named)})" if named else ""
    return [
        f"a run starts it in {there}, not in {here}: name files of that folder in full{what}, or it may find others"
    ]


def _kept(home: Home, recorded: Recorded, command: list[str], out: Out, *, yes: bool) -> int:
    """Show what was recorded, and keep it: accepted where the person says so, else proposed."""
    from dataclasses import replace

    from opsagent.cli.errors import Code
    from opsagent.cli.gui_carry import store
    from opsagent.cli.memory_common import confirmed
    from opsagent.procedures import ACCEPTED, PROPOSED
    from opsagent.screens.forms import version_form
    from opsagent.views.screens import version

    kept = _to_keep(home, recorded, command)
    form = version_form(kept)
    if not out.as_json:
        out.lines(list(version(form, out.screen)))
    notes = [*recorded.notes, *(() if command else (_NO_COMMAND,)), *elsewhere(command)]
    for note in notes:
        out.note(f"look at this: {note}")
    accepted = yes or confirmed(f"keep it, and run it from now on as {kept.name}?", out) is True
    said: dict[str, Any] = store(home, replace(kept, status=ACCEPTED if accepted else PROPOSED), dict(recorded.crops))
    if out.as_json:
        out.document({**form, "status": said["status"], "id": said["id"], "notes": notes})
    elif accepted:
        out.line(f"{kept.name}: version {kept.version} is what is run")
    else:
        out.line(f"{kept.name}: version {kept.version} is proposed: opsagent gui approve {shlex.quote(kept.name)}")
    return Code.DONE


def _to_keep(home: Home, recorded: Recorded, command: list[str]) -> Kept:
    """Return what was recorded as the next version of its procedure. Raises CliError where it cannot be used."""
    from dataclasses import replace

    from opsagent.cli.errors import CliError
    from opsagent.cli.gui_carry import demand_usable, next_version
    from opsagent.cli.store import person
    from opsagent.procedures import PROPOSED
    from opsagent.screens import files
    from opsagent.screens.kept import Kept
    from opsagent.screens.writing import written

    if not recorded.procedure.steps:
        raise CliError("nothing was done that a procedure could do: nothing is kept")
    if not recorded.procedure.window.program:
        raise CliError(
            "it was not seen on which program's window anything was done: nothing is kept; begin once it is there"
        )
    demand_usable(recorded.procedure)
    number = next_version(home, recorded.procedure.name)
    procedure = replace(recorded.procedure, version=number, start=tuple(command))
    return Kept(
        procedure=procedure,
        text=written(procedure),
        crops=files.hashes(recorded.crops),
        status=PROPOSED,
        why="recorded by doing it",
        by=person(),
    )
