"""OpenAI's computer use in the Responses API: the tools `computer` and, of older models, `computer_use_preview`.

Source: OpenAI's guide on computer use, and the types of the package `openai`. Coordinates are pixels of the picture that
was sent. Pending safety checks have to be acknowledged: by a person here, never by the program.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsagent_tools.gui.model import Box, Gesture, Point, Verb
from opsagent_tools.gui.vision import keys, texts
from opsagent_tools.gui.vision.frames import Frame, fitted
from opsagent_tools.gui.vision.wanted import Answered, BadReply, Reply, Want, Wanted

_LONGEST, _PIXELS = 2048, 2_000_000
_A_NOTCH = 100
"""Pixels of `scroll_y` that one notch of a wheel means."""
_WAIT_S = 2.0
_BUTTONS = {"left": Verb.CLICK, "right": Verb.RIGHT}
_OLDER = "computer-use-preview"


def frame(screen: Box) -> Frame:
    """Return the frame of what is sent."""
    return fitted(screen, longest=_LONGEST, pixels=_PIXELS)


def request(model: str, system: str, messages: Sequence[Mapping[str, Any]], shown: Frame) -> dict[str, Any]:
    """Return the body of a request (`client.responses.create`). Nothing is kept at the provider's."""
    tool: dict[str, Any] = {"type": "computer"}
    if model.startswith(_OLDER):
        sizes = {"display_width": shown.width, "display_height": shown.height}
        tool = {"type": "computer_use_preview", "environment": "linux", **sizes}
    body = {"model": model, "instructions": system, "input": list(messages), "tools": [tool]}
    return {**body, "truncation": "auto", "store": False, "include": ["reasoning.encrypted_content"]}


def begin(goal: str, png: str) -> list[dict[str, Any]]:
    """Return the first input. `png`: base64."""
    content = [{"type": "input_text", "text": goal}, {"type": "input_image", "image_url": _url(png), "detail": "auto"}]
    return [{"role": "user", "content": content}]


def go_on(reply: Mapping[str, Any], answers: Sequence[Answered], png: str) -> list[dict[str, Any]]:
    """Return what follows a reply: its items, what each of its calls was answered with, and why something was not done."""
    items: list[dict[str, Any]] = [dict(item) for item in reply["output"]]
    for call in dict.fromkeys(one.to.id for one in answers):
        mine = [one for one in answers if one.to.id == call]
        checks = [{"id": number} for one in mine if one.acknowledged for number, _ in one.to.checks]
        shown = {"type": "computer_screenshot", "image_url": _url(png)}
        output = {"type": "computer_call_output", "call_id": call, "output": shown}
        items.append({**output, "acknowledged_safety_checks": checks} if checks else output)
    refused = "; ".join(dict.fromkeys(one.refused for one in answers if one.refused))
    return [*items, *([{"role": "user", "content": f"Not done: {refused}"}] if refused else [])]


def read(reply: Mapping[str, Any], shown: Frame) -> Reply:
    """Return what a reply wants. Raises BadReply."""
    items = reply.get("output")
    if not isinstance(items, list):
        raise BadReply("the reply has no output")
    wanted: list[Wanted] = []
    said: list[str] = []
    for item in items:
        match item:
            case {"type": "computer_call", "call_id": str(call)}:
                wanted.extend(_read_call(item, shown, call))
            case {"type": "message", "content": list(parts)}:
                said.extend(str(part.get("text") or "") for part in parts if isinstance(part, Mapping))
            case _:
                continue
    text = "\n".join(filter(None, said)).strip()
    if not wanted:
        over = Want.FINISHED if reply.get("status", "completed") == "completed" else Want.FAILED
        wanted.append(Wanted(want=over, said=text))
    return Reply(
        wanted=tuple(wanted),
        said=text,
        **texts.tokens_of(reply),
    )


