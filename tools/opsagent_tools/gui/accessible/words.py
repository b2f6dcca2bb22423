"""Words of AT-SPI, and ours for them.

Numbers are those of `atspi-constants.h` (at-spi2-core); they are part of the protocol and do not change.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Final

ACCESSIBLE: Final = "org.a11y.atspi.Accessible"
APPLICATION: Final = "org.a11y.atspi.Application"
COMPONENT: Final = "org.a11y.atspi.Component"
SELECTION: Final = "org.a11y.atspi.Selection"
TEXT: Final = "org.a11y.atspi.Text"
VALUE: Final = "org.a11y.atspi.Value"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
REGISTRY: Final = "org.a11y.atspi.Registry"
ROOT_PATH: Final = "/org/a11y/atspi/accessible/root"
NULL_PATH: Final = "/org/a11y/atspi/null"
SCREEN: Final = 0
"""Coordinates of the screen (ATSPI_COORD_TYPE_SCREEN)."""
LABELLED_BY: Final = 2
"""ATSPI_RELATION_LABELLED_BY"""
ANYWHERE: Final = 6
"""ATSPI_SCROLL_ANYWHERE: as little as is needed to see it."""


class State(IntEnum):
    """Number of a bit in what GetState answers."""

    ACTIVE = 1
    CHECKED = 4
    DEFUNCT = 6
    EDITABLE = 7
    ENABLED = 8
    EXPANDED = 10
    FOCUSED = 12
    MULTI_LINE = 17
    PRESSED = 20
    SELECTED = 23
    SENSITIVE = 24
    SHOWING = 25
    VISIBLE = 30
    IS_DEFAULT = 39


class Role(IntEnum):
    """Roles that are treated apart."""

    ALERT = 2
    CHECK_BOX = 7
    COMBO_BOX = 11
    DIALOG = 16
    FRAME = 23
    LABEL = 29
    LIST = 31
    LIST_ITEM = 32
    MENU = 33
    MENU_BAR = 34
    MENU_ITEM = 35
    PASSWORD = 40
    POPUP_MENU = 41
    RADIO_BUTTON = 44
    SPIN_BUTTON = 52
    TABLE = 55
    TABLE_CELL = 56
    TERMINAL = 60
    TEXT = 61
    TOGGLE_BUTTON = 62
    WINDOW = 69
    ENTRY = 79
    TREE_ITEM = 91
    PAGE = 95
    LIST_BOX = 98
    STATIC = 116


_OURS: Final = {
    "button": (43, 62, 129),
    "check box": (7,),
    "radio button": (44,),
    "text field": (61, 79, 77, 76),
    "password field": (40,),
    "spin button": (52,),
    "combo box": (11,),
    "slider": (51, 15),
    "menu": (33,),
    "menu item": (35, 8, 45, 59),
    "list item": (32,),
    "tree item": (91,),
    "table cell": (56,),
    "row": (90,),
    "column header": (10, 57),
    "row header": (47, 58),
    "tab": (37,),
    "link": (88,),
    "icon": (26, 13),
    "image": (27, 3, 100),
    "label": (29, 116, 73, 81, 83, 101, 105, 122, 123, 127),
    "progress bar": (42, 103),
    "scroll bar": (48,),
    "tool tip": (64,),
    "terminal": (60,),
    "calendar": (5,),
    "canvas": (6, 18, 80),
    "dialog": (16, 2, 9, 19, 22),
    "window": (23, 28, 69),
    "table": (55, 66, 92),
    "tree": (65,),
    "list": (31, 98, 121),
    "tab list": (38,),
    "menu bar": (34,),
    "tool bar": (63,),
    "status bar": (54,),
    "document": (82, 93, 94, 95, 96),
    "group": (99, 87, 36),
}
OURS: Final = {number: name for name, numbers in _OURS.items() for number in numbers}
"""Number of a role → our word. Roles that are missing here are containers without meaning (panels, fillers, panes)."""

GROUP: Final = "group"
"""Our word for a container without meaning that has a name."""
LEAVES: Final = frozenset({7, 8, 10, 26, 43, 44, 45, 48, 50, 51, 57, 58, 62, 116})
"""Roles that hold nothing that could be used apart from them."""
SAID_ONCE: Final = frozenset(
    {"label", "link", "table cell", "column header", "row header", "button", "list item", "menu item"}
)
"""Ours that name themselves: a text in them that says the same is left out."""
WORDED: Final = frozenset({52, 61, 60, 76, 77, 79})
"""Roles whose value is their text."""
NUMBERED: Final = frozenset({15, 42, 51, 103})
"""Roles whose value is their number."""
TO_LABEL: Final = frozenset({11, 15, 40, 51, 52, 61, 76, 77, 79, 5, 98, 31, 65, 66, 55})
"""Roles that a label next to them names."""
SWITCHES: Final = frozenset({7, 44})
"""Check boxes and radio buttons: of a field on their line they say what it is for."""
SET_BY_SWITCH: Final = frozenset({11, 52, 61, 79})
"""Fields that a switch before them may be for."""
CHOOSERS: Final = frozenset({43, 62})
"""Buttons, some of which are called by what was chosen with them (a font, a file): a label may be theirs by relation."""
TO_DESCRIBE: Final = frozenset({7, 26, 27, 33, 35, 43, 44, 62, 129, 61, 79, 40})
"""Roles whose description (a tooltip) says what they are where they have no name."""
FRAMES: Final = frozenset({2, 9, 16, 19, 22, 23, 69})
"""Roles of windows, as children of their program."""
CONTROLS: Final = frozenset(
    {5, 7, 8, 11, 15, 35, 40, 43, 44, 45, 51, 52, 60, 61, 62, 76, 77, 79, 88, 129, 31, 55, 65, 66, 98}
)
"""Roles of what people use; a label behind another one of them belongs to that."""
GROUPS: Final = frozenset({36, 87, 99, 28})
"""Roles of containers whose name is a title around others."""
TABLES: Final = frozenset({55, 66, 65, 31, 98})
"""Roles that may hold very many, of which only those that can be seen are read."""
SCROLLERS: Final = frozenset({49, 68})
"""Roles that cut off what is in them."""
OF_MENUS: Final = frozenset({8, 33, 35, 41, 45, 50, 59})
"""Roles of menus and what is in them."""
COVERS: Final = frozenset({41, 33, 69, 64})
"""Roles of what lies over a window for a while."""


COMBO_IS_CALLED_BY_CHOICE: Final = frozenset({"gtk", "Qt"})
"""Toolkits whose combo boxes are called by what is chosen in them: that is their value, and no name."""


def has(bits: int, state: State) -> bool:
    """Tell whether a state is among the bits of GetState."""
    return bool(bits >> state & 1)
