"""`opsagent memory accept`: a person says that a proposed procedure is the way to do it here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.memory_common import RecordId, input_checked
from opsagent.cli.memory_working import finished

if TYPE_CHECKING:
    from opsagent.home import Home


def accept(record: RecordId, *, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Accept a proposed procedure: its remedy comes first from now on, where its own condition holds.

    It may not do more than before: modes and approvals stay as they are. `opsagent memory forget` takes it back.
    """
    from opsagent.cli.memory_common import full_id
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.terminal import one_line

    out, place = Out(as_json=json), open_home(home)
    with input_checked():
        accepted = finished(_accept(place, full_id(place, record)))
    if json:
        out.document(accepted)
    else:
        name = out.screen.paint(one_line(accepted["id"]), "strong")
        out.line(f"accepted: {one_line(accepted['remedy'])} for {one_line(accepted['of'])}, as {name}")
        out.line(f"opsagent memory forget {one_line(accepted['id'])} takes it back")
    return 0


async def _accept(home: Home, record: str) -> dict[str, Any]:
    from opsagent.cli.store import person
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return dict(await memory.memory_accept(record, person()))
