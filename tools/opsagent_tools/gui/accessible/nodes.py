"""Accessible objects as they were last read, and the tree of them. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import Ref
from opsagent_tools.gui.accessible.words import State, has
from opsagent_tools.gui.model import Box


@dataclass(slots=True)
class Node:
    """One accessible object as it was last read."""

    ref: Ref
    parent: Ref | None
    role: int = -1
    state: int = 0
    name: str = ""
    description: str = ""
    box: Box | None = None
    """On the screen, as the toolkit counts; None: it has no place."""
    children: tuple[Ref, ...] = ()
    text: str | None = None
    number: float | None = None
    labelled_by: tuple[Ref, ...] = ()
    fixed: bool = False
    """What does not change was read: role, labels, description."""

    @property
    def shows(self) -> bool:
        """It can be seen, or could be after scrolling."""
        return self.may_show and (has(self.state, State.SHOWING) or (self.box is not None and not self.box.empty))

    @property
    def may_show(self) -> bool:
        """What its states say about that, before its place is known: a closed menu's items are `visible`, too."""
        if self.role < 0 or has(self.state, State.DEFUNCT):
            return False
        return has(self.state, State.SHOWING) or (has(self.state, State.VISIBLE) and self.role not in words.OF_MENUS)


@dataclass(slots=True)
class Tree:
    """What was read below some roots."""

    roots: tuple[Ref, ...]
    nodes: dict[Ref, Node] = field(default_factory=dict)

    def walk(self) -> Iterable[Node]:
        """Yield the nodes from the roots down, parents first, in the toolkit's order."""
        todo = list(reversed(self.roots))
        seen: set[Ref] = set()
        while todo:
            ref = todo.pop()
            node = self.nodes.get(ref)
            if node is None or ref in seen:
                continue
            seen.add(ref)
            yield node
            todo.extend(reversed(node.children))


def spin_value(node: Node) -> str | None:
    """Return what a spin box holds: its number where its text says that with a unit (`800 ms`), else its text."""
    if node.text is None:
        return None if node.number is None else f"{node.number:g}"
    if node.number is None:
        return node.text
    number = f"{node.number:.10g}"
    return number if re.search(rf"(?<![\d.,-]){re.escape(number)}(?![\d.,])", node.text) else node.text


def id_of(ref: Ref) -> str:
    """Return the id of an object's element."""
    return f"{ref.name}{ref.path}"
