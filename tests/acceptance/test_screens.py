"""A procedure as a person shows it in a terminal, and as it is carried out from then on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from opsagent_tools.gui.terminal.program import PtyProgram
from tests.acceptance.conftest import Cli
from tests.support.waiting import until


async def test_what_is_shown_in_a_terminal_is_asked_about_kept_and_run(
    cli: Cli, require: Callable[[str], Path]
) -> None:
    whiptail = [str(require("whiptail")), "--menu", "Choose", "12", "40", "2", "east", "Tokyo", "west", "Lisbon"]
    command = cli.argv("gui", "record", "go west", "--terminal", "--", *whiptail)
    async with await PtyProgram.start(command, env=cli.env()) as program:

        async def shown(text: str) -> bool:
            cells = await program.cells()
            return any(text in cells.text(row) for row in range(len(cells.rows)))

        await until(lambda: shown("Lisbon"), why="the menu is there")
        await program.write(b"\x1b[B")
        await program.write(b"\r")
        await until(lambda: shown("keep it, and run it"), why="it is asked")
        await program.write(b"y\r")
        assert await program.wait(20) == 0
    done = await asyncio.to_thread(cli, "gui", "run", "go west", "--yes", "--json")
    assert (done.code, done.json["outcome"]) == (0, "verified"), done
