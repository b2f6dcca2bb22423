"""A target whose name changed: known again by its role and everything around it, or not at all."""

from __future__ import annotations

from dataclasses import dataclass

from opsagent_tools.gui.matching.meaning import other_words_for, same_button, same_field
from opsagent_tools.gui.matching.names import plain, same
from opsagent_tools.gui.matching.risky import risky_words
from opsagent_tools.gui.matching.roles import FIELDS, IN_MENUS, PRESSED, RANGES, TABS, usable
from opsagent_tools.gui.matching.scene import Scene, enabled, seen
from opsagent_tools.gui.matching.telling import tells
from opsagent_tools.gui.model import Element, Fingerprint

_LEAST_NEIGHBOURS = 2


@dataclass(frozen=True, slots=True)
class Renamed:
    """An element that is most likely the target under another name."""

    element: Element
    score: float
    drift: tuple[str, ...]
    why: str


def renamed(fingerprint: Fingerprint, scene: Scene) -> Renamed | None:
    """Return the one element that must be the target under a new name, or None.

    No control is called what it was called, and it is the only one of its role in its container that is not known as a
    neighbour. Its new name is another word for the old one; or it is at the same place among as many, with what was beside
    it beside it still, and its new name has a few words more or less that mean nothing else: what is called otherwise may
    be something else (a `Start` that is now called `Stop` stands where it stood). What is risky by either name is never
    taken.
    """
    old = fingerprint.label or fingerprint.name
    if scene.read or not _may_be_renamed(fingerprint) or risky_words(old):
        return None
    strangers = [one for one in scene.elements if _stranger(one, fingerprint, scene)]
    if any(_controls(one, fingerprint) for one in scene.elements):
        return None
    likely = _by_other_words(old, strangers, fingerprint, scene) or _by_its_place(old, strangers, fingerprint, scene)
    if likely is None or risky_words(likely.element.label or likely.element.name):
        return None
    return likely


def _by_other_words(old: str, strangers: list[Element], fingerprint: Fingerprint, scene: Scene) -> Renamed | None:
    # Where there is another stranger, that one may be it, and this one new.
    if len(strangers) != 1 or _kept(fingerprint, strangers[0], scene) < 0.5:
        return None
    new = strangers[0].label or strangers[0].name
    if not other_words_for(old, new):
        return None
    return Renamed(strangers[0], 0.72, _drift(fingerprint), f"“{old}” is called “{new}” now")


def _by_its_place(old: str, strangers: list[Element], fingerprint: Fingerprint, scene: Scene) -> Renamed | None:
    if len(strangers) != 1 or scene.place(strangers[0]) != fingerprint.place:
        return None
    if any(scene.says(one) for one in (fingerprint.name, fingerprint.label) if one):
        return None
    one, new = strangers[0], strangers[0].label or strangers[0].name
    kept = _kept(fingerprint, one, scene)
    if fingerprint.role in FIELDS | RANGES:
        # Any other name, even where nothing else changed, may be another field: a form of months turned into one of weeks.
        if same_field(old, new) and kept >= 0.8:
            return Renamed(one, 0.75, _drift(fingerprint), f"“{old}” is called “{new}” now; all around it is as it was")
    elif same_button(old, new) and kept >= 0.8:
        return Renamed(one, 0.7, _drift(fingerprint), f"“{old}” is called “{new}” now, which means the same")
    return None


def _drift(fingerprint: Fingerprint) -> tuple[str, ...]:
    return ("label",) if fingerprint.label else ("name",)


def _controls(one: Element, fingerprint: Fingerprint) -> bool:
    """Tell whether something that can be used still has the old name, so that nothing was renamed."""
    old = {plain(name) for name in (fingerprint.name, fingerprint.label) if name}
    return usable(one.role) and seen(one) and bool(old & {plain(name) for name in (one.name, one.label) if name})


def _may_be_renamed(fingerprint: Fingerprint) -> bool:
    if fingerprint.role not in FIELDS | RANGES | PRESSED | IN_MENUS | TABS or not fingerprint.place[0]:
        return False
    return len(fingerprint.neighbours) >= _LEAST_NEIGHBOURS


def _stranger(one: Element, fingerprint: Fingerprint, scene: Scene) -> bool:
    """Tell whether it has the target's role, can be used, and is none of the neighbours that are known."""
    if one.role != fingerprint.role or not seen(one) or not enabled(one) or "secret" in one.states:
        return False
    known = {plain(name) for name in fingerprint.neighbours}
    own = {plain(name) for name in (one.name, one.label) if name and name != one.value}
    if not own or own & known:
        return False
    container = scene.container(one)
    if fingerprint.within:
        return any(same(fingerprint.within, name) for name in scene.containers(one))
    return container is None


def _kept(fingerprint: Fingerprint, one: Element, scene: Scene) -> float:
    """Return which part of the neighbours is still around it."""
    wanted = [name for name in fingerprint.neighbours if tells(name)]
    near = set(scene.around(one, len(wanted) + 2))
    return sum(plain(name) in near for name in wanted) / len(wanted) if wanted else 0.0
