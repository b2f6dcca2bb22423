"""Judges of accessible programs: where a target truly is, told by the toolkit to a connection of the judge's own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from opsagent_evals.gui import atspi, processes
from opsagent_evals.gui.model import Drift, Judge, Running, varied
from opsagent_tools.gui.model import Box

_ICONS = ("\ue000", "\uf8ff")
SESSION = "DBUS_SESSION_BUS_ADDRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """Which node of the tree a target is."""

    name: str | None = None
    """Exactly its name; None: any."""
    roles: frozenset[str] = frozenset()
    """As the toolkit calls it; empty: any."""
    label: str = ""
    """Name of what labels it, or of the label nearest to its left."""
    cell: str = ""
    """Exactly the text of another cell of its row."""
    window: str = ""
    """A part of the name of the window that it is in."""


Spots = Mapping[str, Spot]


def spot(name: str | None = None, *roles: str, label: str = "", cell: str = "", window: str = "") -> Spot:
    """Return a spot in few words."""
    return Spot(name=name, roles=frozenset(roles), label=label, cell=cell, window=window)


class AccessibleJudge:
    """Finds spots in the tree of one program (and what it started)."""

    def __init__(self, running: Running, spots: Spots) -> None:
        self._running = running
        self._spots = spots
        self._eyes = atspi.Judge(running.env[SESSION])

    async def open(self) -> Judge:
        await self._eyes.open()
        return self

    async def boxes(self, target: str) -> list[Box]:
        family = await asyncio.to_thread(processes.family, self._running.pid)
        trees = await self._eyes.trees(family.__contains__)
        nodes = [node for tree in trees for node in tree.walk()]
        found = await self._fitting(nodes, self._spots[target])
        return [one.box for one in found[:1]]

    async def close(self) -> None:
        await self._eyes.close()

    async def _fitting(self, nodes: list[atspi.Node], wanted: Spot) -> list[atspi.Node]:
        fitting = [
            node
            for node in nodes
            if node.showing
            and (wanted.name is None or _words(node.name) == wanted.name)
            and (not wanted.roles or node.role in wanted.roles)
            and (not wanted.window or any(wanted.window in above.name for above in node.above()))
            and (not wanted.cell or wanted.cell in _row_of(node))
        ]
        if not wanted.label:
            return fitting
        labelled = []
        for node in fitting:
            await self._eyes.details(node)
            said = node.labelled_by or (_nearest_left(node, nodes),)
            if any(one.rstrip(":* ") == wanted.label for one in said):
                labelled.append(node)
        return labelled


def by_spots(spots: Spots, *, changed: Mapping[Drift, Spots] | None = None) -> Callable[[Running], Awaitable[Judge]]:
    """Return who makes the judge of a run. `changed`: spots that are called otherwise under a drift."""

    async def judge(running: Running) -> Judge:
        return await AccessibleJudge(running, varied(spots, changed, running.place)).open()

    return judge


def _words(name: str) -> str:
    """Return a name without the signs of an icon font."""
    return "".join(sign for sign in name if not _ICONS[0] <= sign <= _ICONS[1]).strip()


def _row_of(node: atspi.Node) -> frozenset[str]:
    """Return the names of everything in the table's row around it."""
    for above in node.above():
        if above.role in {"table row", "row"}:
            return frozenset(one.name.strip() for one in above.walk())
    return frozenset()


def _window_of(node: atspi.Node) -> atspi.Node:
    """Return the window that a node is in: what stands right below its program."""
    around = [node, *node.above()]
    return around[-2] if len(around) > 1 else node


def _nearest_left(node: atspi.Node, nodes: list[atspi.Node]) -> str:
    """Return the label whose middle is in the node's height and whose end is nearest to its left, in its own window."""
    window = _window_of(node)
    beside = [
        one
        for one in nodes
        if one.role == "label" and one.showing and one.name
        and _window_of(one) is window
        and node.box.top <= one.box.center.y < node.box.bottom
        and one.box.left < node.box.left
    ]  # fmt: skip
    return max(beside, key=lambda one: one.box.left).name if beside else ""
