"""Read a tree of accessible objects: everything about one level at once, and nothing that cannot be seen.

A closed menu, the other tabs, and the million rows of a table that are scrolled away are not read: what is not showing is
not descended into, and of a big table only the cells that lie on the screen are asked for. What was read before is asked
again in one round for what may have changed (state, name, place, children, value).
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from opsagent_tools.gui.accessible import words
from opsagent_tools.gui.accessible.bus import SILENT, Ask, Bus, Failed, Ref, Silent
from opsagent_tools.gui.accessible.nodes import Node, Tree
from opsagent_tools.gui.accessible.questions import get, questions, take
from opsagent_tools.gui.accessible.tables import children_of_table, refs_in
from opsagent_tools.gui.accessible.words import State, has
from opsagent_tools.gui.model import Box

_LONGEST = 20_000
"""Characters of a text that are read in a look; `read_back` reads all."""
_SLOWEST = 8
"""So many times its patience a reading may take where answers come."""
_AGAIN = ("role again", "state", "name again", "box", "children", "more")


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
            async with asyncio.timeout(_SLOWEST * self._patience_s):  # who answers is not silent, however slow
                tree = await self._levels(tuple(roots), near)
        except TimeoutError:
            raise Silent(
                f"the program did not tell all within {_SLOWEST * self._patience_s:g} s: it is very busy"
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
        asked = [(node, kind, ask) for node, parts in wanted for part in parts for kind, ask in questions(node, part)]
        answers = await self._bus.ask([ask for _, _, ask in asked], within_s=self._patience_s)
        if any(answer is SILENT for answer in answers):
            raise Silent(f"the program did not answer within {self._patience_s:g} s: it hangs, or is very busy")
        for (node, kind, _), answer in zip(asked, answers, strict=True):
            if kind == "count":
                count = answer if isinstance(answer, int) else 0
                node.children = await children_of_table(self._bus, node.ref, self._seen_of(node), count)
            elif kind == "length":
                await self._read_long(node, answer if isinstance(answer, int) else 0)
            elif kind == "choice":
                node.text = await self._chosen(node)
            else:
                take(node, kind, answer)

    async def _read_long(self, node: Node, length: int) -> None:
        """Read a text of several lines, as far as is read in a look. -1 is its end: Qt tells nothing beyond that."""
        end = _LONGEST if length > _LONGEST else -1
        (answer,) = await self._bus.ask([Ask(node.ref, words.TEXT, "GetText", "ii", (0, end))])
        take(node, "text", answer)

    async def _chosen(self, combo: Node) -> str | None:
        """Return the name of what is chosen in a combo box or in the list that is its child; None: it is not told."""
        if self._toolkit in words.COMBO_IS_CALLED_BY_CHOICE:
            return combo.name
        holders = combo.children[:2] if self._toolkit == "Chromium" else (combo.ref, *combo.children[:2])
        for holder in holders:  # Chromium complains in its log where the box itself is asked
            (answer,) = await self._bus.ask([Ask(holder, words.SELECTION, "GetSelectedChild", "i", (0,))])
            chosen = () if isinstance(answer, Failed) else refs_in([answer])
            if chosen and chosen[0] not in combo.children:
                (name,) = await self._bus.ask([get(chosen[0], words.ACCESSIBLE, "Name")])
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
