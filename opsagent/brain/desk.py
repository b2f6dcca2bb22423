"""Who is asked where memory, runbooks and the reader know no way: the configured chat model, or nobody."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from opsagent.brain.port import Look, NoModel, OtherTool, Thinker

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.model_settings import ModelSettings


def thinker_of(home: Home, settings: ModelSettings, look: Look, *, others: Sequence[OtherTool] = ()) -> Thinker:
    """Return whoever may be asked. Nothing is started or loaded before it is asked; `close` it.

    `look` carries out one reading step and returns what it found, masked (`opsagent.answering.answers`).
    """
    if settings.first is None:
        return NoModel()
    from opsagent.brain.thinker import ModelThinker

    return ModelThinker(home, settings, look, others=others)
