"""Find the target of a step among the elements of a look, or say why not. Pure: a fingerprint and elements in, a place out.

A wrong place is worse than none. So the target must be called what it was called (as people read names), be the only one,
or be told from the others of its name by what is around it: its label, its container, its anchor, its neighbours. What
fits less well by less than `MARGIN` counts as found twice. What is called right but stands among strangers is not taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from opsagent_tools.gui.matching.absent import instead
from opsagent_tools.gui.matching.anchors import anchors_seen, left_its_line, points_to
from opsagent_tools.gui.matching.candidates import candidates
from opsagent_tools.gui.matching.evidence import STRONG, Evidence, has_tag, weigh
from opsagent_tools.gui.matching.meaning import same_field
from opsagent_tools.gui.matching.names import NOT, same
from opsagent_tools.gui.matching.phrases import phrases
from opsagent_tools.gui.matching.renamed import renamed
from opsagent_tools.gui.matching.roles import CHOICES, EXACT, FIELDS, RANGES, SECRET, STATIC, suits, usable
from opsagent_tools.gui.matching.scene import Scene, enabled, seen
from opsagent_tools.gui.model import Element, Fingerprint, Located, Look, NotLocated, Point, Rung, SurfaceKind

MARGIN = 0.1
"""By so much the best must be better than the second."""
LEAST = 0.55
"""Below this score nothing is taken."""
LEAST_CONTEXT = 0.34
"""So much of what was around the target must be around it still, where the fingerprint tells of it."""

_LABEL_AND_MORE = re.compile(r"[^\W\d]\s*[:：]\s*\w")
_WHOLES = frozenset({"text area", "document", "editor", "terminal", "canvas", "list", "tree", "table"})
_TOLD = 40
"""So many places are told where none is taken: another way to look may know which of them it is."""
_SOME = 3
"""So many neighbours at least make a sign of their own."""


def locate(fingerprint: Fingerprint, look: Look) -> Located | NotLocated:
    """Return where the fingerprint's target is in `look`, or why nothing is done. Never guesses."""
    if look.blank:
        return NotLocated(reason="blank", why="nothing is drawn on the window yet")
    if not (fingerprint.role or fingerprint.name or fingerprint.label or fingerprint.anchor):
        return NotLocated(reason="missing", why="nothing says what is meant: the step has no target, describe it")
    scene = Scene(look)
    if scene.read and fingerprint.role in STATIC and _LABEL_AND_MORE.search(fingerprint.name):
        why = (
            f"{fingerprint.said} was read as one, and is a label with something beside it: where to press is not known"
        )
        return _no("unsure", why, (), scene)
    found = candidates(fingerprint, scene)
    if not found:
        return _without_name(fingerprint, scene)
    found.sort(key=lambda one: -one.score)
    visible = [one for one in found if seen(one.element)]
    if not visible:
        return _no("hidden", f"{fingerprint.said} is there, but not shown", found, scene)
    best, rest = visible[0], visible[1:]
    margin = best.score - rest[0].score if rest else 1.0
    if rest and (refused := _not_told_apart(fingerprint, best, rest, scene)):
        return refused
    return _checked(fingerprint, best, margin, scene, visible)


def _checked(
    fingerprint: Fingerprint, best: Evidence, margin: float, scene: Scene, found: Sequence[Evidence]
) -> Located | NotLocated:
    """Return the best as the place, unless what is around it speaks against it, or it cannot be used."""
    context = best.context
    if context is not None and context < LEAST_CONTEXT and "label" not in best.values:
        return _no("unsure", f"one {fingerprint.said} is there, but what was around it is not", found, scene)
    if fingerprint.twins and not any(best.values.get(one, NOT) >= 0.5 for one in ("within", "anchor")):
        why = f"there were {fingerprint.twins + 1} called {fingerprint.said}, and nothing tells which this is"
        return _no("unsure", why, found, scene)
    if fingerprint.twins and "within" in best.unknown and not _read_there(fingerprint.within, scene):
        why = f"{fingerprint.said} is there, but “{fingerprint.within}”, which it was in, is not"
        return _no("unsure", why, found, scene)
    if beside := left_its_line(fingerprint, best.element, scene):
        return _no("unsure", f"{fingerprint.said} is there, but not beside “{beside}”", found, scene)
    if best.value("within") == NOT and (why := _elsewhere(fingerprint, best, scene)):
        return _no("unsure", why, found, scene)
    if scene.read and not _looks_right(fingerprint, best.element.role):
        why = f"“{fingerprint.name or fingerprint.label}” is read, but it looks like a {best.element.role} and not like a {fingerprint.looks}"
        return _no("unsure", why, found, scene)
    if _by_tag(fingerprint, best) and scene.says(fingerprint.name):
        why = f"the row “{fingerprint.label}” is called “{best.element.name}” now, and “{fingerprint.name}” is another one"
        return _no("disagreeing", why, found, scene)
    if best.score < LEAST:
        return _no(
            "unsure", f"what looks most like {fingerprint.said} fits too little ({best.score:.2f})", found, scene
        )
    if not enabled(best.element):
        return _no("disabled", f"{fingerprint.said} cannot be used now: it is greyed out", found, scene)
    point = scene.free_point(best.element)
    if point is None:
        return _no("hidden", f"{fingerprint.said} is covered by something else", found, scene)
    return _located(fingerprint, best, point, margin, scene)


