"""A procedure shown on the plain variant: what the agent records of it, and the tracks that the baselines follow."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from opsagent_evals.gui.demonstrating import aim, box_of, do
from opsagent_evals.gui.grabbing import grab, png_of
from opsagent_evals.gui.model import Act, Drift, Program
from opsagent_evals.gui.screens import OnlyKind
from opsagent_evals.gui.stage import Stage, StageError, staged
from opsagent_tools.gui.desktop import desktop
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Box, Gesture, Located, Point, Rung, SurfaceKind, Verb, Window
from opsagent_tools.gui.procedure import Expectation, ScreenProcedure, ScreenStep, WindowRule
from opsagent_tools.gui.recording import Did, Eyes, Recording, Seen, SurfaceEyes
from opsagent_tools.gui.recording.pointed import hit
from opsagent_tools.gui.replay import Screens
from opsagent_tools.gui.x11.windows import Windows

_SETTLE_S = 5.0
_AGAIN_S = 0.3


@dataclass(frozen=True, slots=True, kw_only=True)
class Track:
    """Where one act was done on the plain variant: what a recorder of coordinates and pictures keeps."""

    act: Act
    point: Point | None = None
    offset: Point | None = None
    """From the corner of its window."""
    title: str = ""
    """Of that window."""
    around: Box | None = None
    """What the template shows."""
    template: bytes = b""
    """PNG."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """What was recorded of one program, on one kind of surface."""

    procedure: ScreenProcedure
    parameters: dict[str, str]
    crops: dict[str, bytes]
    tracks: tuple[Track, ...]


@asynccontextmanager
async def opened(stage: Stage, kind: SurfaceKind, crops: Path | None, *, allowed: bool) -> AsyncIterator[Screens]:
    """Open the surfaces of a stage's display; only those of `kind` where pixels have to do alone."""
    allow = {stage.program.program} if allowed else None
    reads = kind is SurfaceKind.PIXEL or not allowed
    async with desktop(stage.display, allow=allow, crops=crops, only_looks=not allowed, reads=reads) as screens:
        yield OnlyKind(screens, kind) if kind is SurfaceKind.PIXEL else screens


async def show(program: Program, kind: SurfaceKind) -> Shown:
    """Do the program's acts on its plain variant while the agent's eyes look on. Raises StageError."""
    async with staged(program, Drift.PLAIN) as stage:
        if stage.terminal is not None:
            return await _on_terminal(stage)
        hands = Hands(stage.display.name, stage.display.env, private=True)
        try:
            async with opened(stage, kind, None, allowed=False) as screens:
                eyes = SurfaceEyes(Windows(stage.display.connection), screens.surfaces)
                done, tracks = [], []
                for act in program.acts:
                    did, track = await _one(act, stage, eyes, hands)
                    done.append(did)
                    tracks.append(track)
                return _made(program, kind, done, tracks)
        finally:
            await hands.close()


async def _one(act: Act, stage: Stage, eyes: Eyes, hands: Hands) -> tuple[Did, Track]:
    box = await box_of(act, stage.judge) if act.on else None
    point = aim(act, box) if box is not None else None
    seen = await _looked_at(eyes, point) if point is not None else None
    read = await eyes.read(seen) if seen is not None else None
    if act.on and seen is None:
        raise StageError(f"{stage.program.name}: nothing is seen where {act.on} is")
    window = await (eyes.window_at(point) if point is not None else eyes.focused_window())
    track = await _track(act, point, box, window, stage) if point is not None and box is not None else Track(act=act)
    await do(act, point, hands)
    now = await eyes.again(seen) if seen is not None and act.checked is not None else None
    return Did(gesture=_gesture(act), window=window, seen=seen, read=read, now=now), track


async def _looked_at(eyes: Eyes, point: Point) -> Seen | None:
    """Return what is seen at a point; a program that is busy, or has just opened a dialog, is given its time."""
    for _ in range(round(_SETTLE_S / _AGAIN_S)):
        if (seen := await eyes.at(point)) is not None:
            return seen
        await asyncio.sleep(_AGAIN_S)
    return None


async def _on_terminal(stage: Stage) -> Shown:
    assert stage.terminal is not None
    surface = stage.terminal.surface
    done = []
    for act in stage.program.acts:
        look = await surface.settle(timeout_s=_SETTLE_S)
        seen, at = None, None
        if act.on:
            box = await box_of(act, stage.judge)
            element = hit(look, box.center) or hit(look, Point(box.left, box.top))
            if element is None:
                raise StageError(f"{stage.program.name}: nothing is read where {act.on} is")
            seen = Seen(element, look)
            at = Located(
                point=element.box.center, box=element.box, rung=Rung.STRUCTURE, element=element, score=1, margin=1
            )
        if act.by_hand:
            await surface.terminal.write(act.by_hand.encode())
        else:
            await surface.perform(_gesture(act), at)
        done.append(Did(gesture=_gesture(act), window=look.window, seen=seen))
        await asyncio.sleep(0.1)
    return _made(stage.program, SurfaceKind.TERMINAL, done, [Track(act=act) for act in stage.program.acts])


def _gesture(act: Act) -> Gesture:
    return Gesture(verb=act.verb, text=act.text, keys=act.keys)


def _made(program: Program, kind: SurfaceKind, done: list[Did], tracks: list[Track]) -> Shown:
    recorded = Recording(tuple(done)).procedure(program.name)
    steps = recorded.procedure.steps
    if len(steps) != len(program.acts):
        raise StageError(f"{program.name}: {len(program.acts)} acts became {len(steps)} steps: {recorded.notes}")
    steps = tuple(_expecting(step, act) for step, act in zip(steps, program.acts, strict=True))
    rule = WindowRule(program=program.program, wm_class=program.wm_class, title=program.title)
    procedure = replace(recorded.procedure, steps=steps, window=rule, surface=kind)
    parameters = {one.name: one.example for one in procedure.parameters}
    return Shown(procedure=procedure, parameters=parameters, crops=recorded.crops, tracks=tuple(tracks))


def _expecting(step: ScreenStep, act: Act) -> ScreenStep:
    """Add what whoever shows it would write down: the text or the window that must be there afterwards."""
    if not (act.shows or act.window or act.gone or act.checked is not None):
        return step
    after = step.after or Expectation()
    checked = after.checked if act.checked is None else act.checked
    return replace(
        step, after=replace(after, shows=act.shows, window=act.window or after.window, gone=act.gone, checked=checked)
    )


async def _track(act: Act, point: Point, box: Box, window: Window | None, stage: Stage) -> Track:
    main = window
    if window is None or window.popup:  # a menu stands where its window lets it stand
        others = [
            one for one in await stage.display.windows() if not one.popup and one.program == stage.program.program
        ]
        main = others[-1] if others else window
    around = _around(act, box)
    template = b""
    with contextlib.suppress(OSError, ValueError):
        template = png_of(await asyncio.to_thread(grab, stage.running.env, around))
    corner = main.box if main is not None else Box(0, 0, 0, 0)
    offset = Point(point.x - corner.left, point.y - corner.top)
    title = main.title if main is not None else ""
    return Track(act=act, point=point, offset=offset, title=title, around=around, template=template)


def _around(act: Act, box: Box) -> Box:
    """Return what a person would cut out: the control, and of a field the label to its left."""
    if act.verb is Verb.TYPE:
        left = max(0, box.left - 110)
        return Box(left, box.top, min(box.right, box.left + 60) - left, min(box.height, 60))
    return Box(box.left, box.top, min(box.width, 240), min(box.height, 60))
