"""A target whose name changed: known again by its role and everything around it, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from opsagent_tools.gui.matching.meaning import same_button, same_field
from opsagent_tools.gui.matching.names import plain, same
from opsagent_tools.gui.matching.roles import FIELDS, IN_MENUS, PRESSED, RANGES, TABS
from opsagent_tools.gui.matching.scene import Scene, enabled, seen
from opsagent_tools.gui.model import Element, Fingerprint
from opsagent_tools.gui.risk import risky_words

_LEAST_NEIGHBOURS, _LEAST_SIBLINGS = 2, 3


@dataclass(frozen=True, slots=True)
class Renamed:
    """An element that is most likely the target under another name."""

    element: Element
    score: float
    drift: tuple[str, ...]
    why: str


def renamed(fingerprint: Fingerprint, scene: Scene) -> Renamed | None:
    """Return the one element that must be the target under a new name, or None.

    It must be the only one of its role in its container that the fingerprint does not know as a neighbour; the old name is
    seen nowhere; it is at the same place among as many; what was beside it still is. A field may then be called anything,
    a button only something that means the same (a `Start` that is now called `Stop` is where it was), a risky one nothing.
    """
    if scene.read or not _may_be_renamed(fingerprint, scene):
        return None
    strangers = [one for one in scene.elements if _stranger(one, fingerprint, scene)]
    if len(strangers) != 1:
        return None
    one = strangers[0]
    old, new = fingerprint.label or fingerprint.name, one.label or one.name
    if fingerprint.within and not any(same(fingerprint.within, name) for name in scene.containers(one)):
        return None
    if scene.place(one) != fingerprint.place or risky_words(new) or risky_words(old):
        return None
    kept = _kept(fingerprint, one, scene)
    drift = ("label",) if fingerprint.label else ("name",)
    if fingerprint.role in FIELDS | RANGES:
        if same_field(old, new) and kept >= 0.8:
            return Renamed(one, 0.75, drift, f"“{old}” is called “{new}” now; all around it is as it was")
        if _nothing_else_changed(fingerprint, one, scene):
            return Renamed(one, 0.65, drift, f"“{old}” is gone and “{new}” is where it was; nothing else changed")
    elif same_button(old, new) and kept >= 0.8:
        return Renamed(one, 0.7, drift, f"“{old}” is called “{new}” now, which means the same")
    return None


def _may_be_renamed(fingerprint: Fingerprint, scene: Scene) -> bool:
    if fingerprint.role not in FIELDS | RANGES | PRESSED | IN_MENUS | TABS or not fingerprint.place[0]:
        return False
    if len(fingerprint.neighbours) < _LEAST_NEIGHBOURS:
        return False
    return not any(scene.says(one) for one in (fingerprint.name, fingerprint.label) if one)


def _stranger(one: Element, fingerprint: Fingerprint, scene: Scene) -> bool:
    """Tell whether it has the target's role, can be used, and is none of the neighbours that are known."""
    if one.role != fingerprint.role or not seen(one) or not enabled(one) or "secret" in one.states:
        return False
    known = {plain(name) for name in fingerprint.neighbours}
    own = {plain(name) for name in (one.name, one.label) if name and name != one.value}
    if not own or own & known:
        return False
    container = scene.container(one)
    return not fingerprint.within or container is None or same(fingerprint.within, container.name) > 0


def _kept(fingerprint: Fingerprint, one: Element, scene: Scene) -> float:
    """Return which part of the neighbours is still around it."""
    near = set(scene.around(one, len(fingerprint.neighbours) + 2))
    return sum(plain(name) in near for name in fingerprint.neighbours) / len(fingerprint.neighbours)


def _nothing_else_changed(fingerprint: Fingerprint, one: Element, scene: Scene) -> bool:
    """Tell whether what is around it is what was around the target, no more and no less, and others of its role vouch for it."""
    if fingerprint.place[1] < _LEAST_SIBLINGS:
        return False
    return set(scene.around(one, len(fingerprint.neighbours))) == {plain(name) for name in fingerprint.neighbours}
