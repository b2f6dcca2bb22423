"""Read the whole value of one control."""

from __future__ import annotations

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ask, Bus, Failed
from opsagent_tools.gui.accessible.nodes import Node, spin_value
from opsagent_tools.gui.accessible.reader import Reader
from opsagent_tools.gui.accessible.words import Role
from opsagent_tools.gui.model import Element

_SAY_THEMSELVES = frozenset({"label", "table cell", "list item", "tree item", "row header", "link"})


async def read_value(bus: Bus, reader: Reader, node: Node, element: Element) -> str | None:
    """Return the value that a control holds now; None: it holds none, or hides it."""
    if node.role == Role.PASSWORD:
        return None
    if node.role == Role.SPIN_BUTTON:
        return spin_value(node)
    if node.role in words.WORDED:
        (text,) = await bus.ask([Ask(node.ref, words.TEXT, "GetText", "ii", (0, -1))])
        return None if isinstance(text, Failed) else str(text)
    if node.role == Role.COMBO_BOX:
        return await _chosen(bus, reader, node)
    if node.number is not None:
        return f"{node.number:g}"
    return node.name if element.role in _SAY_THEMSELVES else None


async def _chosen(bus: Bus, reader: Reader, combo: Node) -> str | None:
    for ref in reader.children_of(combo.ref):
        child = await reader.refresh(ref)
        if child is not None and child.role in words.WORDED:
            (text,) = await bus.ask([Ask(ref, words.TEXT, "GetText", "ii", (0, -1))])
            return None if isinstance(text, Failed) else str(text)
    return combo.text
