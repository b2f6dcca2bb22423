"""Steps in words, for people, questions and reports. Secrets are told by name. Pure."""

from __future__ import annotations

from opsagent_tools.gui.model import Gesture, Located, Verb
from opsagent_tools.gui.procedure import ScreenStep

_LONGEST = 60


def said(step: ScreenStep, at: Located | None = None) -> str:
    """Return what a step does: `click button “Delete” in “alpha”`. With `at`, its target is called as it is called now."""
    target = step.on.said if step.on is not None else ""
    now = at.element.name or at.element.label if at is not None and at.element is not None else ""
    if step.on is not None and now and now not in {step.on.name, step.on.label} and not step.on.name:
        target = f"{target} (“{_short(now)}”)" if not step.on.label else target
    if step.on is not None and step.on.within:
        target = f"{target} in “{_short(step.on.within)}”"
    doing = _doing(step.gesture)
    if step.gesture.verb is Verb.DRAG and step.to is not None:
        return f"drag {target} to {step.to.said}"
    between = {Verb.TYPE: "into", Verb.SCROLL: "on", Verb.HOTKEY: "on"}.get(step.gesture.verb, "")
    return " ".join(filter(None, (doing, between if target else "", target)))


def _doing(gesture: Gesture) -> str:
    match gesture.verb:
        case Verb.TYPE:
            return f"type the secret {gesture.secret}" if gesture.secret else f"type “{_short(gesture.text)}”"
        case Verb.HOTKEY:
            return f"press {'+'.join(gesture.keys)}"
        case Verb.SCROLL:
            return f"scroll {'down' if gesture.amount > 0 else 'up'} {abs(gesture.amount)}"
        case Verb.WAIT:
            return f"wait up to {gesture.seconds:g} s"
        case Verb.DOUBLE:
            return "double-click"
        case Verb.RIGHT:
            return "right-click"
        case _:
            return gesture.verb.value


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _LONGEST else line[: _LONGEST - 1] + "…"
