"""Where toolkits tell places that are not so, and what is so instead. Pure.

- Qt tells of the list of a combo box as showing while it is closed, at a wrong place.
- Swing (java-atk-wrapper) tells the place of a menu's item as if its popup opened at the menu's own corner: the first item
  seems to lie where the second's neighbour is. A click there would choose another one.
- Swing tells a dialog's place as if it was counted from its owner's corner; what is in the dialog is told right.
- Chromium tells of what is in a list that it shows, wherever it lies: other toolkits' lists scroll, and cut it off.
- Chromium tells places of its own controls in its own pixels, and those of a page in the screen's.
"""

from __future__ import annotations

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ref
from opsagent_tools.gui.accessible.nodes import Node, Tree
from opsagent_tools.gui.accessible.words import Role
from opsagent_tools.gui.model import Box

QT, SWING, CHROMIUM = "Qt", "J2SE-access-bridge", "Chromium"


def true_places(tree: Tree, toolkit: str, scale: float) -> dict[Ref, Box | None]:
    """Return the places of objects whose toolkit tells a wrong one, as it counts; None: it cannot be told.

    `scale`: pixels of the screen per pixel of the toolkit.
    """
    if toolkit == SWING:
        return _swing_dialogs(tree) | _swing_menu_items(tree)
    if toolkit == CHROMIUM and scale != 1.0:
        return {node.ref: _shrunk(node.box, scale) for node in tree.walk() if node.box and page_around(node, tree)}
    return {}


def page_around(node: Node, tree: Tree) -> Node | None:
    """Return the page of a browser that an object is or lies in; None: it is not of a page."""
    above: Node | None = node
    while above is not None and above.role != Role.PAGE:
        above = tree.nodes.get(above.parent) if above.parent else None
    return above


def asked_in_pixels(node: Node, tree: Tree, toolkit: str) -> Node | None:
    """Return the object that answers for points of the screen around `node`, whatever the scale; None: there is none."""
    return page_around(node, tree) if toolkit == CHROMIUM else None


def is_list_of_combo(node: Node, tree: Tree) -> bool:
    """Tell whether it is what a combo box opens."""
    around = tree.nodes.get(node.parent) if node.parent else None
    return node.role in words.TABLES and around is not None and around.role == Role.COMBO_BOX


def is_closed_list(node: Node, tree: Tree, toolkit: str, box: Box | None, popups: tuple[Box, ...]) -> bool:
    """Tell whether it is a list of a combo box that no popup of the server shows, whatever its toolkit says.

    Args:
        node: any object.
        tree: where it is in.
        toolkit: as the program calls it.
        box: the object's place on the screen.
        popups: places of the program's popups, as the server knows them.
    """
    if toolkit != QT or not is_list_of_combo(node, tree):
        return False
    return box is None or box.empty or not any(popup.grown(4).holds(box.center) for popup in popups)


def cuts_nothing_off(node: Node, tree: Tree, toolkit: str) -> bool:
    """Tell whether it is a list or table of a page: what is in it may lie beside it (a menu below a bar), and is shown there."""
    return toolkit == CHROMIUM and node.role in words.TABLES and page_around(node, tree) is not None


def _shrunk(box: Box, scale: float) -> Box:
    return Box(round(box.left / scale), round(box.top / scale), round(box.width / scale), round(box.height / scale))


def tells_dialogs_elsewhere(toolkit: str) -> bool:
    """Tell whether the toolkit's places of dialogs are wrong, and those of what fills them are right."""
    return toolkit == SWING


def _swing_dialogs(tree: Tree) -> dict[Ref, Box | None]:
    tops = [tree.nodes[ref] for ref in tree.roots if ref in tree.nodes and tree.nodes[ref].role == Role.DIALOG]
    inner = {one.ref: tree.nodes[one.children[0]].box for one in tops if one.children and one.children[0] in tree.nodes}
    return {ref: box for ref, box in inner.items() if box is not None}


def _swing_menu_items(tree: Tree) -> dict[Ref, Box | None]:
    """Return where the items of menus are: both a menu and the popup that it opened name them as children."""
    nodes = list(tree.walk())
    menu_of = {child: node for node in nodes if node.role == Role.MENU for child in node.children}
    popup_of = {child: node for node in nodes if node.role == Role.POPUP_MENU for child in node.children}
    places: dict[Ref, Box | None] = {}
    for node in nodes:
        menu, popup = menu_of.get(node.ref), popup_of.get(node.ref)
        if menu is None or node.box is None:
            continue
        if menu.box is None or popup is None or popup.box is None:
            places[node.ref] = None
            continue
        left, top = popup.box.left + node.box.left - menu.box.left, popup.box.top + node.box.top - menu.box.top
        places[node.ref] = Box(left, top, node.box.width, node.box.height)
    return places
