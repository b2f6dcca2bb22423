"""The engine's mark in the environment of what it starts, and how its processes are found again by it.

A command line can be forged by anybody and says nothing of who started a process. What counts is: the same user,
and either the mark in the environment that the kernel keeps, or the engine's own record of (pid, birth) - for
programs that write over their environment.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.supervisors.circus import procfs
from opsagent_tools.units import UnitId

UNIT = "OPSAGENT_UNIT"
ENGINE = "OPSAGENT_ENGINE"
INSTANCE = "OPSAGENT_INSTANCE"
ALL = (UNIT, ENGINE, INSTANCE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marked:
    """A living process that the engine started, or a descendant of one."""

    pid: int
    birth: float
    unit: str
    """Name of the unit, empty where the mark does not say it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """The engine's record of one instance that it started."""

    pid: int
    birth: float
    unit: str
    instance: str


def engine_id(engine_dir: Path) -> str:
    """Return the short name of the engine that keeps its files there."""
    return hashlib.sha256(os.fsencode(engine_dir.resolve())).hexdigest()[:16]


def find_marked(engine: str, recorded: Iterable[Started] = (), users: Collection[int] = ()) -> tuple[Marked, ...]:
    """Return every process of this user, and of `users`, that this engine started; never the caller or what is above it."""
    spared = procfs.ancestors(os.getpid())
    records = {(one.pid, one.birth): one for one in recorded}
    processes = [(stat, env) for stat, env in procfs.own_processes(users) if stat.pid not in spared]
    sessions = {stat.pid: records[stat.pid, stat.birth] for stat, _ in processes if (stat.pid, stat.birth) in records}
    found: list[Marked] = []
    for stat, env in processes:
        if env.get(ENGINE) == engine:
            unit = _unit_name(env.get(UNIT, ""))
        elif stat.session in sessions:
            unit = sessions[stat.session].unit
        else:
            continue
        found.append(Marked(pid=stat.pid, birth=stat.birth, unit=unit))
    return tuple(found)


def find_left_behind(instance: str, leader: int, users: Collection[int] = ()) -> tuple[tuple[int, float], ...]:
    """Return (pid, birth) of what an instance that has ended (its pid was `leader`) left running, as one of `users` too."""
    processes = list(procfs.own_processes(users))
    # Members of its session keep the number from being given out again; where it was, nobody of it is left.
    reused = any(stat.pid == leader for stat, _ in processes)
    return tuple(
        (stat.pid, stat.birth)
        for stat, env in processes
        if env.get(INSTANCE) == instance or (stat.session == leader and not reused)
    )


def _unit_name(mark: str) -> str:
    try:
        return UnitId.parse(mark).name
    except ValueError:
        return ""
