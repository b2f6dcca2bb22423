"""Gestures that several dialects put together in the same way."""

from __future__ import annotations

from dataclasses import replace

from opsagent_tools.gui.model import Gesture, Verb
from opsagent_tools.gui.vision.wanted import Want, Wanted

LONGEST_WAIT_S = 30.0
MOST_NOTCHES = 50


def typed(text: str, call: str = "") -> tuple[Wanted, ...]:
    """Return what typing a text means: a newline in it is the key that sends it off, as models mean it."""
    found: list[Wanted] = []
    for number, line in enumerate(text.replace("\r\n", "\n").split("\n")):
        if number:
            found.append(Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.HOTKEY, keys=("return",)), id=call))
        if line:
            found.append(Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.TYPE, text=line, replace=False), id=call))
    return tuple(found)


def waits(seconds: float, call: str = "") -> Wanted:
    """Return a wait, of at most half a minute."""
    s = min(max(seconds, 0.0), LONGEST_WAIT_S)
    return Wanted(want=Want.GESTURE, gesture=Gesture(verb=Verb.WAIT, seconds=s), id=call)


def unknown(what: str, call: str = "") -> Wanted:
    """Return that something is not in our vocabulary."""
    return Wanted(want=Want.UNKNOWN, said=what[:200], id=call)


def with_call(wanted: Wanted, call: str) -> Wanted:
    """Return it as the answer to that call."""
    return replace(wanted, id=call)
