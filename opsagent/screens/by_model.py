"""A procedure shown by a vision model, once: it does a task on a display of ours, and what it did becomes a recording.

Each gesture that is risky by what it is done to, or of which nothing is known, is put to the person who started it. What
was recorded is theirs to look at and to accept, like what they show themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from opsagent.home import Home
from opsagent.screen_settings import OWN, ScreenSettings
from opsagent.screens.errors import ProcedureError
from opsagent.screens.secrets import NamedSecrets
from opsagent.screens.stage import Stage, open_stage
from opsagent.seeing.desk import Seer
from opsagent_tools.gui.model import Located, Window
from opsagent_tools.gui.port import Secrets, Surface, SurfaceGone
from opsagent_tools.gui.procedure import ScreenProcedure, ScreenStep, WindowRule
from opsagent_tools.gui.recording.eyes import Seen
from opsagent_tools.gui.recording.steps import Did, Recorded, Recording
from opsagent_tools.gui.replay import Allowed, Asked, NotAllowed, Screens
from opsagent_tools.gui.risk import risk_of
from opsagent_tools.gui.vision.pursuing import pursue
from opsagent_tools.gui.vision.pursuit import Act, Limits, Pursuit, PursuitEnd

_COMES_UP_S, _POLL_S = 30.0, 0.1
OpenStage = Callable[[ScreenProcedure, ScreenSettings, Secrets, Path], AbstractAsyncContextManager[Stage]]
Confirm = Callable[[str], Awaitable[bool]]
"""Asks the person who is there, and waits: `step 3: click button “Delete”: it is called …`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """What a model is to show."""

    name: str
    """Of the procedure."""
    title: str
    goal: str
    """The person's own words."""
    command: tuple[str, ...]
    """Opens the program."""
    program: str = ""
    """What its windows belong to; empty: the command's own name."""
    keep: tuple[str, ...] = ()
    steps: int = 30

    @property
    def owner(self) -> str:
        """Return the program whose windows may be used."""
        return self.program or Path(self.command[0]).name


async def shown_by_model(
    home: Home,
    settings: ScreenSettings,
    task: Task,
    *,
    confirm: Confirm,
    say: Callable[[str], None],
    opens: OpenStage = open_stage,
) -> tuple[Recorded, Pursuit]:
    """Have the configured model do a task; return what it did as a recording. `opens`: what it is done on.

    Raises Unusable (no model may be asked), ProcedureError (it did not come to an end), NotUsable, Refused.
    """
    seer = Seer(home, settings)
    secrets = NamedSecrets(home.path, settings.secrets)
    procedure = ScreenProcedure(name=task.name, window=WindowRule(program=task.owner), start=task.command)
    own = ScreenSettings(
        width=settings.width, height=settings.height, programs=settings.programs, display=OWN
    )  # never a desktop that people share
    try:
        async with opens(procedure, own, secrets, home.path) as stage:
            await stage.screens.start(task.command)
            told = _Told(confirm, say)
            done = await _pursued(stage.screens, seer, task, tuple(settings.secrets), told)
    finally:
        await seer.close()
    if done.end is not PursuitEnd.FINISHED:
        raise ProcedureError(f"{seer.name} did not finish ({done.end.value}, {len(done.steps)} steps): {done.why}")
    return Recording(tuple(_did(act) for act in done.acts)).procedure(
        task.name, title=task.title or task.goal, keep=task.keep
    ), done


@dataclass(frozen=True, slots=True)
class _Told:
    """The person who is there."""

    confirm: Confirm
    say: Callable[[str], None]


async def _pursued(screens: Screens, seer: Seer, task: Task, secrets: Sequence[str], told: _Told) -> Pursuit:
    async def guard(step: ScreenStep, at: Located | None, asked: Asked) -> Allowed | NotAllowed:
        risk = asked.risk or risk_of(step, at)
        if not risk or await told.confirm(f"step {asked.number}: {asked.text}: {risk}"):
            return Allowed()
        return NotAllowed(why=f"nobody said yes to step {asked.number}: {asked.text}: {risk}")

    async def tell(line: str) -> None:
        told.say(line)

    async def current() -> Surface:
        return (await screens.surfaces(await _topmost(screens, task.owner)))[0]

    limits = Limits(steps=task.steps)
    return await pursue(
        task.goal,
        await current(),
        seer.task(secrets),
        guard=guard,
        limits=limits,
        secrets=tuple(secrets),
        tell=tell,
        current=current,
    )


async def _topmost(screens: Screens, program: str) -> Window:
    """Return the window on top, as soon as the program has one. Raises SurfaceGone."""
    until = monotonic() + _COMES_UP_S
    while True:
        windows = await screens.windows()
        if windows:
            return next((one for one in windows if one.modal), windows[0])
        if monotonic() >= until:
            raise SurfaceGone(f"{program} shows no window (--program says what its windows belong to)")
        await asyncio.sleep(_POLL_S)


def _did(act: Act) -> Did:
    seen = Seen(act.element, act.look) if act.element is not None else None
    to = Seen(act.to, act.look) if act.to is not None else None
    return Did(gesture=act.gesture, window=act.look.window, seen=seen, to=to)
