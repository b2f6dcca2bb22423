"""Options that every command takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

import typer

JsonFlag = Annotated[
    bool, typer.Option("--json", help="Write JSON to standard output; everything else goes to standard error.")
]
HomeDir = Annotated[
    str | None,
    typer.Option(
        "--home",
        metavar="DIR",
        help="Where the agent keeps its state [default: $OPSAGENT_HOME, else ~/.local/state/opsagent].",
    ),
]


def complete_units(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete the names of services; silent where there is no home yet."""
    from opsagent.cli.services import known_names

    yield from (name for name in known_names(ctx.params.get("home")) if name.startswith(incomplete))


UnitName = Annotated[str, typer.Argument(metavar="UNIT", help="Name of a service.", autocompletion=complete_units)]
