"""Play a procedure: settle → locate → guard → act → read what changed → expectation → value read back → effects.

`Screens` is what it plays on (a display with its windows, a terminal, or `fake.FakeScreens`); the guard is the caller's.
Whoever cancels it is heard between two gestures, never inside one. What one step does is told in `playing`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from opsagent_tools.gui.desk import Allowed, Asked, Guard, NotAllowed, Screens, Tell
from opsagent_tools.gui.effects import awaited, before
from opsagent_tools.gui.filling import filled_effects, filled_rule, filled_step, given
from opsagent_tools.gui.finding import Finder, LastRung, matching
from opsagent_tools.gui.model import Window
from opsagent_tools.gui.played import HALTED, NEEDS_PERSON, Ended, Playing
from opsagent_tools.gui.playing import Player
from opsagent_tools.gui.port import ScreenError, Secrets
from opsagent_tools.gui.procedure import RunReport, ScreenOutcome, ScreenProcedure, StepReport

__all__ = ["Allowed", "Asked", "Guard", "NotAllowed", "Screens", "Tell", "replay"]

_OPENS_S = 20.0
"""How long a program that was started may take until its window is there."""


async def replay(
    procedure: ScreenProcedure,
    screens: Screens,
    parameters: Mapping[str, str],
    *,
    guard: Guard,
    secrets: Secrets,
    tell: Tell | None = None,
    stop: Callable[[], str] | None = None,
    last: LastRung | None = None,
) -> RunReport:
    """Play `procedure` and return how it went.

    guard: asked before each gesture, with the step as it will be done (parameters filled in); right after a yes it is done.
    secrets: names are looked up before the first step; the surface fetches them when it pastes.
    tell: awaited after each step (for a journal, or a person who watches).
    stop: asked between gestures; a text that is not empty (a person took the mouse) ends the run as NEEDS_PERSON.
    last: asked where a target is that nothing else finds (a vision model); what it finds alone is never enough for a risk.
    Raises CancelledError between two gestures, ScreenError never (it is an outcome).
    """
    finder = Finder(screens, procedure.surface, last)
    player = Player(screens, finder, guard, stop or (lambda: ""), secrets)
    run = _Run(procedure, screens, finder, player, tell)
    try:
        outcome, why = await run.played(parameters, secrets)
    except Ended as end:
        outcome, why = end.outcome, end.why
    except BaseException:
        player.film.let_go()
        raise
    return run.report(outcome, why, await player.film.strip())


class _Run:
    """One run of a procedure."""

    def __init__(
        self, procedure: ScreenProcedure, screens: Screens, finder: Finder, player: Player, tell: Tell | None
    ) -> None:
        self._procedure = procedure
        self._screens = screens
        self._finder = finder
        self._player = player
        self._tell = tell
        self._steps: list[StepReport] = []
        self._values: dict[str, str] = {}
        self._effects: tuple[str, ...] = ()
        self._window: Window | None = None

    async def played(self, parameters: Mapping[str, str], secrets: Secrets) -> tuple[ScreenOutcome, str]:
        """Play all of it, and return how it ended. Raises Ended where it did before its end."""
        values, wrong = given(self._procedure, parameters)
        if wrong:
            raise Ended(HALTED, wrong)
        self._look_up(secrets)
        effects = filled_effects(self._procedure.effects, values)
        began = await before(effects)
        await self._open(values)
        for number, written in enumerate(self._procedure.steps, start=1):
            rule = filled_rule(self._procedure.window, values)
            await self._step(Playing(number=number, step=filled_step(written, values), written=written, rule=rule))
        return await self._proved(effects, began)

    def report(self, outcome: ScreenOutcome, why: str, strip: tuple[bytes, ...]) -> RunReport:
        """Return how it went."""
        done = sum(one.done for one in self._steps)
        finished = done == len(self._procedure.steps)
        return RunReport(
            procedure=self._procedure.name,
            outcome=outcome,
            why=why,
            halted_at=None if finished else done + 1,
            steps=tuple(self._steps),
            values=self._values,
            effects=self._effects,
            strip=strip,
        )

    async def _step(self, one: Playing) -> None:
        ended: Ended | None = None
        try:
            await self._player.play(one)
        except Ended as end:
            one.why, ended = end.why, end
        if one.found is not None:
            self._window = one.found.window
        if one.value is not None:
            self._values[str(one.number)] = one.value
        self._steps.append(one.report())
        if self._tell is not None:
            await self._tell(self._steps[-1])
        if ended is not None:
            raise ended

    def _look_up(self, secrets: Secrets) -> None:
        """Make sure of every secret before anything is done."""
        for name in dict.fromkeys(one.gesture.secret for one in self._procedure.steps if one.gesture.secret):
            try:
                secrets.fetch(name)
            except KeyError:
                raise Ended(NEEDS_PERSON, f"there is no secret called {name}") from None

    async def _open(self, values: Mapping[str, str]) -> None:
        """Start the program where no window of it is there."""
        rule = replace(filled_rule(self._procedure.window, values), title="")
        try:
            if matching(rule, await self._screens.windows()) or not self._procedure.start:
                return
            await self._screens.start(self._procedure.start)
        except ScreenError as error:
            raise Ended(HALTED, str(error)) from error
        if not await self._finder.comes(rule, _OPENS_S):
            raise Ended(NEEDS_PERSON, f"{rule.program} was started, and no window of it came within {_OPENS_S:g} s")

    async def _proved(self, effects: Any, began: Mapping[str, Any]) -> tuple[ScreenOutcome, str]:
        if not effects:
            return ScreenOutcome.UNVERIFIED, "it names no effect outside the screen"

        async def exit_code() -> int | None:
            return await self._screens.exit_code(self._window) if self._window is not None else None

        self._effects, missed = await awaited(effects, began, exit_code)
        return (ScreenOutcome.UNVERIFIED if missed else ScreenOutcome.VERIFIED), missed
