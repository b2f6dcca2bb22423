"""Roles of what terminals show, by how they are used. The words are those of `opsagent_tools.gui.matching.roles`."""

from __future__ import annotations

FIELDS = frozenset({"text field", "password field"})
ROWS = frozenset({"list item", "menu item"})
BOXES = frozenset({"check box", "radio button"})
HIGHLIGHTED = ROWS | BOXES
"""Rows of lists, of which one is highlighted."""
