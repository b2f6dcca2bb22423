"""What several dialects write and read in the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

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


def tokens_of(reply: Mapping[str, Any]) -> dict[str, int]:
    """Return how many tokens a reply says that it took: `tokens_in` and `tokens_out`, 0 where it says nothing."""
    usage = reply.get("usage")
    counted = usage if isinstance(usage, Mapping) else {}
    return {
        "tokens_in": int(counted.get("input_tokens") or counted.get("prompt_tokens") or 0),
        "tokens_out": int(counted.get("output_tokens") or counted.get("completion_tokens") or 0),
    }
