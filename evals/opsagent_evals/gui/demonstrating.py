"""Does a program's procedure as a person who knows it would: at the place where the judge says the target is."""

from __future__ import annotations

import asyncio

from opsagent_evals.gui.model import Act, Judge
from opsagent_evals.gui.stage import there
from opsagent_tools.gui.hands.hands import Hands
from opsagent_tools.gui.model import Box, Point, Verb

_AFTER_S = 0.35
_TARGET_S = 30.0
_TALL = 120
"""Pixels: what is as high is an area."""
_WIDE = 4.5
"""Times its height: a row of a menu or a list, whose words stand at its left."""


async def box_of(act: Act, judge: Judge) -> Box:
    """Return where the act's target is; waits for it. Raises StageError."""
    boxes = await there(judge, act.on, "the demonstration", timeout_s=_TARGET_S)
    return boxes[0]


def aim(act: Act, box: Box) -> Point:
    """Return where a person would put the pointer: on the words of a wide row, into a text area, else in the middle."""
    if act.verb is Verb.TYPE and box.height > _TALL:
        return Point(box.left + box.width // 3, box.top + box.height // 3)
    if act.verb is not Verb.TYPE and box.width > _WIDE * box.height:
        return Point(box.left + round(1.8 * box.height), box.center.y)
    return box.center


async def do(act: Act, at: Point | None, hands: Hands) -> None:
    """Do one act for real."""
    if act.verb is Verb.HOTKEY:
        await hands.hotkey(act.keys)
    elif at is not None:
        press = {Verb.DOUBLE: hands.double, Verb.RIGHT: hands.right}.get(act.verb, hands.click)
        await press(at)
        if act.verb is Verb.TYPE:
            await hands.select_all(lines=False)
            await hands.type_text(act.text)
    await asyncio.sleep(_AFTER_S)
