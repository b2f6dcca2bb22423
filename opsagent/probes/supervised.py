"""What supervisors say: the unit's state, whether the supervisor is there, how everything upstream is doing."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room
from opsagent_tools.probes.health import ProbeResult, ask
from opsagent_tools.processes.family import ancestors, parents
from opsagent_tools.processes.proc import read_stat
from opsagent_tools.supervisors.port import Daemon, SupervisorUnreachable
from opsagent_tools.units import Unit, UnitId, UnitState


async def unit_state(room: Room, unit_id: UnitId) -> Found:
    """Ask the supervisor afresh: state, processes, restarts, how the last one ended, and whose they are."""
    unit = await room.unit(unit_id)
    starts = [process.key.started for process in unit.processes]
    owners = {owner for process in unit.processes if (owner := _owner(process.pid)) is not None}
    foreign = owners - {unit.uid} or ({unit.uid} - {os.geteuid()} if os.geteuid() else set())
    if foreign and not os.geteuid() and not unit.uid and await _gave_up_rights(room, unit):
        foreign = set()
    facts: dict[str, Scalar] = {
        "state": unit.state.value,
        "instances": unit.instances,
        "processes": len(unit.processes),
        "pids": ",".join(str(process.pid) for process in unit.processes),
        "short": sum(process.wanted for process in unit.processes) < unit.instances,
        "restarts": unit.restarts,
        "age_s": max(0.0, room.now.timestamp() - max(starts)) if starts else 0.0,
        "foreign": bool(foreign),
        "owner": ", ".join(_user(uid) for uid in sorted(foreign)),
        "said": f"{unit.name} is {unit.state.value}" + (f" ({unit.reason})" if unit.reason else ""),
    }
    if unit.last_exit is not None:
        facts["last_exit"] = unit.last_exit
    return Found(kind=EvidenceKind.SUPERVISOR, facts=facts)


async def _gave_up_rights(room: Room, unit: Unit) -> bool:
    """Tell whether root's own supervisor started all processes of a unit: they became another user, and are its all the same."""
    daemon = (await room.supervisor(unit.id).daemon()).pid
    tree = await asyncio.to_thread(parents)
    return (daemon or 0) > 1 and all(daemon in ancestors(process.pid, tree) for process in unit.processes)


async def supervisor_state(room: Room, unit_id: UnitId) -> Found:
    """Ask whether the supervisor's own daemon answers, what is wrong with it, and what bringing it back would do."""
    kind, supervisor = unit_id.supervisor, room.supervisor(unit_id)
    try:
        units = await supervisor.list()
    except SupervisorUnreachable:
        facts: dict[str, Scalar] = {"reachable": False, "gone": True, "said": f"the daemon of {kind} does not answer"}
    else:
        facts = {"reachable": True, "gone": False, "units": len(units), "said": f"{kind} answers"}
    facts |= _of_the_daemon(await supervisor.daemon())
    if facts["reachable"] and facts["trouble"]:
        facts["said"] = f"{kind} answers, but {facts['trouble']}"
    return Found(kind=EvidenceKind.SUPERVISOR, facts=facts)


def _of_the_daemon(daemon: Daemon) -> Mapping[str, Scalar]:
    return {
        "pid": daemon.pid or 0,
        "version": daemon.version,
        "ended": daemon.ended,
        "trouble": daemon.trouble,
        "revival": daemon.revival,
        "outlived": daemon.outlived,
        "hint": daemon.hint,
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Neighbour:
    unit: Unit
    health: ProbeResult | None
    stopped: int
    """Processes in state T."""

    @property
    def trouble(self) -> str:
        """Say what is wrong with it; nothing where it is well."""
        name, state = self.unit.name, self.unit.state
        if state is UnitState.STOPPED:
            return f"{name} was stopped on purpose"
        if state is UnitState.EXITED:
            return f"{name} ended and is not running"
        if self.stopped:
            return f"{name} is stopped by a signal (state T)"
        if state is not UnitState.RUNNING:
            return f"{name} is {state.value}"
        if self.health is not None and not self.health.ok:
            status = f" {self.health.status}" if self.health.status else ""
            return f"{name} fails its own probe ({self.health.reason}{status})"
        return ""


async def dependencies(room: Room, unit_id: UnitId) -> Found:
    """Ask how everything upstream is doing; the root of the trouble is what has no trouble above itself."""
    above = [found for found in room.world.all_upstream(unit_id) if found in room.world.units]
    neighbours = await asyncio.gather(*(_neighbour(room, unit) for unit in above))
    troubled = {near.unit.id: near for near in neighbours if near.trouble and not _is_done(room, near.unit)}
    roots = [near for near in troubled.values() if not troubled.keys() & set(room.world.all_upstream(near.unit.id))]
    # in a circle everything is above itself: the nearest one stands for it
    root = min(roots or troubled.values(), key=lambda near: _SEVERITY.get(near.unit.state, 2), default=None)
    if root is None:
        names = ", ".join(unit.name for unit in above)
        facts: dict[str, Scalar] = {"ok": True, "units": len(above), "root": "", "said": f"well: {names}"}
    else:
        facts = {
            "ok": False,
            "units": len(above),
            "troubled": len(troubled),
            "root": str(root.unit.id),
            "root_name": root.unit.name,
            "root_state": root.unit.state.value,
            "said": root.trouble,
        }
    return Found(kind=EvidenceKind.SUPERVISOR, facts=facts)


_SEVERITY = {UnitState.STOPPED: 0, UnitState.EXITED: 1}


async def _neighbour(room: Room, unit_id: UnitId) -> _Neighbour:
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    letters = [stat.state for process in unit.processes if (stat := read_stat(process.pid)) is not None]
    health = None
    if spec is not None and spec.health is not None and unit.state is UnitState.RUNNING:
        health = await ask(spec.health)
    return _Neighbour(unit=unit, health=health, stopped=letters.count("T"))


def _is_done(room: Room, unit: Unit) -> bool:
    """Tell whether the unit is a job that ran to its end: nothing is missing while it does not run."""
    spec = room.spec(unit.id)
    serves = bool(unit.ports) or (spec is not None and (spec.health is not None or spec.port is not None))
    return unit.state is UnitState.EXITED and unit.last_exit == 0 and not serves


def _owner(pid: int) -> int | None:
    """Return the real uid; the owner of /proc/PID is root where a process may not be dumped."""
    try:
        with open(f"/proc/{pid}/status", "rb") as file:  # noqa: PTH123
            return next(int(line.split()[1]) for line in file if line.startswith(b"Uid:"))
    except (OSError, StopIteration):
        return None


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
