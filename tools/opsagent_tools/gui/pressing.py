"""What gestures of a pointer have in common, however their target was found."""

from __future__ import annotations

from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Element, Gesture, Located, Point, Verb, Window
from opsagent_tools.gui.port import ScreenError

_LONGEST = 60


async def press(hands: Hands, gesture: Gesture, at: Point, *, on: Window, popups: bool) -> None:
    """Do a gesture that needs one place: a click, a double click, a right click, a scroll. Raises as `Hands` do.

    Args:
        hands: of the window's display.
        gesture: what is done; one that is none of these is not done.
        at: where.
        on: the window that is meant.
        popups: menus and lists that its program has opened over it are meant, too.
    """
    match gesture.verb:
        case Verb.CLICK:
            await hands.click(at, on=on, popups=popups)
        case Verb.DOUBLE:
            await hands.double(at, on=on, popups=popups)
        case Verb.RIGHT:
            await hands.right(at, on=on, popups=popups)
        case Verb.SCROLL:
            await hands.scroll(at, gesture.amount, on=on, popups=popups)


def needed(at: Located | None, gesture: Gesture) -> Located:
    """Return the target of a gesture that cannot do without. Raises ScreenError."""
    if at is None:
        raise ScreenError(f"nobody said what to {gesture.verb} on")
    return at


def called(element: Element | None) -> str:
    """Return what a target is called in a message: `the button “Export”`."""
    if element is None:
        return "the target"
    name = element.name or element.label
    return f"the {element.role} “{name[:_LONGEST]}”" if name else f"the {element.role}"