def write(gesture: Gesture, at: Point | None, to: Point | None, shown: Frame) -> dict[str, Any]:
    """Return the action that means a gesture."""
    x, y = shown.from_screen(at) if at is not None else (shown.width // 2, shown.height // 2)
    match gesture.verb:
        case Verb.CLICK | Verb.RIGHT:
            button = "left" if gesture.verb is Verb.CLICK else "right"
            return {"type": "click", "button": button, "x": x, "y": y}
        case Verb.DOUBLE:
            return {"type": "double_click", "x": x, "y": y}
        case Verb.DRAG if to is not None:
            ends = [(x, y), shown.from_screen(to)]
            return {"type": "drag", "path": [{"x": left, "y": top} for left, top in ends]}
        case Verb.SCROLL:
            return {"type": "scroll", "x": x, "y": y, "scroll_x": 0, "scroll_y": gesture.amount * _A_NOTCH}
        case Verb.HOTKEY:
            return {"type": "keypress", "keys": [key.upper() for key in gesture.keys]}
        case Verb.TYPE if not gesture.secret:
            return {"type": "type", "text": gesture.text}
        case Verb.WAIT:
            return {"type": "wait"}
        case _:
            raise ValueError(f"no action of OpenAI's means {gesture.verb}")


def _url(png: str) -> str:
    return f"data:image/png;base64,{png}"


def _read_call(item: Mapping[str, Any], shown: Frame, call: str) -> list[Wanted]:
    actions = item.get("actions") or [item.get("action")]
    checks = tuple(
        (str(one.get("id")), str(one.get("message") or one.get("code") or ""))
        for one in item.get("pending_safety_checks") or []
        if isinstance(one, Mapping)
    )
    wanted: list[Wanted] = []
    for action in actions if isinstance(actions, list) else []:
        try:
            wanted.extend(_understood(action, shown, call, checks))
        except (BadReply, ValueError, TypeError, KeyError, AttributeError) as error:
            wanted.append(texts.unknown(f"cannot be read: {error}", call))
    return wanted


def _understood(
    action: Mapping[str, Any], shown: Frame, call: str, checks: tuple[tuple[str, str], ...]
) -> tuple[Wanted, ...]:
    kind = action.get("type")
    held = keys.pressed_together([str(key) for key in action["keys"]]) if action.get("keys") else ()
    place = shown.to_screen(float(action["x"]), float(action["y"])) if "x" in action else None
    match kind:
        case "screenshot":
            found: tuple[Wanted, ...] = (Wanted(want=Want.LOOK, id=call),)
        case "move":
            found = (Wanted(want=Want.HOVER, at=place, id=call),)
        case "click" if action.get("button", "left") in _BUTTONS:
            gesture = Gesture(verb=_BUTTONS[str(action.get("button", "left"))])
            found = (Wanted(want=Want.GESTURE, gesture=gesture, at=place, held=held, id=call),)
        case "double_click":
            found = (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.DOUBLE), at=place, held=held, id=call),)
        case "drag":
            ends = [shown.to_screen(float(one["x"]), float(one["y"])) for one in action["path"]]
            if len(ends) < 2:
                raise BadReply("a path has one point")
            found = (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.DRAG), at=ends[0], to=ends[-1], id=call),)
        case "scroll":
            notches = round(float(action["scroll_y"]) / _A_NOTCH)
            amount = max(
                -texts.MOST_NOTCHES, min(notches or (1 if float(action["scroll_y"]) > 0 else -1), texts.MOST_NOTCHES)
            )
            found = (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.SCROLL, amount=amount), at=place, id=call),)
        case "keypress":
            found = (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.HOTKEY, keys=held), id=call),)
        case "type":
            found = texts.typed(str(action["text"]), call)
        case "wait":
            found = (texts.waits(_WAIT_S, call),)
        case _:
            found = (texts.unknown(f"{str(kind)[:40]!r} is not done here", call),)
    return tuple(Wanted(**{**_fields(one), "checks": checks}) for one in found) if checks else found


def _fields(wanted: Wanted) -> dict[str, Any]:
    return {name: getattr(wanted, name) for name in Wanted.__dataclass_fields__}
