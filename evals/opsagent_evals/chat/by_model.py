"""`opsagent eval chat --model NAME`: the reader with a real chat model behind it, as `do` and `chat` ask it.

The model must be configured: `[model]` of the home says by whose key, and that texts may leave. Everything else is in a
home of the eval's own. What the model proposes is an offer where it would change anything; what it only looked at counts
as the looking steps that it took.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from opsagent.brain.orders import FOLDER
from opsagent.brain.thinker import ModelThinker
from opsagent.commands import reader
from opsagent.commands.reading import CommandStep, Context, Reading
from opsagent.config import Config
from opsagent.home import Home
from opsagent.model_settings import ModelSettings
from opsagent_evals.telling import say
from opsagent_tools.units import Unit

Planner = Callable[[str, Sequence[Unit], Context], Reading]
NEVER_ASKED = frozenset({"unsafe_text", "too_long", "empty"})
"""Where the reader turns a text away, no model is asked about it."""


def planner(name: str) -> Planner:
    """Return who plans with this model. ValueError: it is not configured."""
    own = Home.open()
    settings = _settings(Config.load(own).model, own, name)
    folder = Path(tempfile.mkdtemp(prefix="opsagent-eval-"))
    folder.chmod(0o700)
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    by_model = ByModel(Home.open(folder), settings)
    atexit.register(by_model.close)
    return by_model


class ByModel:
    """Asks the reader first, and the model where the reader asks back."""

    def __init__(self, home: Home, settings: ModelSettings) -> None:
        self._looked: list[CommandStep] = []
        self._there: tuple[Unit, ...] = ()
        self._thinker = ModelThinker(home, settings, self._look)
        self._loop = asyncio.new_event_loop()

    def __call__(self, text: str, units: Sequence[Unit], context: Context) -> Reading:
        reading = reader.read(text, units, context)
        if reading.ask is None or reading.ask.kind in NEVER_ASKED:
            return reading
        self._looked.clear()
        self._there = tuple(units)
        thought = self._loop.run_until_complete(self._thinker.plan(text, units, context, language=reading.language))
        if thought.why_not:
            say(f"{thought.model}: {thought.why_not}")
            return reading
        if thought.reading is not None:
            return thought.reading
        looked = tuple(step for at, step in enumerate(self._looked) if step not in self._looked[:at])
        return Reading(steps=looked, language=reading.language) if looked else reading

    async def _look(self, step: CommandStep) -> Mapping[str, Any]:
        """Return what is known of services that only the cases know: that they run."""
        self._looked.append(step)
        named = [unit for unit in self._there if step.target in (None, unit.name)]
        return {
            "units": [{"name": unit.name, "state": unit.state.value} for unit in named],
            "incidents": [],
            "lines": [],
        }

    def close(self) -> None:
        """End the models' process."""
        self._loop.run_until_complete(self._thinker.close())
        self._loop.close()


def _settings(said: ModelSettings, own: Home, name: str) -> ModelSettings:
    """Return the settings for that one model; its key stays where it is."""
    model = said.named(name)
    if model is None:
        known = ", ".join(one.name for one in said.models) or "none"
        raise ValueError(f"{name!r} is not configured: [model] in {own.config_file} has {known} (docs/models.md)")
    if model.key_file and not os.path.isabs(os.path.expanduser(model.key_file)):  # noqa: PTH111, PTH117
        model = replace(model, key_file=str(own.path / FOLDER / model.key_file))
    return replace(said, first=model, fallback=None)
