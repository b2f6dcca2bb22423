"""One look at who talks to whom: the kernel's list of sockets, and whose they are. Blocks; call it in a thread.

The list is cheap and asked for each time. Whose an inode is means reading descriptors: of supervised processes and what
descends from them once a minute, when they changed, or when a connection turns up that nothing explains; of all others
only to name who connects to a unit. Each of these may be done again only after 200 times the processor time that it took.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from opsagent.topology import Node, Sort
from opsagent.topology_sight import Holders, Sight, clients_in_passing, sight
from opsagent_tools.processes import talking
from opsagent_tools.processes.ownership import Unsupervised
from opsagent_tools.processes.sweep import Sweep, sweep
from opsagent_tools.units import Unit, UnitId

_SHARE = 200
"""Work is repeated after this many times what it cost: at most half a percent of a core for each sort of it."""
_SCAN_S, _SCAN_YOUNG_S, _SCAN_AGAIN_S = 60.0, 10.0, 2.0
_STRANGERS_S = 60.0
_PASSING_S = 30.0
_HUNT_LOOKS, _HUNT_PAUSE_S = 10, 0.015
_YOUNG_S = 60.0
"""For this long after the first look, or after processes changed, what there is to learn is new."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """What is known before one looks."""

    units: Sequence[Unit]
    daemons: Iterable[int] = ()
    """Processes of the supervisors themselves."""
    unsupervised: Iterable[Unsupervised] = ()
    """Who listens without a supervisor."""
    found_ports: Mapping[UnitId, tuple[int, ...]] = field(default_factory=dict)
    servers: Mapping[int, Node] = field(default_factory=dict)
    """Who served which port as far as was ever seen."""


@dataclass(slots=True)
class _Purse:
    """When something may be done again."""

    next_at: float = 0.0
    begun_at: float = 0.0

    @contextmanager
    def spend(self, least_s: float) -> Iterator[None]:
        used = time.thread_time()
        self.begun_at = time.monotonic()
        try:
            yield
        finally:
            self.next_at = time.monotonic() + max(least_s, _SHARE * (time.thread_time() - used))

    @property
    def may(self) -> bool:
        return time.monotonic() >= self.next_at


class Looker:
    """Looks again and again, and remembers whose sockets are."""

    def __init__(self) -> None:
        self.hidden: frozenset[UnitId] = frozenset()
        """Units whose sockets cannot be seen: another user's, or in another network namespace."""
        self.in_passing: frozenset[Node] = frozenset()
        """Units that somebody of this machine connects to so shortly that it was not seen who."""
        self.pause_s = 1.0
        """How long to wait until the next look."""
        self._nodes: dict[int, frozenset[Node]] = {}
        self._ours: frozenset[int] = frozenset()
        self._strangers: frozenset[int] = frozenset()
        """Inodes that no supervised process held when it was looked."""
        self._unix: set[int] = set()
        """Serving ends of unix sockets, as they were seen last."""
        self._tree = Sweep({})
        self._pids: frozenset[tuple[int, float]] = frozenset()
        self._scanned, self._named, self._passed, self._local = _Purse(), _Purse(), _Purse(), _Purse()
        self._young_until = time.monotonic() + _YOUNG_S

    def look(self, scene: Scene) -> Sight | None:
        """Return what is seen now; None where the kernel does not tell."""
        used = time.thread_time()
        sockets = talking.tcp()
        if sockets is None:
            self.pause_s = _SCAN_S
            return None
        self._notice_changes(scene)
        if self._scan_is_due:
            self._scan(scene)
        if self._local.may:
            with self._local.spend(0.0):
                local, served = talking.local()
            self._unix = {one.inode for one in local}
            sockets = replace(sockets, local=local, served_paths=served)
        found = self._explained(sockets, scene)
        if self._passed.may:
            with self._passed.spend(_PASSING_S):
                found = self._hunt(sockets, scene, found)
        quiet_s = 1.0 if time.monotonic() < self._young_until else 5.0
        self.pause_s = max(quiet_s, _SHARE * (time.thread_time() - used))
        return found

    def _notice_changes(self, scene: Scene) -> None:
        pids = frozenset((process.pid, process.key.started) for unit in scene.units for process in unit.processes)
        if pids != self._pids:
            self._pids = pids
            self._young_until = max(self._young_until, time.monotonic() + _YOUNG_S / 6)
            self._scanned.begun_at = 0.0

    @property
    def _scan_is_due(self) -> bool:
        every_s = _SCAN_YOUNG_S if time.monotonic() < self._young_until else _SCAN_S
        return self._scanned.may and time.monotonic() - self._scanned.begun_at >= every_s

    def _explained(self, sockets: talking.Sockets, scene: Scene) -> Sight:
        """Return what is seen; descriptors are read once more where something is not explained and it is not too dear."""
        found = sight(sockets, self._holders(scene))
        if found.unexplained - self._strangers and self._scanned.may:
            self._scan(scene)
            found = sight(sockets, self._holders(scene))
            self._strangers = found.unexplained
        if found.nameless and self._named.may:
            with self._named.spend(_STRANGERS_S):
                self._name(found.nameless, {talk.inode for talk in sockets.talking} | self._unix)
            found = sight(sockets, self._holders(scene))
        return found

    def _hunt(self, sockets: talking.Sockets, scene: Scene, found: Sight) -> Sight:
        """Somebody connects to a unit too shortly to be seen: look some times in a row, and descriptors at once."""
        known = {link.target for link in found.links} | set(scene.servers.values())
        self.in_passing = clients_in_passing(talking.passing(), sockets, self._holders(scene))
        if not self.in_passing - known:
            return found
        for _ in range(_HUNT_LOOKS):
            time.sleep(_HUNT_PAUSE_S)
            again = talking.tcp()
            if again is None:
                break
            seen = sight(again, self._holders(scene))
            if seen.unexplained - self._strangers:
                self._scan(scene)
                seen = sight(again, self._holders(scene))
                self._strangers |= seen.unexplained
                return replace(found, links=found.links | seen.links)
        return found

    def _holders(self, scene: Scene) -> Holders:
        own = frozenset(inode for inode, _ in talking.held_by([os.getpid()]))
        return Holders(nodes=self._nodes, ours=self._ours | own, serving=_serving(scene))

    def _scan(self, scene: Scene) -> None:
        """Read the descriptors of supervised processes, of what descends from them, and of the daemons."""
        with self._scanned.spend(_SCAN_AGAIN_S):
            self._tree = sweep()
            owners, seen = self._owners(scene), {}
            for unit in scene.units:
                seen[unit.id] = [talking.may_look_at(process.pid) for process in unit.processes]
            self.hidden = frozenset(unit for unit, may in seen.items() if may and not any(may))
            held: dict[int, set[Node]] = {}
            for inode, pid in talking.held_by(owners):
                held.setdefault(inode, set()).add(owners[pid])
            others = {inode: nodes for inode, nodes in self._nodes.items() if inode not in held and _is_process(nodes)}
            self._nodes = {**others, **{inode: frozenset(nodes) for inode, nodes in held.items()}}
            daemons = {os.getpid(), *scene.daemons}
            self._ours = frozenset(inode for inode, _ in talking.held_by(daemons)) - held.keys()

    def _owners(self, scene: Scene) -> dict[int, Node]:
        """Return the unit that each process runs for: its own, or that of the nearest one above it."""
        units = {process.pid: Node.of(unit.id) for unit in scene.units for process in unit.processes}
        daemons = {os.getpid(), *scene.daemons}
        found: dict[int, Node | None] = {**dict.fromkeys(daemons), **units}
        for pid in self._tree.processes:
            chain = []
            for above in self._tree.chain(pid):
                if above in found:
                    break
                chain.append(above)
            else:
                found.update(dict.fromkeys(chain))
                continue
            found.update(dict.fromkeys(chain, found[above]))
        return {pid: node for pid, node in found.items() if node is not None and pid not in daemons}

    def _name(self, inodes: frozenset[int], alive: set[int]) -> None:
        """Find out which other processes hold these sockets."""
        others = [pid for pid, one in self._tree.processes.items() if not one.kernel]
        self._nodes = {n: nodes for n, nodes in self._nodes.items() if n in alive or not _is_process(nodes)}
        for inode, pid in talking.held_by(others):
            if inode in inodes and inode not in self._nodes:
                self._nodes[inode] = frozenset({Node(Sort.PROCESS, program_of(pid, self._tree))})


