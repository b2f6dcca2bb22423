"""Which roles may stand for each other: toolkits and surfaces differ in what they call a thing."""

from __future__ import annotations

from opsagent_tools.gui.model import Element, SurfaceKind

PRESSED = frozenset(
    {"button", "toggle button", "push button", "link", "icon", "image button", "menu button", "split button"}
)
IN_MENUS = frozenset({"menu", "menu item", "check menu item", "radio menu item", "popup menu item"})
FIELDS = frozenset(
    {
        "text field",
        "text area",
        "entry",
        "editor",
        "document",
        "spin button",
        "combo box",
        "editable combo box",
        "search field",
        "date field",
        "terminal",
    }
)
AREAS = frozenset({"text area", "editor", "document"})
"""Fields of several lines."""
SECRET = frozenset({"password field"})
CHOICES = frozenset({"check box", "radio button", "switch", "toggle button", "check menu item", "radio menu item"})
IN_LISTS = frozenset(
    {"list item", "table cell", "tree item", "row", "table row", "option", "column header", "row header"}
)
TABS = frozenset({"tab", "page tab"})
RANGES = frozenset({"slider", "scroll bar", "spin button"})
DONE_BY_A_CLICK = PRESSED | IN_MENUS | CHOICES | TABS
"""Roles that a click does not only give the keys to."""
STATIC = frozenset(
    {
        "label",
        "text",
        "heading",
        "tooltip",
        "tool tip",
        "image",
        "status bar",
        "title",
        "paragraph",
        "caption",
        "separator",
    }
)
CONTAINERS = frozenset(
    {
        "dialog",
        "alert",
        "group",
        "panel",
        "tab",
        "page tab",
        "tab panel",
        "tool bar",
        "menu",
        "menu bar",
        "row",
        "table row",
        "list",
        "tree",
        "tree item",
        "table",
        "form",
        "section",
        "internal frame",
        "popup",
        "box",
        "frame box",
        "list item",
    }
)
_FAMILIES = (PRESSED, IN_MENUS, FIELDS, CHOICES, IN_LISTS, TABS, RANGES)
_READ_AS_TEXT = PRESSED | IN_MENUS | CHOICES | IN_LISTS | TABS | STATIC
_LIT_ROWS = frozenset({"list item", "menu item"})
"""On a terminal both are rows of which one is highlighted: only what is around them tells which."""
EXACT, KIN, UNTOLD, OTHER = 1.0, 0.7, 0.6, 0.0


def is_on(element: Element) -> bool | None:
    """Tell whether a check box, a radio button or a switch is set; None: its picture does not tell."""
    if {"checked", "pressed", "selected"} & element.states:
        return True
    return None if element.source is SurfaceKind.PIXEL and element.value is None else False


def suits(wanted: str, element: Element) -> float:
    """Return how well `element` is of the wanted role: EXACT, KIN (another word for it), UNTOLD (pixels tell none) or OTHER."""
    role = element.role
    if wanted == role:
        return EXACT
    if not wanted:
        return UNTOLD if role in STATIC and element.source is not SurfaceKind.PIXEL else KIN
    if wanted in SECRET or role in SECRET:
        return OTHER
    if element.source is SurfaceKind.PIXEL:
        if wanted in FIELDS | RANGES:
            return KIN if role in FIELDS | RANGES else OTHER
        if role in CHOICES or (wanted in CHOICES and role != "text"):
            return KIN if wanted in CHOICES and role in CHOICES else OTHER
        return UNTOLD if wanted in _READ_AS_TEXT and role not in FIELDS else OTHER
    if any(wanted in family and role in family for family in _FAMILIES):
        return KIN
    if element.source is SurfaceKind.TERMINAL and {wanted, role} <= _LIT_ROWS:
        return KIN
    return KIN if wanted in STATIC and role in STATIC and "tip" not in role else OTHER


def usable(role: str) -> bool:
    """Tell whether something of that role takes a pointer or keys, so that hitting it does something."""
    return role not in STATIC and (role not in CONTAINERS or role in IN_LISTS | IN_MENUS | TABS)