def _not_told_apart(
    fingerprint: Fingerprint, best: Evidence, rest: Sequence[Evidence], scene: Scene
) -> NotLocated | None:
    """Return why the best is not surely another one than the rest, or None where it is."""
    for other in rest:
        against = [one for one in STRONG if other.value(one) > best.value(one) + 0.4]
        if against:
            why = f"two are called {fingerprint.said}, and what is around them disagrees ({', '.join(against)})"
            return _no("disagreeing", why, (best, *rest), scene)
        telling = STRONG if fingerprint.twins or scene.read else (*STRONG, "neighbours")
        better = [one for one in telling if best.value(one) >= other.value(one) + _enough(one)]
        if _looks_more_like_it(fingerprint, best, other, scene):
            better.append("role")
        if not better or (best.score - other.score < MARGIN and better != ["role"]):
            why = f"{fingerprint.said} is there {len(rest) + 1} times, and nothing tells them apart"
            return _no("ambiguous", why, (best, *rest), scene)
    return None


def _looks_right(fingerprint: Fingerprint, role: str) -> bool:
    """Tell whether the shape is the recorded one, as far as there was one: a bare text may be the name of anything."""
    return fingerprint.looks in {"", "text", role} or (fingerprint.looks in FIELDS and role in FIELDS)


def _looks_more_like_it(fingerprint: Fingerprint, best: Evidence, other: Evidence, scene: Scene) -> bool:
    """Tell whether its role speaks for the best: always where it is told; read from a shape, only with what is around it."""
    if best.value("role") <= other.value("role"):
        return False
    return not scene.read or (
        best.element.role == fingerprint.looks and best.value("neighbours") >= other.value("neighbours")
    )


def _enough(kind: str) -> float:
    return {"neighbours": 0.6, "anchor": 0.5, "within": 0.5, "label": 0.2, "name": 0.05}[kind]


def _elsewhere(fingerprint: Fingerprint, best: Evidence, scene: Scene) -> str:
    """Return why a target that is not in its container is not taken; empty where the container got a few words more."""
    if not fingerprint.within:
        inside = scene.container(best.element)
        return (
            f"{fingerprint.said} is in “{inside.name}” now, where it was not"
            if inside and not fingerprint.twins
            else ""
        )
    if scene.says(fingerprint.within):
        return f"{fingerprint.said} is there, but not in “{fingerprint.within}”"
    container = scene.container(best.element)
    longer = container is not None and same_field(fingerprint.within, container.name)
    if not longer or best.values.get("neighbours", 0.0) < 0.6:
        return f"{fingerprint.said} is there, but “{fingerprint.within}”, which it was in, is not"
    return ""


def _read_there(name: str, scene: Scene) -> bool:
    return scene.says(name) or bool(phrases(scene.elements, name))


def _without_name(fingerprint: Fingerprint, scene: Scene) -> Located | NotLocated:
    """Find what is called otherwise, or has no name: by its anchor, or by everything around it."""
    only = _the_only_one(fingerprint, scene)
    if scene.read or not (fingerprint.name or fingerprint.label):
        placed = _by_anchor(fingerprint, scene)
        # A text that was read near by need not be its label: where it leads nowhere, it says nothing against the only one.
        large = only is not None and fingerprint.role in _WHOLES  # its middle is elsewhere in every size
        if placed is not None and (only is None or (scene.read and not large) or isinstance(placed, Located)):
            return placed
    if only is not None:
        return only
    if (other := renamed(fingerprint, scene)) is not None and (point := scene.free_point(other.element)) is not None:
        return Located(
            point=point,
            box=other.element.box,
            rung=_rung(scene),
            element=other.element,
            score=other.score,
            margin=other.score,
            drift=other.drift,
            why=other.why,
        )
    return _no("missing", f"nothing on the window is {fingerprint.said}{instead(fingerprint, scene)}", (), scene)


def _the_only_one(fingerprint: Fingerprint, scene: Scene) -> Located | None:
    """Return what was known by nothing but its role: the one large part (an editor's text, a list), the one field without
    a name, where the program tells names.
    """
    if fingerprint.name or fingerprint.label or len(fingerprint.neighbours) < _SOME:
        return None
    alike = [one for one in scene.elements if one.role == fingerprint.role and seen(one)]
    if fingerprint.role not in _WHOLES:
        if scene.read or fingerprint.role not in FIELDS:
            return None
        alike = [one for one in alike if not one.label and (not one.name or one.name == one.value)]
    if len(alike) != 1 or not enabled(alike[0]) or fingerprint.twins:
        return None
    best = weigh(fingerprint, alike[0], {"role": EXACT}, scene)
    point = scene.free_point(alike[0])
    if point is None or best.value("within") == NOT or best.values.get("neighbours", NOT) < 0.6:
        return None
    return _located(fingerprint, best, point, 1.0, scene)


