"""`opsagent gui record NAME --task TEXT -- COMMAND`: a vision model shows it once, on a display of ours."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.screens.by_model import Task
    from opsagent_tools.gui.recording.steps import Recorded


async def shown(home: Home, task: Task, out: Out) -> Recorded:
    """Have the configured model do it. Raises CliError where none may be asked, or it does not come to an end."""
    from opsagent.brain.orders import Unusable
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import CliError
    from opsagent.cli.memory_common import confirmed
    from opsagent.screens.by_model import shown_by_model
    from opsagent.views.terminal import one_line

    async def confirm(question: str) -> bool:
        return await asyncio.to_thread(confirmed, one_line(f"{question}: do it?"), out) is True

    settings = (await asyncio.to_thread(config_of, home)).screens
    out.note(f"a model is asked to: {task.goal}")
    try:
        recorded, done = await shown_by_model(
            home, settings, task, confirm=confirm, say=lambda line: out.note(f"  {line}")
        )
    except Unusable as error:
        raise CliError(str(error)) from error
    tokens = done.tokens_in + done.tokens_out
    out.note(f"{len(done.steps)} steps, {done.pictures} pictures, {tokens} tokens ({done.why})")
    return recorded
