"""The judge's own look at an accessible tree: a walk over D-Bus that shares no code with the agent's."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from dbus_fast import BusType, Message, MessageType
from dbus_fast.aio import MessageBus

from opsagent_tools.gui.model import Box
from opsagent_tools.patience import within

_ACCESSIBLE = "org.a11y.atspi.Accessible"
_COMPONENT = "org.a11y.atspi.Component"
_TEXT = "org.a11y.atspi.Text"
_VALUE = "org.a11y.atspi.Value"
_PROPERTIES = "org.freedesktop.DBus.Properties"
_ROOT = "/org/a11y/atspi/accessible/root"
_SCREEN = 0
_LABELLED_BY = 2
_SHOWING, _CHECKED, _SELECTED = 25, 4, 23
_DEEPEST = 40
_REPLY_S = 3.0
_AT_ONCE = 32
"""Calls on their way: dbus-fast loses calls when the socket's buffer is full."""
_MANY = 400
"""Children beyond these are not asked: a table of thousands of rows is none of ours."""


@dataclass(slots=True)
class Node:
    """One accessible, as its toolkit told it."""

    bus: str
    path: str
    role: str = ""
    name: str = ""
    box: Box = field(default_factory=lambda: Box(0, 0, 0, 0))
    states: int = 0
    value: str | None = None
    labelled_by: tuple[str, ...] = ()
    parent: Node | None = None
    children: list[Node] = field(default_factory=list)

    @property
    def showing(self) -> bool:
        return bool(self.states >> _SHOWING & 1) and not self.box.empty

    @property
    def checked(self) -> bool:
        return bool(self.states >> _CHECKED & 1)

    @property
    def selected(self) -> bool:
        return bool(self.states >> _SELECTED & 1)

    def walk(self) -> list[Node]:
        found, row = [], [self]
        while row:
            node = row.pop()
            found.append(node)
            row.extend(reversed(node.children))
        return found

    def above(self) -> list[Node]:
        found, node = [], self.parent
        while node is not None:
            found.append(node)
            node = node.parent
        return found


class Judge:
    """A connection of its own to the accessibility bus of a display."""

    def __init__(self, session_address: str) -> None:
        self._session_address = session_address
        self._bus: MessageBus | None = None
        self._few = asyncio.Semaphore(_AT_ONCE)

    async def open(self) -> None:
        session = await MessageBus(bus_address=self._session_address, bus_type=BusType.SESSION).connect()
        try:
            reply = await session.call(
                Message(destination="org.a11y.Bus", path="/org/a11y/bus", interface="org.a11y.Bus", member="GetAddress")
            )
            address = str(reply.body[0]) if reply.body else ""
        finally:
            session.disconnect()
        self._bus = await MessageBus(bus_address=address).connect()

    async def close(self) -> None:
        if self._bus is not None:
            self._bus.disconnect()

    async def trees(self, belongs: Callable[[int], bool]) -> list[Node]:
        """Return the trees of the programs whose pid `belongs`, with the box, value and states of each node."""
        root = Node("org.a11y.atspi.Registry", _ROOT)
        found = []
        for bus, path in await self._children(root):
            pid = await self._pid(bus)
            if pid and belongs(pid):
                found.append(await self._read(Node(bus, path), 0))
        return found

    async def _read(self, node: Node, depth: int) -> Node:
        told = await asyncio.gather(
            self._call(node, _ACCESSIBLE, "GetRoleName"),
            self._call(node, _PROPERTIES, "Get", "ss", [_ACCESSIBLE, "Name"]),
            self._call(node, _COMPONENT, "GetExtents", "u", [_SCREEN]) if depth else _nothing(),
            self._call(node, _ACCESSIBLE, "GetState"),
        )
        role, name, extents, states = told
        node.role = str(role or "")
        node.name = str(name.value if name is not None else "")
        node.box = Box(*(int(part) for part in extents)) if extents else node.box
        node.states = (states[0] | states[1] << 32) if states else 0
        if depth < _DEEPEST:
            below = [Node(bus, path, parent=node) for bus, path in (await self._children(node))[:_MANY]]
            node.children = list(await asyncio.gather(*(self._read(child, depth + 1) for child in below)))
        return node

    async def details(self, node: Node) -> None:
        """Read what costs more: the text or number that it holds, and what labels it."""
        count = await self._call(node, _PROPERTIES, "Get", "ss", [_TEXT, "CharacterCount"])
        if count is not None:
            text = await self._call(node, _TEXT, "GetText", "ii", [0, int(count.value)])
            node.value = None if text is None else str(text)
        if node.value is None:
            number = await self._call(node, _PROPERTIES, "Get", "ss", [_VALUE, "CurrentValue"])
            node.value = None if number is None else f"{float(number.value):g}"
        relations = await self._call(node, _ACCESSIBLE, "GetRelationSet")
        labels = [target for kind, targets in relations or [] if kind == _LABELLED_BY for target in targets]
        names = await asyncio.gather(
            *(self._call(Node(bus, path), _PROPERTIES, "Get", "ss", [_ACCESSIBLE, "Name"]) for bus, path in labels)
        )
        node.labelled_by = tuple(str(name.value) for name in names if name is not None)

    async def _children(self, node: Node) -> list[tuple[str, str]]:
        told = await self._call(node, _ACCESSIBLE, "GetChildren")
        return [(bus, path) for bus, path in told or [] if not path.endswith("/null")]

    async def _pid(self, bus: str) -> int:
        told = await self._call(
            Node("org.freedesktop.DBus", "/org/freedesktop/DBus"),
            "org.freedesktop.DBus",
            "GetConnectionUnixProcessID",
            "s",
            [bus],
        )
        return int(told or 0)

    async def _call(
        self, node: Node, interface: str, member: str, signature: str = "", body: list[Any] | None = None
    ) -> Any:  # what D-Bus brings
        assert self._bus is not None, "open() comes first"
        message = Message(
            destination=node.bus,
            path=node.path,
            interface=interface,
            member=member,
            signature=signature,
            body=body or [],
        )
        try:
            async with self._few:
                reply = await within(self._bus.call(message), _REPLY_S)
        except (TimeoutError, OSError, EOFError):
            return None
        if reply.message_type is not MessageType.METHOD_RETURN or not reply.body:
            return None
        return reply.body[0]


async def _nothing() -> None:
    """Stand in for a question that a program itself has no answer to."""
