"""UI-TARS on a server that speaks OpenAI's chat completions (vLLM, say): `Thought: …` and `Action: …`, as text.

Source: the action space that UI-TARS documents for computers. Coordinates come as `<point>x y</point>` or
`start_box='(x,y)'`, in pixels of a picture whose sides are multiples of 28 (Qwen2.5-VL's own resizing). Every line is parsed by a
reader of its own: nothing of it is evaluated.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

from opsagent_tools.gui.model import Box, Gesture, Point, Verb
from opsagent_tools.gui.vision import keys, texts
from opsagent_tools.gui.vision.frames import Frame
from opsagent_tools.gui.vision.wanted import Answered, BadReply, Reply, Want, Wanted

_FACTOR = 28
_PIXELS = 1_800_000
_TOKENS = 400
_WAIT_S = 5.0
_A_SCROLL = 5
_CLICKS = {"click": Verb.CLICK, "left_double": Verb.DOUBLE, "right_single": Verb.RIGHT}
_KEPT_PICTURES = 3

SYSTEM = """\
You operate a computer's window. You get a task, what was done so far, and pictures. Say what to do next.
Answer in two lines:
Thought: one sentence, which names the element that you mean
Action: one of
click(point='<point>x y</point>')
left_double(point='<point>x y</point>')
right_single(point='<point>x y</point>')
drag(start_point='<point>x y</point>', end_point='<point>x y</point>')
hotkey(key='ctrl c')
type(content='text')
scroll(point='<point>x y</point>', direction='down')
wait()
finished(content='text')
call_user()"""


def frame(screen: Box) -> Frame:
    """Return the frame that the model counts in: both sides multiples of 28, within 1.8 megapixels."""
    scale = min(1.0, math.sqrt(_PIXELS / (screen.width * screen.height)))
    sides = (max(_FACTOR, int(side * scale) // _FACTOR * _FACTOR) for side in (screen.width, screen.height))
    return Frame(screen, *sides)


def request(model: str, system: str, messages: Sequence[Mapping[str, Any]], shown: Frame) -> dict[str, Any]:
    """Return the body of a request (`client.chat.completions.create`). Older pictures are left out."""
    del shown
    pictures = [number for number, message in enumerate(messages) if _is_picture(message)]
    dropped = set(pictures[:-_KEPT_PICTURES])
    kept = [message for number, message in enumerate(messages) if number not in dropped]
    first = {"role": "system", "content": f"{SYSTEM}\n\n{system}"}
    return {"model": model, "messages": [first, *kept], "max_tokens": _TOKENS, "temperature": 0.0}


def begin(goal: str, png: str) -> list[dict[str, Any]]:
    """Return the first messages. `png`: base64."""
    return [{"role": "user", "content": goal}, _picture(png)]


def go_on(reply: Mapping[str, Any], answers: Sequence[Answered], png: str) -> list[dict[str, Any]]:
    """Return what follows a reply: the reply itself, why something was not done, and what is there now."""
    refused = "; ".join(dict.fromkeys(one.refused for one in answers if one.refused))
    said = {"role": "assistant", "content": _text(reply)}
    return [said, *([{"role": "user", "content": f"Not done: {refused}"}] if refused else []), _picture(png)]


def read(reply: Mapping[str, Any], shown: Frame) -> Reply:
    """Return what a reply wants. Raises BadReply."""
    text = _text(reply)
    thought, found, actions = text.partition("Action:")
    if not found:
        raise BadReply("there is no line that begins with Action:")
    wanted = tuple(one for line in _lines(actions) for one in _read(line, shown))
    if not wanted:
        raise BadReply("the line with the action is empty")
    return Reply(
        wanted=wanted,
        said=thought.removeprefix("Thought:").strip(),
        **texts.tokens_of(reply),
    )


def write(gesture: Gesture, at: Point | None, to: Point | None, shown: Frame) -> str:
    """Return the action that means a gesture."""
    here = _point(at, shown) if at is not None else f"<point>{shown.width // 2} {shown.height // 2}</point>"
    match gesture.verb:
        case Verb.CLICK | Verb.DOUBLE | Verb.RIGHT:
            name = next(name for name, verb in _CLICKS.items() if verb is gesture.verb)
            return f"{name}(point='{here}')"
        case Verb.DRAG if to is not None:
            return f"drag(start_point='{here}', end_point='{_point(to, shown)}')"
        case Verb.SCROLL:
            return f"scroll(point='{here}', direction='{'up' if gesture.amount < 0 else 'down'}')"
        case Verb.HOTKEY:
            return f"hotkey(key='{' '.join(gesture.keys)}')"
        case Verb.TYPE if not gesture.secret:
            return f"type(content='{_quoted(gesture.text)}')"
        case Verb.WAIT:
            return "wait()"
        case _:
            raise ValueError(f"no action of UI-TARS's means {gesture.verb}")


def _point(point: Point, shown: Frame) -> str:
    x, y = shown.from_screen(point)
    return f"<point>{x} {y}</point>"


def _picture(png: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "image_url", "image_url": {"url": f"data:image/png;base64,{png}"}}]}


def _is_picture(message: Mapping[str, Any]) -> bool:
    return message.get("role") == "user" and isinstance(message.get("content"), list)


def _text(reply: Mapping[str, Any]) -> str:
    try:
        text = reply["choices"][0]["message"]["content"]
    except (KeyError, IndexError, TypeError):
        raise BadReply("the reply has no message") from None
    return str(text or "")


def _lines(actions: str) -> list[str]:
    """Return the calls, one for each: they stand on lines of their own, and a text in quotes may hold anything."""
    found: list[str] = []
    rest = actions.strip()
    while rest:
        end = _end_of_call(rest)
        found.append(rest[:end].strip())
        rest = rest[end:].strip()
    return found


def _end_of_call(text: str) -> int:
    quote, skipped = "", False
    for place, char in enumerate(text):
        if skipped:
            skipped = False
        elif char == "\\":
            skipped = True
        elif quote:
            quote = "" if char == quote else quote
        elif char in "'\"":
            quote = char
        elif char == ")":
            return place + 1
    return len(text)


_CALL = re.compile(r"(\w+)\((.*)\)", re.DOTALL)
_ARGUMENT = re.compile(r"\s*(\w+)\s*=\s*('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")\s*(?:,|$)", re.DOTALL)
_TWO = re.compile(r"\D*(-?\d+(?:\.\d+)?)\D+(-?\d+(?:\.\d+)?)\D*")
_FOUR = re.compile(r"\D*(\d+)\D+(\d+)\D+(\d+)\D+(\d+)\D*")


def _read(line: str, shown: Frame) -> tuple[Wanted, ...]:
    called = _CALL.fullmatch(line)
    if called is None:
        return (texts.unknown(f"cannot be read: {line[:60]!r} is no action"),)
    try:
        return _understood(called.group(1), _arguments(called.group(2)), shown)
    except (BadReply, ValueError, KeyError) as error:
        return (texts.unknown(f"cannot be read: {error}"),)


def _arguments(raw: str) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    while raw[place:].strip():
        one = _ARGUMENT.match(raw, place)
        if one is None:
            raise BadReply(f"{raw[place:][:60]!r} are no arguments")
        found[one.group(1)] = _unescaped(one.group(2)[1:-1])
        place = one.end()
    return found


def _understood(name: str, given: Mapping[str, str], shown: Frame) -> tuple[Wanted, ...]:
    if name in _CLICKS:
        return (Wanted(want=Want.GESTURE, gesture=Gesture(verb=_CLICKS[name]), at=_place(given, "", shown)),)
    match name:
        case "drag":
            start, end = _place(given, "start_", shown), _place(given, "end_", shown)
            return (Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.DRAG), at=start, to=end),)
        case "hotkey":
            raw = given["key"]
            gesture = Gesture(verb=Verb.HOTKEY, keys=keys.combination(raw, " " if " " in raw.strip() else "+"))
            return (Wanted(want=Want.GESTURE, gesture=gesture),)
        case "type":
            return texts.typed(given["content"])
        case "scroll" if given["direction"] in {"up", "down"}:
            amount = _A_SCROLL if given["direction"] == "down" else -_A_SCROLL
            gesture = Gesture(verb=Verb.SCROLL, amount=amount)
            return (Wanted(want=Want.GESTURE, gesture=gesture, at=_place(given, "", shown)),)
        case "wait":
            return (texts.waits(_WAIT_S),)
        case "finished":
            return (Wanted(want=Want.FINISHED, said=given.get("content", "")),)
        case "call_user":
            return (Wanted(want=Want.PERSON, said=given.get("content", "")),)
        case _:
            raise BadReply(f"{name[:40]!r} is no action that is done here")


def _place(given: Mapping[str, str], which: str, shown: Frame) -> Point:
    raw = next((given[name] for name in (f"{which}point", f"{which or 'start_'}box") if name in given), None)
    if raw is None:
        raise BadReply("no point is named")
    box = _FOUR.fullmatch(raw)
    if box is not None:
        left, top, right, bottom = (float(number) for number in box.groups())
        return shown.to_screen((left + right) / 2, (top + bottom) / 2)
    two = _TWO.fullmatch(raw)
    if two is None:
        raise BadReply(f"{raw[:40]!r} is no point")
    return shown.to_screen(float(two.group(1)), float(two.group(2)))


_ESCAPES = {"n": "\n", "t": "\t", "'": "'", '"': '"', "\\": "\\"}


def _unescaped(text: str) -> str:
    return re.sub(r"\\(.)", lambda found: _ESCAPES.get(found.group(1), found.group()), text, flags=re.DOTALL)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace("'", "\\'").replace("\n", "\\n").replace("\t", "\\t")
