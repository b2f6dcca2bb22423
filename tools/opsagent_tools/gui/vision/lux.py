"""Lux (OpenAGI), through its package `oagi-core`: our pictures go in by its port for them, its actions come out by another.

Source: the types and the output format of `oagi-core` 0.15. Coordinates are thousandths of the picture, 0 to 1000. Its
server has no way to be told that something was not done: whoever runs it stops instead.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opsagent_tools.gui.model import Box, Gesture, Point, Verb
from opsagent_tools.gui.vision import keys, texts
from opsagent_tools.gui.vision.frames import Frame, in_thousandths
from opsagent_tools.gui.vision.wanted import BadReply, Reply, Want, Wanted

WIDTH, HEIGHT = 1260, 700
"""Size of the picture that it is made for."""
MOST_STEPS = {"lux-actor-1": 100, "lux-thinker-1": 300}
_CLICKS = {"click": Verb.CLICK, "left_double": Verb.DOUBLE, "right_single": Verb.RIGHT, "left_triple": Verb.CLICK}
_NUMBERS = re.compile(r"\s*-?\d+(?:\.\d+)?\s*(?:,\s*-?\d+(?:\.\d+)?\s*)*")
_WAIT_S = 1.0


def frame(screen: Box) -> Frame:
    """Return the frame of what is sent."""
    return in_thousandths(screen)


def read(step: Mapping[str, Any], shown: Frame) -> Reply:
    """Return what a step of the actor wants: `{"reason", "actions": [{"type", "argument", "count"}], "stop"}`.

    Raises BadReply.
    """
    actions = step.get("actions")
    if not isinstance(actions, Sequence) or isinstance(actions, str):
        raise BadReply("the step has no actions")
    wanted = tuple(one for action in actions for one in _read(action, shown))
    said = str(step.get("reason") or "")
    if not wanted:
        wanted = (Wanted(want=Want.FINISHED if step.get("stop") else Want.FAILED, said=said or "it says nothing"),)
    return Reply(wanted=wanted, said=said)


def write(gesture: Gesture, at: Point | None, to: Point | None, shown: Frame) -> dict[str, Any]:
    """Return the action that means a gesture."""
    x, y = shown.from_screen(at) if at is not None else (shown.width // 2, shown.height // 2)
    match gesture.verb:
        case Verb.CLICK | Verb.DOUBLE | Verb.RIGHT:
            name = next(name for name, verb in _CLICKS.items() if verb is gesture.verb)
            return {"type": name, "argument": f"{x}, {y}", "count": 1}
        case Verb.DRAG if to is not None:
            right, bottom = shown.from_screen(to)
            return {"type": "drag", "argument": f"{x}, {y}, {right}, {bottom}", "count": 1}
        case Verb.SCROLL:
            way = "up" if gesture.amount < 0 else "down"
            return {"type": "scroll", "argument": f"{x}, {y}, {way}", "count": abs(gesture.amount)}
        case Verb.HOTKEY:
            return {"type": "hotkey", "argument": "+".join(gesture.keys), "count": 1}
        case Verb.TYPE if not gesture.secret:
            return {"type": "type", "argument": gesture.text, "count": 1}
        case Verb.WAIT:
            return {"type": "wait", "argument": "", "count": 1}
        case _:
            raise ValueError(f"no action of Lux's means {gesture.verb}")


def _read(action: object, shown: Frame) -> tuple[Wanted, ...]:
    if not isinstance(action, Mapping):
        return (texts.unknown("an action is no table"),)
    kind, argument = str(action.get("type")), str(action.get("argument") or "")
    try:
        return _understood(kind, argument, int(action.get("count") or 1), shown)
    except (BadReply, ValueError, TypeError) as error:
        return (texts.unknown(f"cannot be read: {error}"),)


def _understood(kind: str, argument: str, count: int, shown: Frame) -> tuple[Wanted, ...]:
    times = min(max(count, 1), texts.MOST_NOTCHES)
    simple: dict[str, Callable[[], tuple[Wanted, ...]]] = {
        "wait": lambda: (texts.waits(_WAIT_S),),
        "finish": lambda: (Wanted(want=Want.FINISHED, said=argument),),
        "fail": lambda: (Wanted(want=Want.FAILED, said=argument),),
        "call_user": lambda: (Wanted(want=Want.PERSON, said=argument),),
        "type": lambda: texts.typed(_unquoted(argument)),
    }
    if kind in simple:
        return simple[kind]()
    if kind in _CLICKS:
        (place,) = _places(argument, 1, shown)
        gesture = Gesture(verb=_CLICKS[kind])
        return (Wanted(want=Want.GESTURE, gesture=gesture, at=place, times=times, selects=kind == "left_triple"),)
    if kind == "drag":
        start, end = _places(argument, 2, shown)
        return (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.DRAG), at=start, to=end),)
    if kind == "hotkey":
        gesture = Gesture(verb=Verb.HOTKEY, keys=keys.combination(argument))
        return (Wanted(want=Want.GESTURE, gesture=gesture, times=times),)
    if kind == "scroll":
        numbers, _, way = argument.rpartition(",")
        (place,) = _places(numbers, 1, shown)
        amount = {"down": times, "up": -times}[way.strip().lower()] if way.strip().lower() in {"down", "up"} else 0
        if not amount:
            raise BadReply(f"scrolls {way.strip()[:20]!r}")
        return (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.SCROLL, amount=amount), at=place),)
    raise BadReply(f"{kind[:40]!r} is no action")


def _places(argument: str, count: int, shown: Frame) -> list[Point]:
    if not _NUMBERS.fullmatch(argument):
        raise BadReply(f"{argument[:40]!r} are no coordinates")
    numbers = [float(one) for one in argument.split(",")]
    if len(numbers) != 2 * count:
        raise BadReply(f"{argument[:40]!r} are not {2 * count} numbers")
    return [shown.to_screen(x, y) for x, y in zip(numbers[::2], numbers[1::2], strict=True)]


def _unquoted(argument: str) -> str:
    """Return the text without the quotes that the model may put around it."""
    if len(argument) >= 2 and argument[0] == argument[-1] and argument[0] in "\"'":
        return argument[1:-1]
    return argument
