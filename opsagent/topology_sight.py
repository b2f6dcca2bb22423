"""What the sockets of one moment say of who talks to whom. Pure.

Who connected to a port that is listened on is the client. Where it cannot be told who holds a socket, nothing is made up:
its inode is handed back as unexplained, and whoever reads descriptors may find out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from opsagent.topology import OUTSIDE, Link, Node, Sort
from opsagent_tools.processes.talking import End, Sockets, Talk

_SYSTEM_PATHS = ("/run/systemd/", "/run/dbus/", "/run/user/", "/var/run/dbus/", "@/tmp/dbus", "@/org/")
"""Every service of a machine talks there: that says nothing of it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Holders:
    """Who holds which socket, as far as that was found out."""

    nodes: Mapping[int, frozenset[Node]] = field(default_factory=dict)
    """By inode."""
    ours: frozenset[int] = frozenset()
    """Inodes that the agent, or a supervisor's daemon, holds: what those talk to is no dependency of anybody."""
    serving: Mapping[int, Node] = field(default_factory=dict)
    """By port: who is known to serve it, where the socket itself does not tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """What was seen."""

    links: frozenset[Link] = frozenset()
    unexplained: frozenset[int] = frozenset()
    """Inodes of connecting ends, or of those that were connected to, whose holder is not known."""
    nameless: frozenset[int] = frozenset()
    """Inodes of ends that are connected to a unit, whose holder no unit is."""


def sight(sockets: Sockets, holders: Holders) -> Sight:
    """Return who talks to whom."""
    scene = _Scene(sockets, holders)
    links: set[Link] = set()
    for talk in sockets.talking:
        link = scene.link_of(talk)
        if link is not None:
            links.add(link)
    links.update(scene.local_links())
    return Sight(
        links=frozenset(link for link in links if _tells(link)),
        unexplained=frozenset(scene.unexplained),
        nameless=frozenset(scene.nameless),
    )


def clients_in_passing(ended: Iterable[tuple[End, End]], sockets: Sockets, holders: Holders) -> frozenset[Node]:
    """Return who was connected to from this machine by somebody who was gone again before anyone could look.

    Which of two ends in TIME_WAIT connected is told by the port that is listened on; who it was is not told at all.
    """
    scene = _Scene(sockets, holders)
    found = set()
    for near, far in ended:
        for end in (near, far):
            if scene.is_here(far) and scene.listener(end) is not None:
                node = scene.server(end, 0)
                if node is not None and node.sort is Sort.UNIT:
                    found.add(node)
    return frozenset(found)


class _Scene:
    """One moment, looked up from all sides."""

    def __init__(self, sockets: Sockets, holders: Holders) -> None:
        self._sockets = sockets
        self._holders = holders
        self.unexplained: set[int] = set()
        self.nameless: set[int] = set()
        self._ends: dict[tuple[End, End], int] = {(talk.local, talk.remote): talk.inode for talk in sockets.talking}
        self._listening: dict[int, dict[bytes | None, int]] = {}
        for end, inode in sockets.listening:
            where = None if end.anywhere else end.address
            self._listening.setdefault(end.port, {})[where] = inode
        self._here = {talk.local.address for talk in sockets.talking} | {one.end.address for one in sockets.listening}

    def listener(self, end: End) -> int | None:
        """Return the inode of the socket that takes connections to this end; None: nobody listens there."""
        at = self._listening.get(end.port)
        return None if at is None else at.get(end.address, at.get(None))

    def is_here(self, end: End) -> bool:
        """Tell whether it is an end on this machine, in our network namespace."""
        return end.loopback or end.address in self._here

    def link_of(self, talk: Talk) -> Link | None:
        other = self._ends.get((talk.remote, talk.local))
        serves = self.listener(talk.local) is not None and not talk.begins
        if other is None and not self.is_here(talk.remote):
            return self._from_outside(talk) if serves else self._to_remote(talk)
        called = self._is_called(talk.remote)
        if serves or not called:  # it is told from its other end, or nobody can tell who connected
            return None
        source = self._holder(talk.inode, talk.remote.port)
        target = self.server(talk.remote, other or 0)
        if source is None and target is not None and target.sort is Sort.UNIT:
            self._want(talk.inode, nameless=True)
        elif source is None:
            self._want(talk.inode)
        return self._link(source, target, talk.remote.port)

    def server(self, end: End, accepted: int) -> Node | None:
        """Return who serves at an end: whoever holds the connection, else the listening socket, else is known to."""
        found = self._holder(accepted, end.port) or self._holder(self.listener(end) or 0, end.port)
        if found is None and accepted:
            self._want(accepted)
        return found or self._holders.serving.get(end.port)

    def local_links(self) -> Iterable[Link]:
        served: dict[str, Node] = {}
        for path, inode in self._sockets.served_paths:
            node = self._holder(inode, 0)
            if node is not None:
                served.setdefault(path, node)
        for path, inode, peer in self._sockets.local:
            source, target = self._holder(peer, 0), self._holder(inode, 0) or served.get(path)
            everybodys = path.startswith(_SYSTEM_PATHS)
            if target is None and source is not None and not everybodys and inode not in self._holders.ours:
                self.nameless.add(inode)
            link = self._link(source, target, 0, path)
            if link is not None and (link.target.sort is Sort.UNIT or not everybodys):
                yield link

    def _is_called(self, end: End) -> bool:
        if self._listening.get(end.port):
            return self.listener(end) is not None
        return end.port in self._holders.serving

    def _from_outside(self, talk: Talk) -> Link | None:
        return self._link(OUTSIDE, self.server(talk.local, talk.inode), talk.local.port)

    def _to_remote(self, talk: Talk) -> Link | None:
        source = self._holder(talk.inode, 0)
        if source is None:
            self._want(talk.inode)
        return self._link(source, Node(Sort.REMOTE, str(talk.remote)), talk.remote.port)

    def _holder(self, inode: int, port: int) -> Node | None:
        found = self._holders.nodes.get(inode)
        if not found:
            return None
        if len(found) == 1:
            return next(iter(found))
        serving = self._holders.serving.get(port)
        return serving if serving in found else None

    def _want(self, inode: int, *, nameless: bool = False) -> None:
        if inode and inode not in self._holders.nodes and inode not in self._holders.ours:
            self.unexplained.add(inode)
            if nameless:
                self.nameless.add(inode)

    @staticmethod
    def _link(source: Node | None, target: Node | None, port: int, path: str = "") -> Link | None:
        return None if source is None or target is None or source == target else Link(source, target, port, path)


def _tells(link: Link) -> bool:
    return Sort.UNIT in {link.source.sort, link.target.sort}
