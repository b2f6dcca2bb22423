"""Read a tree of accessible objects: everything about one level at once, and nothing that cannot be seen.

A closed menu, the other tabs, and the million rows of a table that are scrolled away are not read: what is not showing is
not descended into, and of a big table only the cells that lie on the screen are asked for. What was read before is asked
again in one round for what may have changed (state, name, place, children, value).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import SILENT, Ask, Bus, Failed, Ref, Silent
from opsagent_tools.gui.accessible.tables import children_of_table, refs_in
from opsagent_tools.gui.accessible.words import Role, State, has
from opsagent_tools.gui.model import Box

LONGEST = 20_000
"""Characters of a text that are read in a look; `read_back` reads all."""
_TEXTS = frozenset({Role.TEXT, Role.ENTRY, Role.PASSWORD})
_AGAIN = ("role again", "state", "name again", "box", "children", "more")


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


class Reader:
    """Reads trees of one program, and remembers what it read."""

    def __init__(self, bus: Bus, toolkit: str, *, patience_s: float = 1.5) -> None:
        self._bus = bus
        self._toolkit = toolkit
        self._patience_s = patience_s
        self._known: dict[Ref, Node] = {}
        self._reading: dict[Ref, Node] = {}

    async def read(self, roots: Sequence[Ref], *, near: Box | None = None) -> Tree:
        """Read what shows below `roots`. `near`: what is known and lies elsewhere is taken as it was.

        Raises Silent where the program does not answer, ScreenError where the bus is gone.
        """
        try:
            async with asyncio.timeout(self._patience_s):
                tree = await self._levels(tuple(roots), near)
        except TimeoutError:
            raise Silent(
                f"the program did not tell all within {self._patience_s:g} s: it hangs, or is very busy"
            ) from None
        self._known = tree.nodes
        return tree

    async def refresh(self, ref: Ref) -> Node | None:
        """Read one object again, without its children; None: it is gone."""
        known = self._known.get(ref)
        node = Node(ref, known.parent if known else None, children=known.children if known else ())
        await self._ask([(node, ("role", "state", "name", "box"))])
        await self._ask([(node, ("more", "fixed"))])
        return None if node.role < 0 or has(node.state, State.DEFUNCT) else node

    def children_of(self, ref: Ref) -> tuple[Ref, ...]:
        """Return the children of an object as they were last read."""
        return self._known[ref].children if ref in self._known else ()

    async def _levels(self, roots: tuple[Ref, ...], near: Box | None) -> Tree:
        nodes = {one.ref: one for ref in self._reachable(roots) if (one := self._known[ref]).fixed}
        self._reading = nodes
        await self._read_again([one for one in nodes.values() if near is None or _touches(one, near)])
        level: list[tuple[Ref, Ref | None]] = [(ref, None) for ref in roots]
        seen: set[Ref] = set()
        while level:
            seen.update(ref for ref, _ in level)
            new = {ref: Node(ref, parent) for ref, parent in level if ref not in nodes}
            nodes.update(new)
            await self._read_new(tuple(new.values()))
            level = [
                (child, ref)
                for ref in dict.fromkeys(ref for ref, _ in level)
                if nodes[ref].shows
                for child in nodes[ref].children
                if child not in seen
            ]
        return Tree(roots, {ref: nodes[ref] for ref in seen})

    def _reachable(self, roots: Iterable[Ref]) -> list[Ref]:
        found: list[Ref] = []
        todo, seen = list(roots), set()
        while todo:
            ref = todo.pop()
            if ref in seen or ref not in self._known:
                continue
            seen.add(ref)
            found.append(ref)
            todo.extend(self._known[ref].children)
        return found

    async def _read_again(self, nodes: Sequence[Node]) -> None:
        """Ask what may have changed, in one round; of what did not show, whether it does now."""
        shown = [one for one in nodes if one.shows]
        hidden = [one for one in nodes if not one.shows]
        await self._ask([*((one, _AGAIN) for one in shown), *((one, ("state",)) for one in hidden)])
        await self._read_shown([one for one in hidden if one.may_show])

    async def _read_new(self, nodes: Sequence[Node]) -> None:
        await self._ask([(one, ("role", "state")) for one in nodes])
        await self._read_shown([one for one in nodes if one.may_show])
        for one in nodes:
            one.fixed = one.role >= 0

    async def _read_shown(self, nodes: Sequence[Node]) -> None:
        await self._ask([(one, ("box",)) for one in nodes])
        shown = [one for one in nodes if one.shows]
        await self._ask([(one, ("name", "children")) for one in shown])
        await self._ask([(one, ("more", "fixed")) for one in shown])

    async def _ask(self, wanted: Sequence[tuple[Node, Sequence[str]]]) -> None:
        questions = [
            (node, kind, ask) for node, parts in wanted for part in parts for kind, ask in _questions(node, part)
        ]
        answers = await self._bus.ask([ask for _, _, ask in questions], within_s=self._patience_s)
        if any(answer is SILENT for answer in answers):
            raise Silent(f"the program did not answer within {self._patience_s:g} s: it hangs, or is very busy")
        for (node, kind, _), answer in zip(questions, answers, strict=True):
            if kind == "count":
                count = answer if isinstance(answer, int) else 0
                node.children = await children_of_table(self._bus, node.ref, self._seen_of(node), count)
            elif kind == "length":
                await self._read_long(node, answer if isinstance(answer, int) else 0)
            elif kind == "choice":
                node.text = await self._chosen(node)
            else:
                _take(node, kind, answer)

    async def _read_long(self, node: Node, length: int) -> None:
        """Read a text of several lines, as far as is read in a look. -1 is its end: Qt tells nothing beyond that."""
        end = LONGEST if length > LONGEST else -1
        (answer,) = await self._bus.ask([Ask(node.ref, words.TEXT, "GetText", "ii", (0, end))])
        _take(node, "text", answer)

    async def _chosen(self, combo: Node) -> str | None:
        """Return the name of what is chosen in a combo box or in the list that is its child; None: it is not told."""
        if self._toolkit in words.COMBO_IS_CALLED_BY_CHOICE:
            return combo.name
        holders = combo.children[:2] if self._toolkit == "Chromium" else (combo.ref, *combo.children[:2])
        for holder in holders:  # Chromium complains in its log where the box itself is asked
            (answer,) = await self._bus.ask([Ask(holder, words.SELECTION, "GetSelectedChild", "i", (0,))])
            chosen = () if isinstance(answer, Failed) else refs_in([answer])
            if chosen and chosen[0] not in combo.children:
                (name,) = await self._bus.ask([_get(chosen[0], words.ACCESSIBLE, "Name")])
                return None if isinstance(name, Failed) else str(name)
        return None

    def _seen_of(self, node: Node) -> Box | None:
        """Return the part of a node's place that what it lies in does not cut off."""
        box, above = node.box, node.parent
        while box is not None and above is not None and (around := self._reading.get(above)) is not None:
            if around.role in words.SCROLLERS | words.FRAMES and around.box is not None:
                box = box.meets(around.box)
            above = around.parent
        return box


