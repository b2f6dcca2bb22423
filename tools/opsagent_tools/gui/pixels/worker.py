"""The process that sees: `python -m opsagent_tools.gui.pixels.worker`, with a display's environment.

It talks JSON lines with whoever started it (`opsagent_tools.gui.pixels.eyes`), over standard input and output; pictures
are PNG in base64. Of each window it keeps what it has read. When its standard input ends, it ends. Boxes are lists
of left, top, width and height, in pixels of the screen.
"""

from __future__ import annotations

import base64
import json
import os
import sys
import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Any

import cv2
import numpy as np

from opsagent_tools.gui.model import Box, Element
from opsagent_tools.gui.pixels.arrays import Image, ground, part_of
from opsagent_tools.gui.pixels.camera import Camera, png_of
from opsagent_tools.gui.pixels.ink import caret_in, drawn_in
from opsagent_tools.gui.pixels.recognising import Recogniser
from opsagent_tools.gui.pixels.regions import changed_in, is_caret, moved
from opsagent_tools.gui.pixels.seeing import View, read_line
from opsagent_tools.gui.pixels.templates import matches
from opsagent_tools.gui.pixels.words import Text

_WINDOWS = 24
_CUT = 4
"""Pixels along an edge of the screen in which a text may be cut."""
_ONE_LINE = 64
"""Pixels up to which a field is taken to hold one line."""
_Asked = dict[str, Any]


