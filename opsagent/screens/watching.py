"""Rules on each gesture of a run, right before it: people's orders first, then what needs a person's yes.

A run is one step of a plan, which the guard let pass; meanwhile people may pause the agent, hold the service, or say stop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from opsagent.naming import screen_unit
from opsagent.screens.asking import Run, StepQuestions
from opsagent.store.journal import Journal
from opsagent_tools.gui.model import Located
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.replay import Allowed, Asked, NotAllowed

STOP = "stop"
"""Name of the file in a run's folder by which a person, or who follows the run, ends it between two gestures."""


class Watch:
    """The guard of one run's gestures (`opsagent_tools.gui.replay.Guard`)."""

    def __init__(self, journal: Journal, run: Run, folder: Path, questions: StepQuestions, *, since: datetime) -> None:
        """`since`: when the guard let the run pass. It may have waited for another one meanwhile."""
        self._journal = journal
        self._run = run
        self._folder = folder
        self._questions = questions
        self._since = since

    async def __call__(self, step: ScreenStep, located: Located | None, asked: Asked) -> Allowed | NotAllowed:
        """Rule on one gesture."""
        why = await asyncio.to_thread(self._ordered)
        if why:
            return NotAllowed(why=why)
        if not asked.risk:
            return Allowed()
        return await self._questions.allowed(located, asked)

    def stopped(self) -> str:
        """Return why the run is to end now; empty: it goes on. Looks at one file."""
        path = self._folder / STOP
        try:
            return path.read_text(encoding="utf-8", errors="replace")[:200].strip() or "a person said stop"
        except OSError:
            return ""

    def _ordered(self) -> str:
        """Return what people ordered since the guard let it pass; what held before was ruled on then. Blocks for two queries."""
        pause = self._journal.paused()
        if pause is not None and pause.at >= self._since:
            return f"the agent was paused: {pause}"
        procedure = screen_unit(self._run.kept.name)
        for hold in self._journal.holds():
            ours = hold.unit == self._run.unit and hold.at >= self._since
            if ours or (hold.unit == procedure != self._run.unit):  # of which the guard was not asked
                return f"{hold.unit.name} is on hold: {hold.why or 'no reason given'}"
        return ""


def both(*stops: Callable[[], str]) -> Callable[[], str]:
    """Return one question of several: the first that has something to say ends the run."""

    def stop() -> str:
        return next(filter(None, (one() for one in stops)), "")

    return stop