def _touches(node: Node, near: Box) -> bool:
    return node.box is None or not node.box.meets(near).empty


def _get(ref: Ref, interface: str, name: str) -> Ask:
    return Ask(ref, words.PROPERTIES, "Get", "ss", (interface, name))


def _questions(node: Node, part: str) -> list[tuple[str, Ask]]:
    ref = node.ref
    match part:
        case "role":
            return [("role", Ask(ref, words.ACCESSIBLE, "GetRole"))]
        case "role again":  # a field that comes to show its password changes its role
            return [("role", Ask(ref, words.ACCESSIBLE, "GetRole"))] if node.role in _TEXTS else []
        case "state":
            return [("state", Ask(ref, words.ACCESSIBLE, "GetState"))]
        case "name again" if node.role not in words.OURS:
            return []
        case "name" | "name again":
            return [("name", _get(ref, words.ACCESSIBLE, "Name"))]
        case "box":
            return [("box", Ask(ref, words.COMPONENT, "GetExtents", "u", (words.SCREEN,)))]
        case "children" if node.role in words.TABLES:
            return [("count", _get(ref, words.ACCESSIBLE, "ChildCount"))]
        case "children" if node.role not in words.LEAVES:
            return [("children", Ask(ref, words.ACCESSIBLE, "GetChildren"))]
        case "more":
            return _more(node)
        case "fixed":
            return _fixed(node)
    return []


