"""Targets that have no text: found by how they look, if that is sure, and the only place that looks so.

The least score and margin were chosen on one half of the stock programs and tried on the other. Scores tell little there
(wrong places had up to 0.99), the margin tells much: no wrong place was 0.15 better than the next one.
"""

from __future__ import annotations

from dataclasses import replace

from opsagent_tools.gui.model import Box, Element, Fingerprint, Located, Look, NotLocated, Rung, SurfaceKind
from opsagent_tools.gui.pixels.eyes import Eyes

LEAST = 0.75
"""Correlation of the contours below which nothing is taken."""
MARGIN = 0.2
"""By so much the best place must be better than the second."""
_AGREES = 0.6
_STEPS = (0.8, 0.9, 1.0, 1.1, 1.25)
_RATIOS = (0.5, 0.67, 1.5, 1.75, 2.0)
"""Other sizes that programs give their icons, whatever the text does."""


def scales_of(fingerprint: Fingerprint, look: Look) -> tuple[float, ...]:
    """Return the sizes to look for, by size of the crop: as the text has grown since, and as it was."""
    heights = sorted(one.box.height for one in look.elements if one.role == "text" and len(one.name) > 1)
    line = heights[len(heights) // 2] if heights else 0
    ratio = line / fingerprint.text_height if fingerprint.text_height > 0 and line else 1.0
    wanted = {*(round(ratio * step, 2) for step in _STEPS), *_STEPS, *_RATIOS}
    return tuple(sorted(one for one in wanted if 0.3 <= one <= 3.0))


async def by_crop(
    fingerprint: Fingerprint, crop: bytes, eyes: Eyes, look: Look, instead: NotLocated
) -> Located | NotLocated:
    """Return the one place that looks like the crop; else `instead`, with what was seen."""
    found = await eyes.alike(look.window.id, crop, scales_of(fingerprint, look))
    if not found or found[0].score < LEAST:
        most = f"{found[0].score:.2f}" if found else "nothing"
        return replace(instead, seen={**instead.seen, "template": f"most alike: {most}, wanted: {LEAST}"})
    best, second = found[0], found[1].score if len(found) > 1 else 0.0
    candidates = tuple(_located(one.box, one.score, one.score - second, None) for one in found[:3])
    if best.score - second < MARGIN:
        return NotLocated(
            reason="ambiguous",
            why=f"{fingerprint.said} looks like two places ({best.score:.2f} and {second:.2f})",
            candidates=candidates,
        )
    known = [one for one in look.elements if one.box.holds(best.box.center)]
    element = min(known, key=lambda one: one.box.width * one.box.height, default=None)
    if element is not None and element.score >= 0.9 and len(element.name) > 2:
        return NotLocated(
            reason="disagreeing",
            why=f"{fingerprint.said} looks like a place that reads “{element.name}”",
            candidates=candidates,
        )
    icon = Element(
        id=f"icon@{best.box.left},{best.box.top}", role=fingerprint.role or "icon", name="", box=best.box,
        states=frozenset({"visible", "enabled"}), source=SurfaceKind.PIXEL, score=best.score,
    )  # fmt: skip
    return _located(best.box, best.score, best.score - second, icon)


async def agreeing(found: Located, fingerprint: Fingerprint, crop: bytes, eyes: Eyes, look: Look) -> Located:
    """Return what the texts found, with the template as a second signal where the crop is there, too."""
    around = found.box.grown(max(8, found.box.height // 2))
    menu = found.element.id.rpartition("/")[0].rpartition("+")[2] if found.element is not None else ""
    places = await eyes.alike(menu or look.window.id, crop, scales_of(fingerprint, look), around)
    if places and places[0].score >= _AGREES and Rung.TEMPLATE not in found.agreeing:
        return replace(found, agreeing=(*found.agreeing, Rung.TEMPLATE))
    return found


def _located(box: Box, score: float, margin: float, element: Element | None) -> Located:
    return Located(
        point=box.center, box=box, rung=Rung.TEMPLATE, element=element, score=score, margin=max(0.0, margin),
        why="it looks like its crop",
    )  # fmt: skip