def _by_anchor(fingerprint: Fingerprint, scene: Scene) -> Located | NotLocated | None:
    """Return the place that the anchor leads to, where its text is read once; None where there is no anchor or no text."""
    anchor = fingerprint.anchor
    if anchor is None or (
        scene.read and fingerprint.name and fingerprint.role not in FIELDS | RANGES | SECRET | CHOICES
    ):
        return None  # pixels show the name of a button: where it is not read, the button is not there
    texts = anchors_seen(anchor, scene)
    if len(texts) != 1:
        return _no("ambiguous", f"“{anchor.text}” is read {len(texts)} times", (), scene) if texts else None
    point = points_to(anchor, texts[0])
    there = [
        one for one in scene.elements if seen(one) and one.box.holds(point) and one.id not in texts[0].id.split("+")
    ]
    fits = [one for one in there if suits(fingerprint.role, one) and usable(one.role)]
    fits.sort(key=lambda one: one.box.width * one.box.height)
    if fits:
        return _anchored(fingerprint, fits[0], scene)
    # A bare place is none: beside a text of that name in another form is nothing, or something else.
    return _no("unsure", f"“{anchor.text}” does not lead to a {fingerprint.role or 'control'}", (), scene)


def _anchored(fingerprint: Fingerprint, element: Element, scene: Scene) -> Located | NotLocated:
    told = element.label if element.role in FIELDS | RANGES | SECRET else element.name
    wanted = fingerprint.label or fingerprint.name
    if wanted and told and not same(wanted, told, read=scene.read):
        return _no("disagreeing", f"its anchor leads to “{told}”, not to “{wanted}”", (), scene)
    if not enabled(element):
        return _no("disabled", f"{fingerprint.said} cannot be used now", (), scene)
    point = scene.free_point(element)
    if point is None:
        return _no("hidden", f"{fingerprint.said} is covered by something else", (), scene)
    nearby = weigh(fingerprint, element, {"role": suits(fingerprint.role, element)}, scene).values.get(
        "neighbours", 1.0
    )
    if nearby < LEAST_CONTEXT:
        return _no("unsure", f"its anchor leads to a {element.role}, but what was around it is not there", (), scene)
    return Located(
        point=point,
        box=element.box,
        rung=_rung(scene),
        element=element,
        score=0.8,
        margin=0.8,
        why="where its anchor leads",
    )


def _located(fingerprint: Fingerprint, best: Evidence, point: Point, margin: float, scene: Scene) -> Located:
    told = [one for one in ("name", "label", "within", "anchor", "neighbours") if best.values.get(one, 0.0) >= 0.5]
    drift = [one for one in ("within", "neighbours") if best.values.get(one, 1.0) < 0.34]
    if 0 < best.values.get("role", 1.0) < 0.7 and not scene.read:
        drift.append("role")
    if _by_tag(fingerprint, best):
        drift.append("name")
    return Located(
        point=point,
        box=best.element.box,
        rung=_rung(scene),
        element=best.element,
        score=round(min(1.0, best.score * min(1.0, best.element.score + 0.2)), 3),
        margin=round(min(1.0, margin), 3),
        agreeing=(Rung.TEXT,) if _agrees(fingerprint, best, scene) else (),
        drift=tuple(drift),
        why=f"by its {', '.join(told)}" if told else "the only one",
    )


def _by_tag(fingerprint: Fingerprint, best: Evidence) -> bool:
    """Tell whether it is called otherwise than it was, and known by its tag alone."""
    return bool(fingerprint.name) and "name" not in best.values and has_tag(best.element)


def _agrees(fingerprint: Fingerprint, best: Evidence, scene: Scene) -> bool:
    """Tell whether something else than its own name came to the same place by itself: its anchor, or all that is around it.

    On pixels the second counts only for what has the shape that it had: two ways to read one picture.
    """
    if best.values.get("anchor", NOT) >= 0.5:
        return True
    if len(fingerprint.neighbours) < _SOME or best.values.get("neighbours", NOT) < 0.6:
        return False
    return best.values.get("role") == EXACT and (not scene.read or best.element.role == fingerprint.looks)


def _rung(scene: Scene) -> Rung:
    return Rung.TEXT if scene.look.source is SurfaceKind.PIXEL else Rung.STRUCTURE


def _no(reason: str, why: str, found: Sequence[Evidence], scene: Scene) -> NotLocated:
    places = tuple(
        Located(
            point=one.element.box.center,
            box=one.element.box,
            rung=_rung(scene),
            element=one.element,
            score=round(one.score, 3),
            margin=0.0,
        )
        for one in found[:_TOLD]
    )
    near = ", ".join(one.name for one in scene.named[:12] if one.role not in STATIC or scene.read)
    return NotLocated(reason=reason, why=why, candidates=places, seen={_rung(scene).value: near} if near else {})
