"""Acts in few words, for the programs' definitions."""

from __future__ import annotations

from dataclasses import replace

from opsagent_evals.gui.model import Act, Drift
from opsagent_tools.gui.model import SurfaceKind, Verb

ACCESSIBLE = (SurfaceKind.ACCESSIBLE, SurfaceKind.PIXEL)
PIXELS = (SurfaceKind.PIXEL,)
TERMINAL = (SurfaceKind.TERMINAL,)
WINDOW = (Drift.PLAIN, Drift.MOVED, Drift.RESIZED)
LOOKS = (*WINDOW, Drift.FONT_1_4, Drift.FONT_2, Drift.DARK, Drift.CONTRAST)
ON_TERMINAL = (Drift.RESIZED, Drift.DARK, Drift.CONTRAST, Drift.REORDERED, Drift.EXTRA)
EVERY = tuple(Drift)


def click(on: str, *, dialog: str = "", shows: str = "", window: str = "", checked: bool | None = None) -> Act:
    """Return a click."""
    return Act(verb=Verb.CLICK, on=on, dialog=dialog, shows=shows, window=window, checked=checked)


def right(on: str, *, shows: str = "") -> Act:
    """Return a click with the right button."""
    return replace(click(on, shows=shows), verb=Verb.RIGHT)


def enter(on: str, text: str, *, dialog: str = "") -> Act:
    """Return typing into a field, in place of what it held."""
    return Act(verb=Verb.TYPE, on=on, text=text, dialog=dialog)


def press(*keys: str) -> Act:
    """Return keys, where the focus is."""
    return Act(verb=Verb.HOTKEY, keys=keys)