def program_of(pid: int | None, tree: Sweep | None = None) -> str:
    """Return the name of the program that a process runs, `?` where that is not known: untrusted."""
    if pid is None:
        return "?"
    try:
        path = os.readlink(f"/proc/{pid}/exe").removesuffix(" (deleted)")  # noqa: PTH115
        return path.rpartition("/")[2] or "?"
    except OSError:
        seen = tree.processes.get(pid) if tree is not None else None
        return seen.name if seen is not None and seen.name else "?"


def _is_process(nodes: frozenset[Node]) -> bool:
    return any(node.sort is Sort.PROCESS for node in nodes)


def _serving(scene: Scene) -> dict[int, Node]:
    """Return who serves which port, where the socket does not tell: the surest word last, so that it counts."""
    found = dict(scene.servers)
    for ports in ({unit.id: unit.ports for unit in scene.units}, scene.found_ports):
        found.update(_unique(ports))
    for one in scene.unsupervised:
        if one.sort not in {"agent", "elsewhere"}:
            name = program_of(one.pid) if one.pid is not None else one.name
            for port in one.ports:
                found[port] = Node(Sort.PROCESS, name if name not in {"", "?"} else f"port {port}")
    return found


def _unique(ports: Mapping[UnitId, tuple[int, ...]]) -> dict[int, Node]:
    owners: dict[int, list[UnitId]] = {}
    for unit, listed in ports.items():
        for port in listed:
            owners.setdefault(port, []).append(unit)
    return {port: Node.of(units[0]) for port, units in owners.items() if len(units) == 1}
