"""How much of the processor a process is given beside others: its nice value, and that of its session's autogroup.

Where `kernel.sched_autogroup_enabled` is set, a nice value weighs only among the processes of one session, and sessions
are weighed by the value in /proc/PID/autogroup (sched(7)): who wants to slow a job down has to set both. Values are
only ever raised (a lower priority) by `lower`; `restore` puts back exactly what was read. Linux only.
"""

# ruff: noqa: PTH123, PTH208

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from opsagent_tools.processes.family import parents
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.units import ProcessKey

_NONE = "-"
LOWEST = 19
"""The highest nice value, which is the lowest priority."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priority:
    """How one process is weighed."""

    process: ProcessKey
    nice: int
    """Of all of its threads."""
    group_nice: int | None
    """Of the autogroup of its session; None: autogroups are off, or the session is shared with somebody else."""

    def __str__(self) -> str:
        group = _NONE if self.group_nice is None else str(self.group_nice)
        return f"{self.process.pid}:{self.process.started!r}:{self.nice}:{group}"


def parse(text: str) -> tuple[Priority, ...]:
    """Read what a row of priorities, written one after another with commas, says. Raises ValueError."""
    return tuple(_parse(one) for one in text.split(",") if one)


def _parse(text: str) -> Priority:
    pid, started, nice, group = text.split(":")
    key = ProcessKey(int(pid), float(started))
    return Priority(process=key, nice=int(nice), group_nice=None if group == _NONE else int(group))


def read(keys: Sequence[ProcessKey]) -> tuple[Priority, ...] | None:
    """Return how these processes are weighed; None where that cannot be told of one, or its threads differ.

    A session's autogroup counts only where all of its processes are among `keys`.
    """
    sessions = _sessions()
    ours = {key.pid for key in keys}
    shared = {session for pid, session in sessions.items() if pid not in ours}
    found = []
    for key in keys:
        try:
            values = {os.getpriority(os.PRIO_PROCESS, tid) for tid in _threads(key.pid)}
        except OSError:
            values = set()
        if not is_alive(key):
            continue
        if len(values) != 1:
            return None
        group = _group_nice(key.pid) if sessions.get(key.pid) not in shared else None
        found.append(Priority(process=key, nice=values.pop(), group_nice=group))
    return tuple(found)


def lower(priorities: Iterable[Priority], nice: int) -> int:
    """Give these processes a nice value of at least `nice`; return how many were changed.

    Refuses (ValueError) to raise a priority, and where a process is not weighed as it was when it was looked at.
    Raises PermissionError where it belongs to somebody else.
    """
    wanted = [one for one in priorities if is_alive(one.process)]
    if not 0 < nice <= LOWEST:
        raise ValueError(f"nice {nice}: a priority is only ever lowered, 1 to {LOWEST}")
    now = {one.process: one for one in read([one.process for one in wanted]) or ()}
    moved = [one for one in wanted if now.get(one.process) != one]
    if moved:
        raise ValueError(f"the priority of process {moved[0].process.pid} is not what was looked at")
    for one in wanted:
        _set(one, max(nice, one.nice), None if one.group_nice is None else max(nice, one.group_nice))
    return len(wanted)


def restore(priorities: Iterable[Priority]) -> int:
    """Give these processes exactly the values that were read; return how many there still are.

    Raises PermissionError where the values may not be lowered again (it takes root, or a fitting RLIMIT_NICE).
    """
    alive = [one for one in priorities if is_alive(one.process)]
    for one in alive:
        _set(one, one.nice, one.group_nice)
    return len(alive)


def may_restore(nice: int) -> bool:
    """Tell whether this process may give somebody the nice value `nice` again after it was raised."""
    import resource

    if os.geteuid() == 0:
        return True
    limit = getattr(resource, "RLIMIT_NICE", None)
    return limit is not None and 20 - resource.getrlimit(limit)[0] <= nice


def _set(one: Priority, nice: int, group_nice: int | None) -> None:
    for tid in _threads(one.process.pid):
        try:
            os.setpriority(os.PRIO_PROCESS, tid, nice)
        except ProcessLookupError:
            continue
    if group_nice is not None and _group_nice(one.process.pid) != group_nice:
        with open(f"/proc/{one.process.pid}/autogroup", "w", encoding="ascii") as file:
            file.write(str(group_nice))


def _threads(pid: int) -> list[int]:
    try:
        return [int(name) for name in os.listdir(f"/proc/{pid}/task")]
    except OSError:
        return []


def _group_nice(pid: int) -> int | None:
    """Return the nice value of the autogroup of a process; None where there is none."""
    try:
        with open("/proc/sys/kernel/sched_autogroup_enabled", encoding="ascii") as file:
            if file.read().strip() != "1":
                return None
        with open(f"/proc/{pid}/autogroup", encoding="ascii") as file:
            return int(file.read().rpartition("nice")[2])
    except (OSError, ValueError):
        return None


def _sessions() -> dict[int, int]:
    found = {}
    for pid in parents():
        try:
            found[pid] = os.getsid(pid)
        except OSError:
            continue
    return found
