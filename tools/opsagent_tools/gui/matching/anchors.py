"""Find a place by a text near it: the anchor, with an offset that grows with the text's height."""

from __future__ import annotations

import math

from opsagent_tools.gui.matching.names import NOT, same
from opsagent_tools.gui.matching.phrases import phrases
from opsagent_tools.gui.matching.roles import CONTAINERS, FIELDS, PRESSED, RANGES, STATIC
from opsagent_tools.gui.matching.scene import Scene, seen
from opsagent_tools.gui.model import Anchor, Element, Fingerprint, Point

_ON_THE_LINE = 0.5
"""Heights of an anchor's text, up or down, within which a target is on its line."""
_WIDE = 3.0
"""From so many times as wide as high on, an offset ends near the edge of the target and not in its middle."""


def anchor_of(text: Element, target: Element) -> Anchor:
    """Return the way from the centre of `text` to the place in `target` that stays where it is when forms stretch."""
    height = max(1, text.box.height)
    end = _steady_point(text, target)
    here = text.box.center
    return Anchor(text=text.name, dx=round((end.x - here.x) / height, 2), dy=round((end.y - here.y) / height, 2))


def anchors_seen(anchor: Anchor, scene: Scene) -> list[Element]:
    """Return the texts that read as the anchor."""
    if scene.read:
        return [one for one, _ in phrases(scene.elements, anchor.text)]
    return [
        one
        for one in scene.elements
        if seen(one) and same(anchor.text, one.name) > NOT and one.role not in FIELDS and one.role not in CONTAINERS
    ]


def points_to(anchor: Anchor, text: Element) -> Point:
    """Return where the offset leads from `text`."""
    height, here = max(1, text.box.height), text.box.center
    return Point(here.x + round(anchor.dx * height), here.y + round(anchor.dy * height))


def left_its_line(fingerprint: Fingerprint, element: Element, scene: Scene) -> str:
    """Return the text beside which the only one of a name stood and `element` does not: another row may be told that now.

    Empty where it stands there still, or nothing says that it stood beside a text.
    """
    anchor = fingerprint.anchor
    if anchor is None or fingerprint.twins or not fingerprint.name or abs(anchor.dy) >= _ON_THE_LINE:
        return ""
    if fingerprint.role not in PRESSED | STATIC:
        return ""
    texts = [one.box for one in anchors_seen(anchor, scene)]
    there = any(one.top < element.box.bottom and element.box.top < one.bottom for one in texts)
    return "" if there else anchor.text


def agreement(anchor: Anchor, element: Element, scene: Scene) -> float | None:
    """Return 1 where the anchor leads into `element`, 0 where it leads elsewhere, None where it is not seen."""
    texts = anchors_seen(anchor, scene)
    if not texts:
        return None
    return max(_led(anchor, text, element) for text in texts)


def _led(anchor: Anchor, text: Element, element: Element) -> float:
    height = max(1, text.box.height)
    at, box = points_to(anchor, text), element.box
    out = math.hypot(max(0, box.left - at.x, at.x - box.right + 1), max(0, box.top - at.y, at.y - box.bottom + 1))
    # Half a line beside it may still be rounding and padding, which does not grow with the font.
    return max(0.0, 1.0 - out / height) if out else 1.0


def _steady_point(text: Element, target: Element) -> Point:
    box, middle = target.box, target.box.center
    if box.width < _WIDE * max(1, box.height) or target.role not in FIELDS | RANGES:
        return middle
    inset = max(2, box.height)
    if text.box.center.x <= box.left + inset:
        return Point(box.left + inset, middle.y)
    if text.box.center.x >= box.right - inset:
        return Point(box.right - inset, middle.y)
    return Point(min(max(text.box.center.x, box.left + inset), box.right - inset), middle.y)
