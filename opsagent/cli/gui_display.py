"""`opsagent gui display`: a display of our own, as procedures get one, kept open to look at or to try programs on."""

from __future__ import annotations

import asyncio
import contextlib
import re
import shlex
import signal
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent_tools.gui.display import Display, Program

_SIZE = re.compile(r"(\d{3,4})x(\d{3,4})")
_SHOWN = ("DISPLAY", "XAUTHORITY", "DBUS_SESSION_BUS_ADDRESS", "AT_SPI_BUS_ADDRESS")


def display(
    command: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[-- COMMAND…]", help="A program to run on it; the display ends with it.", show_default=False
        ),
    ] = None,
    *,
    size: Annotated[
        str | None,
        typer.Option(
            "--size", metavar="WxH", help="[default: as config.toml says, else 1280x800].", show_default=False
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Open a display of our own and keep it until Ctrl-C, or until COMMAND ends: a private one, without TCP.

    What it prints can be pasted into a shell, so that programs you start there appear on it.
    """
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    place, out = open_home(home), Out(as_json=json)
    settings = config_of(place).screens
    found = _SIZE.fullmatch(size) if size is not None else None
    if size is not None and found is None:
        raise Unclear(f"--size {size!r}: write it as 1280x800")
    wanted = (int(found[1]), int(found[2])) if found is not None else (settings.width, settings.height)
    return asyncio.run(_keep(wanted, list(command or ()), out))


async def _keep(size: tuple[int, int], command: list[str], out: Out) -> int:
    from opsagent_tools.gui.display import open_display

    over = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with contextlib.suppress(NotImplementedError):
            loop.add_signal_handler(number, over.set)
    async with open_display(size) as opened:
        _tell(opened, size, out)
        if not command:
            await over.wait()
            return 0
        program = await opened.run(command)
        code = await _until_it_ends(program, over)
        if code:
            from opsagent_tools.redact import redact

            said = f": {redact(program.said)}" if program.said else ""
            out.note(f"{command[0]} ended with code {program.exit_code}{said}")
        return code


async def _until_it_ends(program: Program, over: asyncio.Event) -> int:
    """Wait for the program or for Ctrl-C; return 0 where the program ended well, or was ended by us."""
    ended = asyncio.create_task(program.wait())
    asked = asyncio.create_task(over.wait())
    await asyncio.wait({ended, asked}, return_when=asyncio.FIRST_COMPLETED)
    code = 0 if over.is_set() else int(bool(ended.result()))
    for task in (ended, asked):
        task.cancel()
    await asyncio.gather(ended, asked, return_exceptions=True)
    return code


def _tell(opened: Display, size: tuple[int, int], out: Out) -> None:
    env = {name: opened.env[name] for name in _SHOWN if name in opened.env}
    if out.as_json:
        out.document({"display": opened.name, "width": size[0], "height": size[1], "env": env})
        return
    for name, value in env.items():
        out.line(f"export {name}={shlex.quote(value)}")
    out.note(f"display {opened.name}, {size[0]}x{size[1]}; Ctrl-C ends it with everything on it")
