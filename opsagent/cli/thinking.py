"""Asks the configured chat model what a text means, where the reader does not know. Nothing of it is loaded before."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from opsagent.brain.port import Thought
    from opsagent.commands.reading import CommandStep, Reading
    from opsagent.home import Home
    from opsagent.running import Running


async def think(
    home: Home, text: str, running: Running, reading: Reading, *, tell: Callable[[str], None]
) -> Thought | None:
    """Return what a chat model makes of a text; None where none may be asked."""
    from opsagent.brain.desk import thinker_of
    from opsagent.carrying.context import context_of
    from opsagent.cli.model import spent_line
    from opsagent.running import read_config

    config = await asyncio.to_thread(read_config, home)
    if isinstance(config, str):  # it cannot be used, which commands that act complain of
        return None

    async def look(step: CommandStep) -> Mapping[str, Any]:
        from opsagent.answering.answers import Answers

        return (await Answers(home, running).answer(step, reading.language)).data

    thinker = thinker_of(home, config.model, look)
    if not thinker.name:
        return None
    context = context_of(home, running, "", phrases=False)
    try:
        thought = await thinker.plan(
            text, running.with_daemons, context, tell=lambda line: tell(f"  {line}"), language=reading.language
        )
    finally:
        await thinker.close()
    if thought.said:  # an answer is a result, which whoever asked shows
        tell(
            f"{thought.model} ({spent_line(thought)}){f': {thought.said}' if thought.reading is not None else ' says:'}"
        )
    if thought.why_not:
        tell(f"{thinker.name}: {thought.why_not}")
    return thought