def _more(node: Node) -> list[tuple[str, Ask]]:
    number = ("number", _get(node.ref, words.VALUE, "CurrentValue"))
    if node.role in words.NUMBERED:
        return [number]
    if node.role == Role.SPIN_BUTTON:
        return [number, ("text", Ask(node.ref, words.TEXT, "GetText", "ii", (0, -1)))]
    if node.role in words.WORDED and has(node.state, State.MULTI_LINE):
        return [("length", _get(node.ref, words.TEXT, "CharacterCount"))]
    if node.role == Role.COMBO_BOX:
        return [("choice", _get(node.ref, words.ACCESSIBLE, "Name"))]
    if node.role in words.WORDED:
        return [("text", Ask(node.ref, words.TEXT, "GetText", "ii", (0, -1)))]
    return []


def _fixed(node: Node) -> list[tuple[str, Ask]]:
    asks: list[tuple[str, Ask]] = []
    if node.role in words.TO_LABEL or node.role in words.CHOOSERS:
        asks.append(("labels", Ask(node.ref, words.ACCESSIBLE, "GetRelationSet")))
    if node.role in words.TO_DESCRIBE and not node.name:
        asks.append(("description", _get(node.ref, words.ACCESSIBLE, "Description")))
    return asks


def spin_value(node: Node) -> str | None:
    """Return what a spin box holds: its number where its text says that with a unit (`800 ms`), else its text."""
    if node.text is None:
        return None if node.number is None else f"{node.number:g}"
    if node.number is None:
        return node.text
    number = f"{node.number:.10g}"
    return number if re.search(rf"(?<![\d.,-]){re.escape(number)}(?![\d.,])", node.text) else node.text


def bits_in(answer: Any) -> int:
    """Return the states in an answer of GetState (two words of 32 bits) as one number."""
    if isinstance(answer, list) and len(answer) == 2:
        return int(answer[0]) | int(answer[1]) << 32
    return 0


def _take(node: Node, kind: str, answer: Any) -> None:
    """Put an answer into its node. A node that no longer answers for its role or state is gone."""
    failed = isinstance(answer, Failed)
    match kind:
        case "role":
            node.role = -1 if failed else int(answer)
        case "state":
            node.state = bits_in(answer)
        case "name":
            node.name = "" if failed else str(answer)
        case "description":
            node.description = "" if failed else str(answer)
        case "box":
            node.box = None if failed else box_in(answer)
        case "children":
            node.children = () if failed else refs_in(answer)
        case "text":
            node.text = None if failed or node.role == Role.PASSWORD else str(answer)
        case "number":
            node.number = None if failed else float(answer)
        case "labels":
            node.labelled_by = () if failed else _labels(answer)


def box_in(answer: Any) -> Box | None:
    """Return the place in an answer of GetExtents; None where it is none: toolkits say so by absurd numbers."""
    left, top, width, height = (int(one) for one in answer)
    if left <= -100_000 or top <= -100_000 or width < 0 or height < 0:
        return None
    return Box(left, top, width, height)


def _labels(answer: Any) -> tuple[Ref, ...]:
    return tuple(Ref(*one) for kind, targets in answer if kind == words.LABELLED_BY for one in targets)


def id_of(ref: Ref) -> str:
    """Return the id of an object's element."""
    return f"{ref.name}{ref.path}"
