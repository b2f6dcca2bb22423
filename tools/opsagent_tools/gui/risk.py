"""Which steps need a person's approval by what they are called: verbs that destroy, stop, send or pay.

A step too many that asks costs a question. What has no name at all (an icon) asks, too. A person's word in the procedure
(`risky: true`) adds to it; `risky: false` counts only where no risky word is read.
"""

from __future__ import annotations

import string
import unicodedata

from opsagent_tools.gui.matching.risky import risky_words
from opsagent_tools.gui.matching.roles import FIELDS, IN_LISTS, PRESSED, RANGES, SECRET
from opsagent_tools.gui.model import Fingerprint, Located, SurfaceKind, Verb
from opsagent_tools.gui.procedure import ScreenStep


def risk_of(step: ScreenStep, at: Located | None = None) -> str:
    """Return why a step needs approval, in words; empty where it does not.

    What is read on the screen now (`at`) counts as much as what the procedure calls it.
    """
    if _only_opens(step, at):
        return "the procedure says that it is risky" if step.risky else ""
    names = _names(step.on, at)
    for name in [*names, *(_names(step.to, None) if step.gesture.verb is Verb.DRAG else ())]:
        if (
            step.gesture.verb not in {Verb.WAIT, Verb.SCROLL}
            and not _typed_into(step, at)
            and (found := risky_words(name))
        ):
            return f"it is called “{name}” ({found})"
    if step.risky:
        return "the procedure says that it is risky"
    if step.gesture.verb in {Verb.CLICK, Verb.DOUBLE, Verb.RIGHT, Verb.DRAG} and step.on is not None and not names:
        return "nothing says what it does: it has no name"
    if step.gesture.verb is Verb.HOTKEY and step.risky is None:
        return _risky_keys(step.gesture.keys)
    return ""


def _only_opens(step: ScreenStep, at: Located | None) -> bool:
    """Tell whether a click shows something and does nothing: a menu called `Format`, a column called `Order`."""
    if step.on is None or step.on.role not in _OPENED or step.gesture.verb is not Verb.CLICK:
        return False
    element = at.element if at is not None else None
    return (
        element is None or element.role in _OPENED or (element.role == "text" and element.source is SurfaceKind.PIXEL)
    )


def _names(on: Fingerprint | None, at: Located | None) -> list[str]:
    found = [on.name, on.label] if on else []
    if at is not None and at.element is not None:
        found += [at.element.name, at.element.label]
    return [name for name in dict.fromkeys(found) if _says_something(name)]


def _says_something(name: str) -> bool:
    """Tell whether a name is one: letters, digits, the signs of a calculator; `…`, dingbats and glyphs of icon fonts are none."""
    said = name.replace("...", "").strip()
    return any(one.isalnum() or one in string.punctuation or unicodedata.category(one) == "Sm" for one in said)


def _typed_into(step: ScreenStep, at: Located | None) -> bool:
    """Tell whether the target only takes a value: a field called `Order`, a line of a list called `Delete temp files`."""
    role = at.element.role if at is not None and at.element is not None else (step.on.role if step.on else "")
    if role in FIELDS | RANGES | SECRET:
        return True
    return role in IN_LISTS - PRESSED and step.gesture.verb is Verb.CLICK and step.risky is False


def _risky_keys(keys: tuple[str, ...]) -> str:
    pressed = frozenset(one.casefold() for one in keys)
    if pressed in _RISKY_KEYS:
        return f"{'+'.join(keys)} deletes, closes or ends something"
    return ""


_RISKY_KEYS = frozenset(
    frozenset(one.split("+"))
    for one in (
        "delete",
        "shift+delete",
        "alt+f4",
        "ctrl+q",
        "ctrl+w",
        "ctrl+alt+delete",
        "ctrl+alt+backspace",
        "ctrl+c",
        "ctrl+d",
    )
)
_OPENED = frozenset({"menu", "tab", "column header"})
