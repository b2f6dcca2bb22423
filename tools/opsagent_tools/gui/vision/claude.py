"""Claude's computer use: `computer_20251124` with the beta header `computer-use-2025-11-24` of the Messages API.

Source: Anthropic's documentation of the computer use tool, and the types of the package `anthropic`. Coordinates are
pixels of the picture that was sent. What is larger than 1568 pixels on its long side, or than 1.15 megapixels, would be
made smaller there unseen; so it is made smaller here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsagent_tools.gui.model import Box, Gesture, Point, Verb
from opsagent_tools.gui.vision import keys, texts
from opsagent_tools.gui.vision.frames import Frame, fitted
from opsagent_tools.gui.vision.wanted import Answered, BadReply, Reply, Want, Wanted

BETA = "computer-use-2025-11-24"
TOOL = "computer_20251124"
_LONGEST, _PIXELS = 1568, 1_150_000
_TOKENS = 2048
_CLICKS = {"left_click": Verb.CLICK, "double_click": Verb.DOUBLE, "right_click": Verb.RIGHT}
_SCROLLS = {"down": 1, "up": -1}


def frame(screen: Box) -> Frame:
    """Return the frame of what is sent."""
    return fitted(screen, longest=_LONGEST, pixels=_PIXELS)


def request(model: str, system: str, messages: Sequence[Mapping[str, Any]], shown: Frame) -> dict[str, Any]:
    """Return the body of a request (`client.beta.messages.create`)."""
    tool = {
        "type": TOOL,
        "name": "computer",
        "display_width_px": shown.width,
        "display_height_px": shown.height,
        "enable_zoom": True,
    }
    return {
        "model": model,
        "max_tokens": _TOKENS,
        "system": system,
        "messages": list(messages),
        "tools": [tool],
        "betas": [BETA],
    }


def begin(goal: str, png: str) -> list[dict[str, Any]]:
    """Return the first message. `png`: base64."""
    return [{"role": "user", "content": [{"type": "text", "text": goal}, _image(png)]}]


def go_on(reply: Mapping[str, Any], answers: Sequence[Answered], png: str) -> list[dict[str, Any]]:
    """Return what follows a reply: the reply itself, and what each of its calls was answered with."""
    results: list[dict[str, Any]] = []
    calls = list(dict.fromkeys(one.to.id for one in answers))
    for call in calls:
        refused = [one.refused for one in answers if one.to.id == call and one.refused]
        content = [{"type": "text", "text": "; ".join(refused)}] if refused else []
        if call == calls[-1]:
            content.append(_image(png))
        elif not refused:
            content = [{"type": "text", "text": "done"}]
        result: dict[str, Any] = {"type": "tool_result", "tool_use_id": call, "content": content}
        results.append({**result, "is_error": True} if refused else result)
    return [{"role": "assistant", "content": reply["content"]}, {"role": "user", "content": results}]


def read(reply: Mapping[str, Any], shown: Frame) -> Reply:
    """Return what a reply wants. Raises BadReply."""
    blocks = reply.get("content")
    if not isinstance(blocks, list):
        raise BadReply("the reply has no content")
    wanted: list[Wanted] = []
    said: list[str] = []
    for block in blocks:
        match block:
            case {"type": "text", "text": str(text)}:
                said.append(text)
            case {"type": "tool_use", "id": str(call), "name": "computer", "input": dict(given)}:
                wanted.extend(_read(given, shown, call))
            case {"type": "tool_use", "id": str(call), "name": str(name)}:
                wanted.append(texts.unknown(f"there is no tool {name[:40]!r}", call))
            case _:
                continue
    text = "\n".join(said).strip()
    if not wanted:
        over = Want.FAILED if reply.get("stop_reason") in {"refusal", "max_tokens"} else Want.FINISHED
        wanted.append(Wanted(want=over, said=text))
    return Reply(
        wanted=tuple(wanted),
        said=text,
        **texts.tokens_of(reply),
    )


def write(gesture: Gesture, at: Point | None, to: Point | None, shown: Frame) -> dict[str, Any]:
    """Return the input of the tool that means a gesture."""
    place = {"coordinate": list(shown.from_screen(at))} if at is not None else {}
    match gesture.verb:
        case Verb.CLICK | Verb.DOUBLE | Verb.RIGHT:
            return {"action": next(name for name, verb in _CLICKS.items() if verb is gesture.verb), **place}
        case Verb.DRAG if at is not None and to is not None:
            ends = {"start_coordinate": list(shown.from_screen(at)), "coordinate": list(shown.from_screen(to))}
            return {"action": "left_click_drag", **ends}
        case Verb.SCROLL:
            way = "up" if gesture.amount < 0 else "down"
            return {"action": "scroll", "scroll_direction": way, "scroll_amount": abs(gesture.amount), **place}
        case Verb.HOTKEY:
            return {"action": "key", "text": keys.as_keysyms(gesture.keys)}
        case Verb.TYPE if not gesture.secret:
            return {"action": "type", "text": gesture.text}
        case Verb.WAIT:
            return {"action": "wait", "duration": max(1, round(gesture.seconds))}
        case _:
            raise ValueError(f"no action of Claude's means {gesture.verb}")


def _image(png: str) -> dict[str, Any]:
    return {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": png}}


def _read(given: Mapping[str, Any], shown: Frame, call: str) -> tuple[Wanted, ...]:
    try:
        return _understood(given, shown, call)
    except (BadReply, ValueError, TypeError, KeyError, IndexError) as error:
        return (texts.unknown(f"cannot be read: {error}", call),)


def _understood(given: Mapping[str, Any], shown: Frame, call: str) -> tuple[Wanted, ...]:
    action = given.get("action")
    place = _place(given.get("coordinate"), shown)
    match action:
        case "screenshot":
            return (Wanted(want=Want.LOOK, id=call),)
        case "zoom":
            left, top, right, bottom = given["region"]
            first, last = shown.to_screen(left, top), shown.to_screen(right, bottom)
            region = Box(first.x, first.y, last.x - first.x, last.y - first.y)
            return (Wanted(want=Want.ZOOM, region=region, id=call),)
        case "mouse_move":
            return (Wanted(want=Want.HOVER, at=place, id=call),)
        case "left_click" | "double_click" | "right_click" | "triple_click":
            verb = _CLICKS.get(str(action), Verb.CLICK)
            held = keys.combination(str(given["text"])) if given.get("text") else ()
            selects = action == "triple_click"
            gesture = Gesture(verb=verb)
            return (Wanted(want=Want.GESTURE, gesture=gesture, at=place, held=held, selects=selects, id=call),)
        case "left_click_drag":
            start, end = _place(given["start_coordinate"], shown), _place(given["coordinate"], shown)
            return (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.DRAG), at=start, to=end, id=call),)
        case "scroll":
            amount = _SCROLLS[str(given["scroll_direction"])] * min(int(given["scroll_amount"]), texts.MOST_NOTCHES)
            return (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.SCROLL, amount=amount), at=place, id=call),)
        case "key":
            gesture = Gesture(verb=Verb.HOTKEY, keys=keys.combination(str(given["text"])))
            times = min(max(int(given.get("repeat") or 1), 1), texts.MOST_NOTCHES)
            return (Wanted(want=Want.GESTURE, gesture=gesture, times=times, id=call),)
        case "type":
            return texts.typed(str(given["text"]), call)
        case "wait":
            return (texts.waits(float(given["duration"]), call),)
        case _:
            return (
                texts.unknown(f"{str(action)[:40]!r} is not done here: click, type, press keys, drag, scroll", call),
            )


def _place(raw: object, shown: Frame) -> Point | None:
    if raw is None:
        return None
    if not isinstance(raw, list | tuple) or len(raw) != 2:
        raise BadReply("a coordinate is not two numbers")
    return shown.to_screen(float(raw[0]), float(raw[1]))
