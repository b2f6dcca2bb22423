"""`opsagent memory reindex`, `verify`, `consolidate`: the memory looked after."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from opsagent.cli.common import HomeDir, JsonFlag

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
    result = asyncio.run(_reindex(open_home(home), out))
    if json:
        out.document(result)
    else:
        texts = result["texts"]
        out.line(f"the index was built anew; it holds {texts:,} {'text' if texts == 1 else 'texts'}")
    return 0


async def _reindex(home: Home, out: Out) -> dict[str, Any]:
    from opsagent.cli.memory_common import Watch, watched
    from opsagent.memory_port import open_memory

    async with open_memory(home) as memory:
        return await watched(memory.memory_reindex(), Watch(out, "building the index", "texts"))
