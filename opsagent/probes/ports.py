"""Who listens on the unit's configured port. Read from the kernel; nothing is ever connected to."""

from __future__ import annotations

import asyncio
import os
import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room, name_of
from opsagent_tools.processes.family import ancestors, parents, with_descendants
from opsagent_tools.processes.marks import MARK, mark_of
from opsagent_tools.processes.ports import Listener, listeners
from opsagent_tools.units import ProcessKey, Unit, UnitId

_ENGINE_MARK = "OPSAGENT_ENGINE"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scene:
    """Who is who around the port."""

    unit: Unit
    own: frozenset[int]
    """The unit's processes and all below them."""
    engine: frozenset[int]
    """The supervisor's daemon, and what else runs the unit's processes."""
    engine_mark: str
    """What our engine writes into the environment of all that it starts; empty where it is not known."""
    kin: frozenset[ProcessKey]
    """Processes that were seen below the unit's own at some time."""
    supervised: frozenset[int]
    """Processes of every unit that is known, and all below them."""
    names: Mapping[int, UnitId]
    parents: Mapping[int, int]


async def port_holder(room: Room, unit_id: UnitId) -> Found:
    """Tell whether the unit's port is free, its own, its engine's, an orphan's of it, or a stranger's."""
    unit = await room.unit(unit_id)
    if not unit.ports:
        return Found(kind=EvidenceKind.KERNEL, facts={"relation": "free", "port": 0, "said": "no port is configured"})
    engine = getattr(room.supervisors.get(unit_id.supervisor), "engine", None)
    others = tuple(other for other in room.world.units.values() if other.id != unit_id)
    kin = frozenset(room.world.kin.get(unit_id, ()))
    return await asyncio.to_thread(_look, unit, others, engine, kin)


def _look(unit: Unit, others: Iterable[Unit], engine: object, kin: frozenset[ProcessKey]) -> Found:
    everyone = parents()
    direct = [process.pid for process in unit.processes]
    theirs = {
        pid: other.id
        for other in others
        for pid in with_descendants((process.pid for process in other.processes), everyone)
    }
    pid_of = getattr(engine, "pid", None)
    daemon = pid_of() if callable(pid_of) else None
    above = {everyone.get(pid, 0) for pid in direct} - {0, 1, os.getpid()}
    scene = _Scene(
        unit=unit,
        own=frozenset(with_descendants(direct, everyone)),
        engine=frozenset(above | ({daemon} if daemon else set())),
        engine_mark=str(getattr(engine, "id", "")),
        kin=kin,
        supervised=frozenset({*theirs, *direct}),
        names=theirs,
        parents=everyone,
    )
    found = [_holder(scene, port) for port in unit.ports]
    # the one that keeps the unit from running comes first
    worst = min(found, key=lambda facts: _ORDER.index(str(facts["relation"])))
    return Found(kind=EvidenceKind.KERNEL, facts=worst)


_MINE = {"own": "its own process", "engine": "its engine"}
_ORDER = ("stranger", "orphan", "free", "engine", "own")


def _holder(scene: _Scene, port: int) -> dict[str, Scalar]:
    found = listeners(port)
    if not found:
        return {"relation": "free", "port": port, "said": f"nobody listens on port {port}"}
    pids = {listener.process.pid for listener in found if listener.process is not None}
    for relation, whose in (("own", scene.own), ("engine", scene.engine)):
        mine = pids & whose
        if mine:
            return {
                "relation": relation,
                "port": port,
                "pid": min(mine),
                "said": f"port {port} is held by {_MINE[relation]}",
            }
    for listener in found:
        if not _is_orphan(scene, listener):
            return _described(scene, port, listener, "stranger")
    return _described(scene, port, found[0], "orphan")


def _is_orphan(scene: _Scene, listener: Listener) -> bool:
    """Tell whether an earlier life of this very unit left this process behind. What a process calls itself is no proof.

    It was seen below the unit's processes while they lived, or the mark of our engine and of the unit is in the
    environment that it was started with; it runs as the unit's own user, and neither the engine nor any supervised
    process is above it.
    """
    key, unit = listener.process, scene.unit
    if key is None or listener.uid != unit.uid or not _runs_as(key.pid, unit.uid):
        return False
    if key not in scene.kin and not _is_marked(key.pid, scene):
        return False
    above = {key.pid, *ancestors(key.pid, scene.parents)}
    return not (above & (scene.engine | scene.supervised)) and key.pid not in _ourselves(scene.parents)


def _is_marked(pid: int, scene: _Scene) -> bool:
    if not scene.engine_mark or mark_of(pid, _ENGINE_MARK) != scene.engine_mark:
        return False
    return mark_of(pid, MARK) == str(scene.unit.id)


def _ourselves(parents: Mapping[int, int]) -> set[int]:
    return {os.getpid(), *ancestors(os.getpid(), parents)}


def _runs_as(pid: int, uid: int) -> bool:
    try:
        lines = Path(f"/proc/{pid}/status").read_bytes().splitlines()
    except OSError:
        return False
    return any(line.split()[1:5] == [str(uid).encode()] * 4 for line in lines if line.startswith(b"Uid:"))


def _described(scene: _Scene, port: int, listener: Listener, relation: str) -> dict[str, Scalar]:
    facts: dict[str, Scalar] = {"relation": relation, "port": port, "uid": listener.uid, "user": _user(listener.uid)}
    who = f"a process of user {facts['user']} that we may not look at"
    key = listener.process
    if key is not None:
        program = _program(key.pid)
        facts |= {"pid": key.pid, "started": key.started, "program": program, "parent": scene.parents.get(key.pid, 0)}
        who = f"process {key.pid} ({program}, user {facts['user']})"
        if key.pid in scene.names:
            who += f" of {scene.names[key.pid].name}"
    if relation == "orphan":
        who += f", left over from an earlier life of {scene.unit.name}"
    facts["said"] = f"port {port} of {scene.unit.name} is held by {who}"
    return facts


def _program(pid: int) -> str:
    try:
        return name_of(Path(f"/proc/{pid}/comm").read_text(encoding="utf-8", errors="replace").strip())
    except OSError:
        return "gone"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"