class _Seeing:
    """What can be asked for."""

    def __init__(self) -> None:
        self._camera = Camera()
        self._recogniser = Recogniser()
        self._views: OrderedDict[str, tuple[View, Box]] = OrderedDict()
        self._taken_at = 0.0
        self.known: dict[str, Callable[[_Asked], _Asked]] = {
            "watch": self._watch, "look": self._look, "same": self._same, "text": self._text, "drawn": self._drawn,
            "picture": self._picture, "alike": self._alike, "forget": self._forget, "get ready": self._get_ready,
        }  # fmt: skip

    def _get_ready(self, _: _Asked) -> _Asked:
        """Load the models that read, beside what is asked for next."""
        self._recogniser.get_ready()
        return {}

    def _watch(self, asked: _Asked) -> _Asked:
        """Take a picture of a window; say what it is like. `over`: what lies before it, which is not looked at."""
        view, place = self._shown(asked, read=False)
        if place.empty:
            return {"digest": "", "blank": True, "place": _list(place)}
        return {"digest": view.digest, "blank": view.blank, "place": _list(place)}

    def _look(self, asked: _Asked) -> _Asked:
        """Take a picture of a window and read what changed on it."""
        view, place = self._shown(asked, read=True)
        if place.empty:
            return {"digest": "", "blank": True, "place": _list(place), "elements": []}
        over = [_box(one) for one in asked.get("over", [])] + _beyond(_box(asked["box"]), place)
        elements = [_told(one, place) for one in view.elements()]
        kept = [one for one in elements if not any(_covers(each, one) for each in over)]
        return {
            "digest": view.digest,
            "blank": view.blank,
            "place": _list(place),
            "elements": kept,
            "taken_at": self._taken_at,
            "lines_read": self._recogniser.lines_read,
            "pixels_searched": self._recogniser.pixels_searched,
        }

    def _same(self, asked: _Asked) -> _Asked:
        """Say whether a part of a window still looks as when it was looked at last, carets apart."""
        known, box = self._views.get(asked["window"]), _box(asked["box"])
        if known is None:
            return {"same": False}
        view, place = known
        fresh, seen = self._camera.take(box)
        before = part_of(view.image, Box(seen.left - place.left, seen.top - place.top, seen.width, seen.height))
        if seen.empty or before.shape != fresh.shape:
            return {"same": False}
        return {"same": all(is_caret(one) for one in changed_in(before, fresh))}

    def _text(self, asked: _Asked) -> _Asked:
        """Read the text in a part of the screen, as it is now: of a field after something was typed into it."""
        image, seen = self._camera.take(_box(asked["box"]))
        if seen.empty:
            return {"text": "", "score": 0.0, "full": False, "bare": "", "digest": ""}
        digest = blake2b(image.tobytes(), digest_size=12).hexdigest()
        for one in asked.get("without", []):
            part_of(image, moved(_box(one).grown(1), Box(-seen.left, -seen.top, 0, 0)))[:] = ground(image)
        one_line = seen.height <= _ONE_LINE
        found = read_line(image, self._recogniser) if one_line else _read_all(image, self._recogniser)
        ends = (min((one.box.left for one in found), default=0), max((one.box.right for one in found), default=0))
        height = max((one.height for one in found), default=1)
        text = " ".join(one.text for one in found)
        return {
            "text": text,
            "score": min((one.score for one in found), default=1.0),
            "full": bool(found) and (ends[0] < 1 or ends[1] > seen.width - height // 2),
            "bare": self._bare(image, text) if one_line else text,
            "digest": digest,
        }

    def _bare(self, image: Image, text: str) -> str:
        """Return what a field holds beside its caret, which is read as a letter where it does not blink."""
        left, right = caret_in(image)
        if left == right:
            return text
        image[:, left:right] = ground(image)
        return " ".join(one.text for one in read_line(image, self._recogniser))

    def _drawn(self, asked: _Asked) -> _Asked:
        """Tell what is drawn in a field."""
        image, seen = self._camera.take(_box(asked["box"]))
        return {"drawn": [] if seen.empty else [_list(moved(one, seen)) for one in drawn_in(image)]}

    def _picture(self, asked: _Asked) -> _Asked:
        image, seen = self._camera.take(_box(asked["box"]))
        if seen.empty:
            return {"png": "", "box": _list(seen)}
        png = png_of(image, seen, [_box(one) for one in asked.get("black", [])])
        return {"png": base64.b64encode(png).decode(), "box": _list(seen)}

    def _alike(self, asked: _Asked) -> _Asked:
        """Look for a crop on a window as it was last seen, or in the part of it that `within` names."""
        known = self._views.get(asked["window"])
        crop = _decoded(asked["png"])
        if known is None or crop is None:
            return {"matches": []}
        view, place = known
        within = _box(asked["within"]) if "within" in asked else place
        part = Box(within.left - place.left, within.top - place.top, within.width, within.height)
        part = part.meets(Box(0, 0, view.image.shape[1], view.image.shape[0]))
        found = matches(part_of(view.image, part), crop, [float(one) for one in asked["scales"]])
        by = Box(part.left + place.left, part.top + place.top, 0, 0)
        return {
            "matches": [
                {"box": _list(moved(one.box, by)), "score": round(one.score, 4), "scale": one.scale}
                for one in found[:8]
            ]
        }

    def _forget(self, asked: _Asked) -> _Asked:
        self._views.pop(asked["window"], None)
        return {}

    def _shown(self, asked: _Asked, *, read: bool) -> tuple[View, Box]:
        """Return the view of a window with its newest picture; what lies before it stays as it was."""
        image, place = self._camera.take(_box(asked["box"]))
        self._taken_at = time.time()
        known = self._views.pop(asked["window"], None)
        view = View(self._recogniser) if known is None else known[0]
        self._views[asked["window"]] = view, place
        while len(self._views) > _WINDOWS:
            self._views.popitem(last=False)
        if not place.empty:
            by = Box(-place.left, -place.top, 0, 0)
            covered = [moved(_box(one).meets(place), by) for one in asked.get("over", [])]
            (view.show if read else view.glance)(image, covered)
        return view, place


def _read_all(image: Image, recogniser: Recogniser) -> list[Text]:
    view = View(recogniser)
    view.show(image)
    return view.texts()


def _covers(cover: Box, told: _Asked) -> bool:
    """Say whether more than an edge of an element is covered: of a text that is cut, nobody knows what it is."""
    box = _box(told["box"])
    if told["role"] == "text area":
        return cover.holds(box.center)
    shared = cover.meets(box)
    return shared.width > 1 and shared.height > 1


def _beyond(whole: Box, seen: Box) -> list[Box]:
    """Return strips along the edges of the screen that cut a window: a text there may go on beyond."""
    strips = []
    if whole.left < seen.left:
        strips.append(Box(seen.left, seen.top, _CUT, seen.height))
    if whole.right > seen.right:
        strips.append(Box(seen.right - _CUT, seen.top, _CUT, seen.height))
    if whole.top < seen.top:
        strips.append(Box(seen.left, seen.top, seen.width, _CUT))
    if whole.bottom > seen.bottom:
        strips.append(Box(seen.left, seen.bottom - _CUT, seen.width, _CUT))
    return strips


def _told(one: Element, place: Box) -> _Asked:
    return {
        "id": one.id, "role": one.role, "name": one.name, "box": _list(moved(one.box, place)), "value": one.value,
        "label": one.label, "states": sorted(one.states), "score": round(one.score, 3),
    }  # fmt: skip


def _box(numbers: Sequence[int]) -> Box:
    left, top, width, height = numbers
    return Box(left, top, width, height)


def _list(box: Box) -> list[int]:
    return [box.left, box.top, box.width, box.height]


def _decoded(png: str) -> Image | None:
    raw = np.frombuffer(base64.b64decode(png), dtype=np.uint8)
    image = cv2.imdecode(raw, cv2.IMREAD_COLOR) if raw.size else None
    return None if image is None else np.asarray(image, dtype=np.uint8)


def main() -> int:
    """Answer until standard input ends."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print is no answer
    cv2.setNumThreads(1)
    try:
        seeing = _Seeing()
    except Exception as error:  # noqa: BLE001 # whatever it is, whoever asks is told
        _answer(answers, {"error": f"{type(error).__name__}: {error}"})
        return 1
    _answer(answers, {"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            _answer(answers, seeing.known[asked["do"]](asked))
        except Exception as error:  # noqa: BLE001
            _answer(answers, {"error": f"{type(error).__name__}: {error}"})
    return 0


def _answer(out: Any, answer: _Asked) -> None:
    out.write(json.dumps(answer) + "\n")
    out.flush()


if __name__ == "__main__":
    code = main()
    sys.stderr.flush()
    os._exit(code)  # models that are still being loaded are not waited for
