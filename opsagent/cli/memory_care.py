"""`opsagent memory reindex`, `verify`, `consolidate`: the memory looked after."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home


def reindex(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Build the index anew from the database.

    It mends itself when it is next needed; this is for when you do not want to wait for that.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    out = Out(as_json=json)
    result = finished(_reindex(open_home(home), out))
    if json:
        out.document(result)
    else:
        texts = result["texts"]
        out.line(f"the index was built anew; it holds {texts:,} {'text' if texts == 1 else 'texts'}")
    return 0


async def _reindex(home: Home, out: Out) -> dict[str, Any]:
    from opsagent.cli.memory_working import Watch, watched
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return await watched(memory.memory_reindex(), Watch(out, "building the index", "texts"))


def verify(
    *,
    noted: Annotated[
        str | None,
        typer.Option(
            "--noted",
            metavar="HEAD",
            help="A head that an earlier verify gave: nothing up to it may have been rewritten.",
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Check that nothing was changed behind its back.

    Every record is compared with the log, in which each event is tied to the one before. Reads only.
    """
    from opsagent.cli.errors import Code, Unclear
    from opsagent.cli.memory_common import reader_of
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.memory_forms import verification_form
    from opsagent.views.memory import verification

    out = Out(as_json=json)
    with reader_of(open_home(home)) as reader:
        try:
            found = verification_form(reader.verify(noted))
        except ValueError:
            raise Unclear(f"--noted {noted!r} is no head: it is written SEQ:HASH, as verify prints it") from None
    if json:
        out.document(found)
    else:
        out.lines(verification(found, out.screen))
    return Code.DONE if found["ok"] else Code.FAILED


def consolidate(
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and why; change nothing.")
    ] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Put the memory in order: repeats become counts, old detail is archived.

    The daemon does it by itself while nothing is wrong. What goes when is the policy that `memory stats` shows.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.memory_work import consolidated

    out = Out(as_json=json)
    result = finished(_consolidate(open_home(home), out, dry_run=dry_run))
    if json:
        out.document(result)
    else:
        out.lines(consolidated(result, out.screen))
    return 0


async def _consolidate(home: Home, out: Out, *, dry_run: bool) -> dict[str, Any]:
    from opsagent.cli.memory_working import Watch, watched
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return await watched(memory.memory_consolidate(dry_run=dry_run), Watch(out, "putting in order", "changes"))
