"""What is asked of a step before it is done: is it risky, is its target sure enough for that, may a secret go there. Pure."""

from __future__ import annotations

from opsagent_tools.gui.finding import Found
from opsagent_tools.gui.matching.names import same
from opsagent_tools.gui.matching.risky import risky_words
from opsagent_tools.gui.matching.roles import AREAS, CHOICES, IN_LISTS, IN_MENUS, PRESSED, SECRET, is_on
from opsagent_tools.gui.model import Element, Located, Look, Rung, SurfaceKind, Verb
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.secret_words import asks_for_secret

_ENTER = frozenset({"return", "enter", "kp_enter"})
_ENTERS_TOO = ({"ctrl", "m"}, {"ctrl", "j"})
"""What a terminal sends for Enter."""
_IDENTITY = frozenset({"name", "label", "within", "role"})


def is_same(was: Found, now: Found) -> bool:
    """Tell whether both are the same target: what a person said yes to."""
    if was.window.id != now.window.id or was.window.pid != now.window.pid:
        return False
    if was.at is None or now.at is None:
        return was.at is None and now.at is None
    one, other = was.at.element, now.at.element
    if one is None or other is None:
        return was.at.box == now.at.box
    return (one.role, one.name, one.label) == (other.role, other.name, other.label)


def not_sure_enough(at: Located) -> str:
    """Return why a place is not sure enough for a risky step; empty where it is: two rungs agree, and nothing of it changed."""
    changed = _IDENTITY & set(at.drift)
    if changed:
        return f"its {' and '.join(sorted(changed))} is not what it was"
    if not set(at.agreeing) - {Rung.VISION}:
        return "only one sign says that it is the right one"
    return ""


def pressed_unseen(step: ScreenStep, look: Look) -> str:
    """Return why keys need approval for what they would press: the button that has the focus, the dialog's default, the row
    that is lit on a terminal, or what has just that key. Pixels do not tell who has the keys: there it may be any button.
    """
    for one in pressed_by(step, look):
        if found := risky_words(one.name):
            sure = look.source is not SurfaceKind.PIXEL
            if sure or step.risky is not False:
                return f"it {'presses' if sure else 'may press'} “{one.name}” ({found})"
    return ""


def pressed_by(step: ScreenStep, look: Look) -> tuple[Element, ...]:
    """Return what the keys of a step would press, as far as that is seen."""
    keys = frozenset(one.casefold() for one in step.gesture.keys) if step.gesture.verb is Verb.HOTKEY else frozenset()
    enters = bool(keys & _ENTER) or keys in _ENTERS_TOO or _types_enter(step)
    presses = enters or keys in ({"space"}, {" "})
    return tuple(
        one
        for one in look.elements
        if (presses and _may_be_pressed(one, step, look, enters=enters)) or _has_that_key(one, step, keys, look)
    )


def pressed_there(step: ScreenStep, found: Found) -> list[tuple[str, str]]:
    """Return what keys would press: the same, whatever else moves on the screen. Pixels show too little of it."""
    if found.surface.kind is SurfaceKind.PIXEL:
        return []
    return sorted((one.role, one.name) for one in pressed_by(step, found.look))


def _types_enter(step: ScreenStep) -> bool:
    if step.gesture.verb is not Verb.TYPE or "\n" not in step.gesture.text:
        return False
    return step.on is None or step.on.role not in AREAS


def _may_be_pressed(one: Element, step: ScreenStep, look: Look, *, enters: bool) -> bool:
    if one.role not in PRESSED | IN_MENUS | IN_LISTS:
        return False
    if look.source is SurfaceKind.PIXEL:
        return one.role in PRESSED
    if look.source is SurfaceKind.TERMINAL and enters and step.on is None and "selected" in one.states:
        return True
    return one.role not in IN_LISTS and ("focused" in one.states or (enters and "default" in one.states))


def _has_that_key(one: Element, step: ScreenStep, keys: frozenset[str], look: Look) -> bool:
    """Tell whether a terminal shows that this key or this number is the one of an element (`8 Delete`, `2) Stop it`)."""
    if look.source is not SurfaceKind.TERMINAL or not one.actions:
        return False
    how, _, what = one.actions[0].casefold().partition(":")
    if how == "key":
        return bool(keys) and keys == frozenset(what.split("+"))
    return how == "type" and (keys == {what} or step.gesture.text.strip().casefold() == what)


def no_place_for_a_secret(step: ScreenStep, at: Located | None) -> str:
    """Return why a secret may not be typed there; empty where the field is known to be secret, or is labelled like one."""
    if not step.gesture.secret:
        return ""
    if at is None or at.element is None or step.on is None:
        return "the field for the secret is not known"
    if {"name", "label"} & set(at.drift):
        return "the field for the secret is called otherwise than it was"
    if at.rung is Rung.VISION:
        return "only a vision model says that it is the field for the secret"
    element = at.element
    if "secret" in element.states or element.role in SECRET:
        return ""
    wanted, told = step.on.label or step.on.name, element.label or element.name
    read = element.source is SurfaceKind.PIXEL
    if wanted and same(wanted, told, read=read) and asks_for_secret(wanted):
        return ""
    return f"“{told or 'the field'}” does not hide what is typed into it, and is not labelled as a secret"


def is_set_already(step: ScreenStep, at: Located | None) -> bool:
    """Tell whether a click on a check box would undo what the step wants: it is as it shall be."""
    if step.gesture.verb is not Verb.CLICK or step.after is None or step.after.checked is None:
        return False
    if at is None or at.element is None or at.element.role not in CHOICES:
        return False
    return is_on(at.element) is step.after.checked


def may_set_it(step: ScreenStep, at: Located | None) -> str:
    """Return why a click that shall clear a check box is not done: where it is clear already, it would set it."""
    if step.gesture.verb is not Verb.CLICK or step.after is None or step.after.checked is not False:
        return ""
    if at is None or at.element is None or at.element.role not in CHOICES or is_on(at.element) is not None:
        return ""
    return "it cannot be told whether it is set, and it is to be clear"
