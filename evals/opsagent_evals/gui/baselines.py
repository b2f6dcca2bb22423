"""What others do: replay coordinates of the screen, coordinates of the window, or look for a picture. Plain, and fair.

They wait until the target is there (the judge tells them), move and type as the agent does, and find the window by its
program and title. The template is cut as a person would, is looked for in grey on the whole screen, and what is found
must be alike by 0.9: below, it halts.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

from opsagent_evals.gui.demonstrating import do
from opsagent_evals.gui.grabbing import grab
from opsagent_evals.gui.model import CaseScore, Drift, Program, StepScore
from opsagent_evals.gui.recording import Shown, Track
from opsagent_evals.gui.stage import SIZE, Stage, StageError, staged, there
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Point, SurfaceKind

COORDINATES, WINDOW, TEMPLATE = "coordinates", "window", "template"
BASELINES = (COORDINATES, WINDOW, TEMPLATE)
_ALIKE = 0.9
_TARGET_S = 3.0
_SLACK = 2


async def follow(program: Program, drift: Drift, shown: Shown, player: str) -> CaseScore:
    """Replay the tracks of a recording on a variant. Raises StageError."""
    async with AsyncExitStack() as held:
        stage = await held.enter_async_context(staged(program, drift))
        hands = Hands(stage.display.name, stage.display.env, private=True)
        held.push_async_callback(hands.close)
        steps: list[StepScore] = []
        halted = ""
        for number, track in enumerate(shown.tracks, 1):
            on = track.act.on or "+".join(track.act.keys)
            if halted:
                steps.append(StepScore(number=number, on=on, done=False))
                continue
            step = await _step(number, track, stage, hands, player)
            halted = step.why
            steps.append(step)
        result = "" if halted else await program.outcome(stage.running)
        return CaseScore(
            program=program.name,
            drift=drift,
            kind=SurfaceKind.PIXEL,
            player=player,
            steps=tuple(steps),
            outcome="halted" if halted else "unverified",
            result=result,
            held_out=program.held_out,
        )


async def _step(number: int, track: Track, stage: Stage, hands: Hands, player: str) -> StepScore:
    act = track.act
    if not act.on:
        await do(act, None, hands)
        return StepScore(number=number, on="+".join(act.keys), done=True)
    with contextlib.suppress(StageError):
        await there(stage.judge, act.on, player, timeout_s=_TARGET_S)
    began = time.monotonic()
    at = await _where(track, stage, player)
    took = time.monotonic() - began
    if at is None:
        return StepScore(number=number, on=act.on, done=False, why="the picture is not on the screen")
    boxes = await stage.judge.boxes(act.on)
    right = any(box.grown(_SLACK).holds(at) for box in boxes)
    await do(act, at, hands)
    wrong = "" if right else f"{act.verb} at {at.x},{at.y}, which is not {act.on}"
    return StepScore(number=number, on=act.on, done=right, wrong=wrong, seconds=took)


async def _where(track: Track, stage: Stage, player: str) -> Point | None:
    assert track.point is not None and track.offset is not None and track.around is not None  # noqa: PT018
    if player == COORDINATES:
        return track.point
    if player == WINDOW:
        windows = [
            one for one in await stage.display.windows() if not one.popup and one.program == stage.program.program
        ]
        titled = [one for one in windows if one.title == track.title] or windows
        if not titled:
            return track.point
        corner = titled[-1].box
        return _on_screen(Point(corner.left + track.offset.x, corner.top + track.offset.y))
    found = await asyncio.to_thread(_alike, stage.running.env, track.template)
    if found is None:
        return None
    dx, dy = track.point.x - track.around.left, track.point.y - track.around.top
    return _on_screen(Point(found.x + dx, found.y + dy))


def _on_screen(point: Point) -> Point:
    return Point(min(max(point.x, 0), SIZE[0] - 1), min(max(point.y, 0), SIZE[1] - 1))


def _alike(env: Mapping[str, str], template: bytes) -> Point | None:
    """Return where the picture is on the screen, by its left top; None: nowhere."""
    import cv2
    import numpy as np

    wanted = cv2.imdecode(np.frombuffer(template, dtype=np.uint8), cv2.IMREAD_GRAYSCALE)
    if wanted is None:
        return None
    scores = cv2.matchTemplate(grab(env), wanted, cv2.TM_CCOEFF_NORMED)
    _, best, _, at = cv2.minMaxLoc(scores)
    return Point(int(at[0]), int(at[1])) if best >= _ALIKE else None
