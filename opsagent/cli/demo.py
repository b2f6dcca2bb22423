"""`opsagent demo`: the whole story on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    *,
    gui: Annotated[
        bool, typer.Option("--gui", help="Another story: a remedy on a console without an API, done on its screen.")
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,  # noqa: ARG001  # every command takes --home
) -> int:
    """Show the whole story: real faults, repaired unattended, then again from memory.

    Runs in a temporary home with services of its own, and takes everything down again; --home is not touched.
    Exit code 0 only if every claim held. Takes less than two minutes.
    """
    if gui:
        from opsagent.demo.gui import run_gui_demo

        return run_gui_demo(json=json)
    from opsagent.demo.run import run_demo

    return run_demo(json=json)
