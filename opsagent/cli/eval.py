"""`opsagent eval SUITE`: put the agent to the test."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

GROUP = "opsagent.evals"


def complete_suites(incomplete: str) -> list[str]:
    """Complete the names of suites."""
    return [name for name in sorted(_suites()) if name.startswith(incomplete)]


def command(
    suite: Annotated[
        str, typer.Argument(metavar="SUITE", help="faults, …", autocompletion=complete_suites, show_default=False)
    ],
    *,
    cases: Annotated[
        str | None, typer.Option("--cases", metavar="PATH", help="Cases from elsewhere.", show_default=False)
    ] = None,
    data: Annotated[
        str | None, typer.Option("--data", metavar="DIR", help="Where data sets are.", show_default=False)
    ] = None,
    repeat: Annotated[int, typer.Option("--repeat", metavar="N", help="How often; memory is kept in between.")] = 1,
    model: Annotated[
        str | None, typer.Option("--model", metavar="NAME", help="A chat model.", show_default=False)
    ] = None,
    only: Annotated[
        str | None,
        typer.Option(
            "--only",
            metavar="CASE",
            help="One case by name or number; of gui any part: yad/pixel,development.",
            show_default=False,
        ),
    ] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Keep the homes of the cases, to look at.")] = False,
    beside: Annotated[
        str | None,
        typer.Option(
            "--beside",
            metavar="NAMES",
            help="Others in the same run (faults: pm2,monit,restart; gui: coordinates,window,template).",
            show_default=False,
        ),
    ] = None,
    jobs: Annotated[int, typer.Option("--jobs", metavar="N", help="faults, gui: so many cases side by side.")] = 1,
    json: JsonFlag = False,
    home: HomeDir = None,  # noqa: ARG001  # every command takes --home
) -> int:
    """Run an evaluation; exit code 1 where it stays below its bar.

    Suites come from the entry-point group `opsagent.evals`. Each runs in homes of its own; --home is not touched.
    """
    from opsagent.cli.errors import Unclear

    found = _suites().get(suite)
    if found is None:
        there = ", ".join(sorted(_suites())) or "none is installed"
        raise Unclear(f"there is no suite {suite!r}: there are {there}")
    options: dict[str, Any] = {"cases": Path(cases) if cases else None, "data": Path(data) if data else None}
    run = found.load()
    if suite in {"faults", "gui"}:
        options |= {"beside": beside, "jobs": jobs}
    elif beside or jobs != 1:
        raise Unclear(f"the suite {suite} takes no --beside and no --jobs: leave them out")
    return int(run(**options, repeat=repeat, model=model, only=only, keep=keep, as_json=json))


def _suites() -> dict[str, EntryPoint]:
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}
