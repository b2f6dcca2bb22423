"""What is asked of a step before it is done: is it risky, is its target sure enough for that, may a secret go there. Pure."""

from __future__ import annotations

from opsagent_tools.gui.matching.names import same
from opsagent_tools.gui.matching.roles import CHOICES, IN_MENUS, PRESSED, SECRET
from opsagent_tools.gui.model import Located, Look, Rung, SurfaceKind, Verb
from opsagent_tools.gui.procedure import ScreenStep
from opsagent_tools.gui.risk import risky_words
from opsagent_tools.redact import secret_name

_ENTER = frozenset({"return", "enter", "kp_enter"})
_IDENTITY = frozenset({"name", "label", "within", "role"})


def not_sure_enough(at: Located) -> str:
    """Return why a place is not sure enough for a risky step; empty where it is: two rungs agree, and nothing of it changed."""
    changed = _IDENTITY & set(at.drift)
    if changed:
        return f"its {' and '.join(sorted(changed))} is not what it was"
    if not set(at.agreeing) - {Rung.VISION}:
        return "only one sign says that it is the right one"
    return ""


def pressed_unseen(step: ScreenStep, look: Look) -> str:
    """Return why keys need approval for what they would press: the button that has the focus, or the dialog's default."""
    gesture = step.gesture
    keys = frozenset(gesture.keys)
    enters = gesture.verb is Verb.HOTKEY and bool(keys & _ENTER)
    enters = enters or (gesture.verb is Verb.TYPE and gesture.text.endswith("\n"))
    if not enters and not (gesture.verb is Verb.HOTKEY and keys == {"space"}):
        return ""
    for one in look.elements:
        has_keys = "focused" in one.states or (enters and "default" in one.states)
        if has_keys and one.role in PRESSED | IN_MENUS and (found := risky_words(one.name)):
            return f"it presses “{one.name}” ({found})"
    return ""


def no_place_for_a_secret(step: ScreenStep, at: Located | None) -> str:
    """Return why a secret may not be typed there; empty where the field is known to be secret, or is labelled like one."""
    if not step.gesture.secret:
        return ""
    if at is None or at.element is None or step.on is None:
        return "the field for the secret is not known"
    if {"name", "label"} & set(at.drift):
        return "the field for the secret is called otherwise than it was"
    element = at.element
    if "secret" in element.states or element.role in SECRET:
        return ""
    wanted, told = step.on.label or step.on.name, element.label or element.name
    read = element.source is SurfaceKind.PIXEL
    if wanted and same(wanted, told, read=read) and secret_name(wanted) is not None:
        return ""
    return f"“{told or 'the field'}” does not hide what is typed into it, and is not labelled as a secret"


def is_set_already(step: ScreenStep, at: Located | None) -> bool:
    """Tell whether a click on a check box would undo what the step wants: it is as it shall be."""
    if step.gesture.verb is not Verb.CLICK or step.after is None or step.after.checked is None:
        return False
    if at is None or at.element is None or at.element.role not in CHOICES:
        return False
    return bool({"checked", "pressed", "selected"} & at.element.states) is step.after.checked
