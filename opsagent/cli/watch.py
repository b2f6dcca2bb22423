"""`opsagent watch`: the daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, cast

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent_tools.services.spec import Mode

_MODES = ("observe", "suggest", "approve", "auto")


def command(
    *,
    seconds: Annotated[
        float | None,
        typer.Option("--for", metavar="SECONDS", help="End by itself after that time.", show_default=False),
    ] = None,
    mode: Annotated[
        str | None,
        typer.Option(
            "--mode",
            metavar="MODE",
            help=f"{', '.join(_MODES)} [default: the configuration's, else suggest].",
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Watch the services, and repair what the mode allows, until Ctrl-C or SIGTERM.

    On a terminal a live timeline; elsewhere one line for each event; with --json one JSON object for each.
    Warnings go to standard error, everything to watch.log in the home's logs folder.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if mode is not None and mode not in _MODES:
        raise Unclear(f"--mode {mode!r}: must be one of {', '.join(_MODES)}")
    if seconds is not None and not seconds >= 0:  # `nan` is neither
        raise Unclear(f"--for {seconds:g}: must be a number of seconds, 0 or more")
    place = open_home(home)
    from opsagent.cli.watching import watch  # brings the whole agent in

    return watch(place, mode=cast("Mode | None", mode), seconds=seconds, out=Out(as_json=json))
