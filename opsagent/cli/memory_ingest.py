"""`opsagent memory ingest`: runbooks, READMEs, wikis, postmortems taken in, and again when they changed."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag, complete_units
from opsagent.cli.memory_common import input_checked, scope_for
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home


def ingest(
    paths: Annotated[
        list[str], typer.Argument(metavar="PATH...", help="Files, or folders with them.", show_default=False)
    ],
    *,
    unit: Annotated[
        str | None,
        typer.Option(
            "--unit",
            metavar="UNIT",
            help="They tell of this service.",
            autocompletion=complete_units,
            show_default=False,
        ),
    ] = None,
    forget_vanished: Annotated[
        bool, typer.Option("--forget-vanished", help="Forget documents that are gone, however many.")
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Take in documents: Markdown, text, HTML, PDF.

    They are cut at their headings and answer questions; they order nothing. Secrets are masked. Said again, only what
    changed is taken, and what is gone is forgotten.
    """
    from opsagent.cli.errors import Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.memory_work import ingested

    if not all(path.strip() for path in paths):
        raise Unclear("PATH is empty: name a file or a folder")
    out, place = Out(as_json=json), open_home(home)
    wanted = [str(Path(path).absolute()) for path in paths]
    scope = scope_for(place, unit)
    with input_checked():
        result = finished(_ingest(place, wanted, scope, forget_vanished=forget_vanished, out=out))
        if result["vanished"] and _agreed(result, out):
            result = finished(_ingest(place, wanted, scope, forget_vanished=True, out=out))
    if json:
        out.document(result)
    else:
        out.lines(ingested(result, out.screen))
        if result["vanished"]:
            out.note(
                "gone, but so many at once that they were kept: say it again with --forget-vanished if that is meant"
            )
    return _code(result, wanted)


def _code(result: Mapping[str, Any], wanted: list[str]) -> int:
    """Tell failure where what was named could not be taken: files that lie beside others may be of another kind."""
    from opsagent.cli.errors import Code

    skipped = {one["path"] for one in result["skipped"]}
    taken = any(result[name] for name in ("added", "changed", "unchanged", "removed"))
    return Code.FAILED if skipped & set(wanted) or (skipped and not taken) else Code.DONE


def _agreed(result: Mapping[str, Any], out: Out) -> bool:
    from opsagent.cli.memory_common import confirmed, listed

    gone = result["vanished"]
    if out.screen.terminal:
        out.note(f"gone: {listed(gone)}")
    return bool(
        confirmed(f"forget {'this document' if len(gone) == 1 else f'these {len(gone)} documents'} for good?", out)
    )


async def _ingest(home: Home, paths: list[str], scope: str, *, forget_vanished: bool, out: Out) -> dict[str, Any]:
    from opsagent.cli.memory_working import Watch, watched
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        items = memory.memory_ingest(paths, scope, forget_vanished=forget_vanished)
        return await watched(items, Watch(out, "reading", "documents"))
