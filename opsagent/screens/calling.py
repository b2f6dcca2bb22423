"""From a command that names a procedure to the plan of one run, on the version that is accepted now."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING

from opsagent.config import Config
from opsagent.model import Plan, Scalar
from opsagent.screens.afterwards import cut_short
from opsagent.screens.kept import Kept
from opsagent.screens.planning import plan_of
from opsagent.screens.shelf import Shelf
from opsagent.screens.telling import told_by_name, told_by_text

if TYPE_CHECKING:
    from opsagent.home import Home


async def planned(
    home: Home, args: Mapping[str, Scalar], *, why: str, answer_s: float | None = None
) -> tuple[Plan, Kept, Mapping[str, str]]:
    """Return the plan, the version, and what it is told.

    `args`: `procedure`, and what it is told, as people say it (`params`) or as JSON by name (`told`); `display`.
    Raises ProcedureError, ServicesFileError, MemoryFailure.
    """

    def look() -> tuple[Kept, Mapping[str, str], str]:
        kept = Shelf(home.database).to_run(str(args["procedure"]))
        if "told" in args:
            told = told_by_name(kept.procedure, json.loads(str(args["told"])))
        else:
            told = told_by_text(kept.procedure, str(args.get("params", "")))
        return kept, told, str(args.get("display") or Config.load(home).screens.display)

    kept, told, display = await asyncio.to_thread(look)
    looked = await cut_short(home.path, kept.name)
    return plan_of(kept, told, display=display, why=why, answer_s=answer_s, looked=looked), kept, told
