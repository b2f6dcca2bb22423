"""What is called like the target, with what speaks for each: every place once. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent_tools.gui.matching.evidence import Evidence, identified, inside, weigh
from opsagent_tools.gui.matching.names import NOT
from opsagent_tools.gui.matching.phrases import phrases
from opsagent_tools.gui.matching.roles import FIELDS, RANGES, SECRET, usable
from opsagent_tools.gui.matching.scene import Scene, seen
from opsagent_tools.gui.model import Element, Fingerprint

_MANY = 12
"""Of so many of one name each is weighed; more that are alike can only be told apart by where they are."""


def candidates(fingerprint: Fingerprint, scene: Scene) -> list[Evidence]:
    """Return all that is called like the target, each place once."""
    elements: list[Element] = [one for one in scene.elements if not one.box.empty or not seen(one)]
    if scene.read and fingerprint.name and fingerprint.role not in FIELDS | RANGES | SECRET:
        joined = [one for one, _ in phrases(scene.elements, fingerprint.name)]
        kept = {one.id for one in joined}
        elements = joined + [one for one in elements if one.role != "text" and one.id not in kept]
    if not (fingerprint.name or fingerprint.label):
        return []
    called = [(one, own) for one in elements if (own := identified(fingerprint, one, scene)) is not None]
    if len(called) > _MANY:  # a button in each row of a long table: only those of the right row are looked at closely
        there = [(one, own) for one, own in called if (inside(fingerprint, one, scene) or NOT) >= 0.5]
        called = there or called
    if len(called) > _MANY:  # nothing that is around them is going to tell so many apart
        return _each_once([Evidence(one, own) for one, own in called], scene)
    return _each_once([weigh(fingerprint, one, own, scene) for one, own in called], scene)


def _each_once(found: Sequence[Evidence], scene: Scene) -> list[Evidence]:
    """Return them without those that are a part of another under the same name: a button and the text in it are one."""
    kept: list[Evidence] = []
    for one in sorted(found, key=lambda each: (-each.score, -each.element.box.width * each.element.box.height)):
        if not any(_one_thing(one.element, other.element, scene) for other in kept):
            kept.append(one)
    return kept


def _one_thing(left: Element, right: Element, scene: Scene) -> bool:
    if not (seen(left) and seen(right)):
        return False
    small, big = sorted((left, right), key=lambda one: one.box.width * one.box.height)
    if scene.holds(big, small):
        return not (usable(big.role) and usable(small.role) and big.role != small.role) or big.box == small.box
    shared = small.box.meets(big.box)
    return not shared.empty and shared.width * shared.height > 0.7 * small.box.width * small.box.height
