"""Does something of the same window lie over a point of an element?

That it is the right window at all is the server's word, and asked by the hands at the moment of the press.
"""

from __future__ import annotations

from collections.abc import Iterator

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import SILENT, Ask, Bus, Failed, Ref, Silent
from opsagent_tools.gui.accessible.nodes import Node, Tree
from opsagent_tools.gui.accessible.quirks import asked_in_pixels
from opsagent_tools.gui.accessible.seen import Seen
from opsagent_tools.gui.accessible.words import State, has
from opsagent_tools.gui.model import Point

_DEEPEST = 40
_INSIDE = frozenset({2, 16, 28, 36, 41})
"""Roles of what lies over other parts of its own window: dialogs, internal frames, open menus."""
_HIDERS = words.CONTROLS | words.COVERS | words.FRAMES | {28}


def lies_under(seen: Seen, target: Node, point: Point) -> bool:
    """Tell whether a dialog, a menu or a window inside the window holds that point and not the target."""
    tree, place = seen.tree, seen.frame.shape.on_screen
    around = set(_up(tree, target.ref))
    for node in tree.walk():
        if node.role not in _INSIDE or node.ref in around or node.ref in tree.roots or node.box is None:
            continue
        over = has(node.state, State.SHOWING) and place(node.box).holds(point)
        if over and target.ref not in set(_up(tree, node.ref)) and not _shares(tree, node, target):
            return True
    return False


def _shares(tree: Tree, popup: Node, target: Node) -> bool:
    """Tell whether the target is in a popup that names it as its child, though its parent is the menu that opened it."""
    return any(ref in popup.children for ref in _up(tree, target.ref)) or any(
        tree.nodes[ref].parent == popup.ref for ref in _up(tree, target.ref) if ref in tree.nodes
    )


async def is_covered(bus: Bus, seen: Seen, target: Node, point: Point) -> bool:
    """Tell whether the toolkit names something else than `target` at that point of the screen.

    What is named may be the target, something in it, or something around it; or nothing, where a toolkit does not tell.
    Raises Silent where the program does not answer.
    """
    tree = seen.tree
    page = asked_in_pixels(target, tree, seen.toolkit)
    x_y = (point.x, point.y) if page else seen.frame.shape.off_screen(point)
    if target.role in words.OF_MENUS:
        (holds,) = await bus.ask([Ask(target.ref, words.COMPONENT, "Contains", "iiu", (*x_y, words.SCREEN))])
        if holds is SILENT:
            raise Silent("the program does not say whether its menu is there: it hangs, or is very busy")
        if holds is False:
            return True
    around = [ref for ref in _up(tree, target.ref) if ref != target.ref]
    start = next((ref for ref in around if ref in tree.roots or _lies_over(tree, ref)), tree.roots[0])
    hit = await _hit(bus, page.ref if page else start, x_y)
    if hit is None or hit in tree.roots or hit == target.ref or hit in around:
        return False
    if hit not in tree.nodes:
        return False  # of a part that was not read: below a leaf, or newer than the look
    if target.ref in _up(tree, hit):
        return False
    return tree.nodes[hit].role in _HIDERS


async def _hit(bus: Bus, root: Ref, point: tuple[int, int]) -> Ref | None:
    """Return the innermost object at a point; some toolkits answer with a child each time, some with the innermost."""
    found: Ref | None = None
    here = root
    for _ in range(_DEEPEST):
        (answer,) = await bus.ask([Ask(here, words.COMPONENT, "GetAccessibleAtPoint", "iiu", (*point, words.SCREEN))])
        if answer is SILENT:
            raise Silent("the program does not say what lies there: it hangs, or is very busy")
        if isinstance(answer, Failed) or not answer[0] or answer[1] == words.NULL_PATH:
            break
        below = Ref(*answer)
        if below == here:
            break
        found = here = below
    return found


def _lies_over(tree: Tree, ref: Ref) -> bool:
    """Tell whether it is an open menu or list: what is in it lies over the window, whose own answer is what is below."""
    node = tree.nodes.get(ref)
    return node is not None and bool(node.children) and node.role in words.COVERS


def _up(tree: Tree, ref: Ref) -> Iterator[Ref]:
    """Yield an object and what is around it, from inside out."""
    above: Ref | None = ref
    while above is not None:
        yield above
        node = tree.nodes.get(above)
        above = node.parent if node else None
