"""Does something of the same window lie over a point of an element?

That it is the right window at all is the server's word, and asked by the hands at the moment of the press.
"""

from __future__ import annotations

from collections.abc import Iterator

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ask, Bus, Failed, Ref
from opsagent_tools.gui.accessible.nodes import Node, Tree
from opsagent_tools.gui.accessible.programs import Frame
from opsagent_tools.gui.model import Point

_DEEPEST = 40
_HIDERS = words.CONTROLS | words.COVERS | words.FRAMES | {28}


async def covers(bus: Bus, tree: Tree, frame: Frame, target: Node, point: Point) -> bool:
    """Tell whether the toolkit names something else than `target` at that point of the screen.

    What is named may be the target, something in it, or something around it; or nothing, where a toolkit does not tell.
    """
    root = next((ref for ref in _up(tree, target.ref) if ref in tree.roots), tree.roots[0])
    hit = await _hit(bus, root, frame, point)
    if hit is None or hit in tree.roots or hit in _up(tree, target.ref):
        return False
    if hit not in tree.nodes:
        return False  # of a part that was not read: below a leaf, or newer than the look
    if target.ref in _up(tree, hit):
        return False
    return tree.nodes[hit].role in _HIDERS


async def _hit(bus: Bus, root: Ref, frame: Frame, point: Point) -> Ref | None:
    """Return the innermost object at a point; some toolkits answer with a child each time, some with the innermost."""
    x, y = frame.shape.off_screen(point)
    found: Ref | None = None
    here = root
    for _ in range(_DEEPEST):
        (answer,) = await bus.ask([Ask(here, words.COMPONENT, "GetAccessibleAtPoint", "iiu", (x, y, words.SCREEN))])
        if isinstance(answer, Failed) or not answer[0] or answer[1] == words.NULL_PATH:
            break
        below = Ref(*answer)
        if below == here:
            break
        found = here = below
    return found


def _up(tree: Tree, ref: Ref) -> Iterator[Ref]:
    """Yield an object and what is around it, from inside out."""
    above: Ref | None = ref
    while above is not None:
        yield above
        node = tree.nodes.get(above)
        above = node.parent if node else None
