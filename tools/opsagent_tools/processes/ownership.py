"""Whose a listening port is: a unit's, a supervisor's own, or nobody's. Reads /proc only; nothing is connected to.

A port belongs to the unit that the process that holds it, or the nearest process above it, runs for; else to the unit
of systemd whose control group it is in. What is left is listed with what can be told of it. Names of processes, marks in
environments and control groups are hints for a person: no action rests on them.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from opsagent_tools.processes.listening import Held, Socket, holders, listening
from opsagent_tools.processes.marks import MARK
from opsagent_tools.processes.sweep import Seen, Sweep, sweep
from opsagent_tools.units import Unit, UnitId

Sort = Literal["process", "container", "leftover", "session", "agent", "kernel", "elsewhere", "hidden"]

_CONTAINER = re.compile(
    r"/(?:docker|containerd|lxc(?:\.payload)?|machine\.slice|kubepods)[-./]|[-/](docker|libpod|crio|cri-containerd|nspawn)-"
    r"|/kubepods|/lxc\.payload\."
)
_CONTAINER_ID = re.compile(r"([0-9a-f]{12})[0-9a-f]{52}")
_SERVICE = re.compile(r"(?P<name>[^/]+)\.service$")
_REAPERS = frozenset({"systemd", "init", "launchd", "tini", "dumb-init"})
"""What takes over orphans beside process 1 itself."""
_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsupervised:
    """A process that listens on ports, and that no supervisor runs."""

    sort: Sort
    """`leftover`: a supervisor started it once and does not know it any more; `session`: somebody's ssh session;
    `kernel`: no process holds it; `elsewhere`: none of those that we can see, which are not all (we are in a container);
    `hidden`: we may not see who holds it."""
    pid: int | None
    uid: int
    name: str
    """The process's name as it gave it itself: untrusted."""
    ports: tuple[int, ...]
    addresses: tuple[str, ...]
    started: float | None
    """Seconds since the epoch."""
    says: str = ""
    """More in words for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """Who listens where."""

    ports: Mapping[UnitId, tuple[int, ...]] = field(default_factory=dict)
    """Ports that each unit was found to listen on."""
    unsupervised: tuple[Unsupervised, ...] = ()


def look(
    units: Sequence[Unit],
    daemons: Mapping[int, str],
    *,
    sockets: Sequence[Socket] | None = None,
    agent: int | None = None,
) -> Ownership:
    """Look at this machine. `daemons`: pid → kind of each supervisor's own process; `agent`: our daemon's pid."""
    sockets = listening() if sockets is None else sockets
    processes = sweep()
    held = holders((one.inode for one in sockets), processes.processes)
    return assign(processes, sockets, held, units, daemons, agent=agent)


def assign(
    processes: Sweep,
    sockets: Iterable[Socket],
    held: Held,
    units: Sequence[Unit],
    daemons: Mapping[int, str],
    *,
    agent: int | None = None,
) -> Ownership:
    """Tell whose each socket is."""
    scene = _Scene(processes, units, daemons, hidden=held.hidden)
    ports: dict[UnitId, set[int]] = {}
    nobodys: dict[tuple[Sort, int | None, int], list[Socket]] = {}
    for one in sockets:
        pids = held.by_inode.get(one.inode, ())
        owner = next(filter(None, map(scene.unit_of, pids)), None) or scene.through_daemon(pids)
        if owner is not None:
            ports.setdefault(owner, set()).add(one.port)
        elif not any(map(scene.is_supervised, pids)):
            pid = scene.topmost(pids)
            nobodys.setdefault((scene.sort(pid, agent), pid, one.uid), []).append(one)
    unsupervised = [scene.describe(sort, pid, uid, found) for (sort, pid, uid), found in nobodys.items()]
    return Ownership(
        ports={unit: tuple(sorted(found)) for unit, found in ports.items()},
        unsupervised=tuple(sorted(unsupervised, key=lambda one: one.ports)),
    )


class _Scene:
    """Who is who."""

    def __init__(self, processes: Sweep, units: Sequence[Unit], daemons: Mapping[int, str], *, hidden: bool) -> None:
        self._hidden = hidden
        self._processes = processes
        self._daemons = daemons
        self._units = {process.pid: unit.id for unit in units for process in unit.processes}
        first: Seen | None = processes.processes.get(1)
        self._sees_all = any(seen.kernel for seen in processes.processes.values())
        self._has_systemd = first is not None and first.name == "systemd"
        self._services = {unit.id.name: unit.id for unit in units if unit.id.supervisor.startswith("systemd")}
        self._sharing: dict[str, list[UnitId]] = {}
        for unit in units:
            if unit.shares_socket and unit.processes:
                self._sharing.setdefault(unit.id.supervisor, []).append(unit.id)

    def unit_of(self, pid: int) -> UnitId | None:
        """Return the unit that a process, or the nearest one above it, runs for; else by its control group."""
        for above in self._processes.chain(pid):
            if above in self._units:
                return self._units[above]
            if above in self._daemons:
                return None
        service = self._service(pid)
        name = re.sub("@.+$", "@", service)
        return self._services.get(service) or self._services.get(name)

    def through_daemon(self, pids: Sequence[int]) -> UnitId | None:
        """A supervisor that holds the socket of its units: whose it is can be told where only one of them is there."""
        for pid in pids:
            sharing = self._sharing.get(self._daemons.get(pid, ""), [])
            if len(sharing) == 1:
                return sharing[0]
        return None

    def is_supervised(self, pid: int) -> bool:
        """Tell whether it is a supervisor, below one, or run by one that is not watched (another home's, say)."""
        watched = any(above in self._daemons for above in self._processes.chain(pid))
        return watched or bool(self._service(pid)) or self._is_kept_by_another(pid)

    def _is_kept_by_another(self, pid: int) -> bool:
        """Tell whether what a supervisor marked still has one above it: what that left behind is init's child."""
        chain = self._processes.chain(pid)
        if not self._mark(pid):
            return False
        above = next((one for one in chain if not self._mark(one)), 1)
        seen = self._processes.processes.get(above)
        return above != 1 and seen is not None and seen.name not in _REAPERS

    def topmost(self, pids: Sequence[int]) -> int | None:
        """Return the process that the others that hold the same socket descend from."""
        among = set(pids)
        roots = [pid for pid in pids if not among & set(self._processes.chain(pid)[1:])]
        return min(roots, default=None)

    def sort(self, pid: int | None, agent: int | None) -> Sort:
        if pid is None:
            return "hidden" if self._hidden else "kernel" if self._sees_all else "elsewhere"
        if pid == agent:
            return "agent"
        if _CONTAINER.search(self._processes.cgroup(pid)):
            return "container"
        if self._mark(pid):
            return "leftover"
        seen = self._processes.processes.get(pid)
        above = self._processes.processes.get(seen.parent) if seen is not None else None
        if seen is not None and above is not None and _is_sshd(seen.name) and _is_sshd(above.name):
            return "session"
        return "process"

    def describe(self, sort: Sort, pid: int | None, uid: int, sockets: Sequence[Socket]) -> Unsupervised:
        seen = self._processes.processes.get(pid) if pid is not None else None
        return Unsupervised(
            sort=sort,
            pid=pid,
            uid=(self._processes.uid(pid) if pid is not None else None) or uid,
            name=seen.name if seen is not None else "",
            ports=tuple(sorted({one.port for one in sockets})),
            addresses=tuple(sorted({one.address for one in sockets})),
            started=self._processes.booted_at + seen.start_ticks / _TICKS if seen is not None else None,
            says=self._says(sort, pid),
        )

    def _says(self, sort: Sort, pid: int | None) -> str:
        match sort:
            case "container" if pid is not None:
                found = _CONTAINER_ID.search(self._processes.cgroup(pid))
                return f"in container {found[1]}" if found else "in a container"
            case "leftover" if pid is not None:
                return f"left over from {self._mark(pid)}"
            case "session":
                return "an ssh session forwards it"
            case "agent":
                return "opsagent itself"
            case "kernel":
                return "held by the kernel"
            case "elsewhere":
                return "no process that can be seen from here"
            case "hidden":
                return "a process that we may not look at"
            case _:
                return ""

    def _service(self, pid: int) -> str:
        """Return the unit of systemd that the process is in, without `.service`; empty where systemd does not run."""
        if not self._has_systemd:
            return ""
        found = _SERVICE.search(self._processes.cgroup(pid))
        return found["name"] if found and not found["name"].startswith("user@") else ""

    def _mark(self, pid: int) -> str:
        """Return what a supervisor left in its environment, if one did."""
        engine = self._processes.variable(pid, MARK)
        if engine:
            return f"{engine} of the engine"
        if self._processes.variable(pid, "pm_id"):
            return f"{self._processes.variable(pid, 'name') or 'an app'} of PM2"
        child = self._processes.variable(pid, "SUPERVISOR_PROCESS_NAME")
        return f"{child} of supervisord" if child else ""


def _is_sshd(name: str) -> bool:
    return name in {"sshd", "sshd-session"}
