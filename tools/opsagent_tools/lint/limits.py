"""Limits that are nearly reached, or that a busy hour would reach: open files, tasks, memory. From /proc and cgroups."""

# Plain os calls, as in `processes.proc`.
# ruff: noqa: PTH123

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.lint.subject import Room, Subject, finding
from opsagent_tools.processes.sweep import Sweep

_NEAR = 0.7
_SMALL_FILES = 1024
_CGROUPS = Path("/sys/fs/cgroup")


def room_of(pid: int) -> Room:
    """Look how much of its limits a process uses; what cannot be seen is None."""
    soft, most = _files_limit(pid)
    group = Sweep({}).cgroup(pid)
    folder = _CGROUPS / group.lstrip("/") if group else None
    return Room(
        pid=pid,
        files=_files(pid),
        files_limit=soft,
        files_most=most,
        tasks=_number(folder, "pids.current"),
        tasks_limit=_number(folder, "pids.max"),
        memory_limit=_number(folder, "memory.max"),
    )


def limit_findings(subject: Subject) -> Iterator[Finding]:
    """Judge the limits of one service."""
    yield from _open_files(subject)
    yield from _tasks(subject)
    yield from _memory(subject)


def _open_files(subject: Subject) -> Iterator[Finding]:
    known = [room for room in subject.rooms if room.files is not None and room.files_limit]
    if not known:
        return
    worst = max(known, key=lambda room: (room.files or 0) / (room.files_limit or 1))
    used, limit = worst.files or 0, worst.files_limit or 1
    facts = {"open": used, "limit": limit, "pid": worst.pid}
    if used >= limit * _NEAR:
        says = f"process {worst.pid} has {used} files open and may have {limit}: beyond that it accepts no connection"
        yield finding(
            subject, "limits/open_files", Severity.SERIOUS, says, _more_files(subject), "certain", facts=facts
        )
    elif limit <= _SMALL_FILES and subject.ports and (worst.files_most or 0) > limit:
        says = (
            f"it may have {limit} files and connections open ({used} now); a reload needs room for the old and the new "
            "ones' connections at once"
        )
        if subject.runtime != "node":  # Node raises its own soft limit
            yield finding(
                subject, "limits/open_files", Severity.NOTE, says, _more_files(subject), "certain", facts=facts
            )


def _more_files(subject: Subject) -> str:
    match subject.family:
        case "systemd":
            return f"LimitNOFILE=65536 in a drop-in: systemctl edit {subject.unit.name}"
        case "supervisord":
            return "minfds=65536 in [supervisord], then restart supervisord: its programs inherit it"
        case "pm2":
            return "LimitNOFILE=65536 in the unit that starts PM2 (systemctl edit pm2-USER), then `pm2 update`: apps inherit it"
        case _:
            return "start opsagent's engine with `ulimit -n 65536` or LimitNOFILE=65536 (`opsagent startup`): services inherit it"


def _tasks(subject: Subject) -> Iterator[Finding]:
    for room in subject.rooms[:1]:
        if room.tasks is None or not room.tasks_limit or room.tasks < room.tasks_limit * _NEAR:
            continue
        says = f"its control group has {room.tasks} processes and threads and may have {room.tasks_limit}"
        mend = "TasksMax= of the unit that it runs under"
        yield finding(subject, "limits/tasks", Severity.SERIOUS, says, mend, "certain", facts={"tasks": room.tasks})


def _memory(subject: Subject) -> Iterator[Finding]:
    limit = next((room.memory_limit for room in subject.rooms if room.memory_limit), None)
    most = subject.setup.max_memory
    if limit is None or most is None or most * subject.unit.instances <= limit:
        return
    yield finding(
        subject,
        "limits/memory",
        Severity.WARNING,
        f"its instances may grow to {most * subject.unit.instances >> 20} MiB together before they are restarted, and the "
        f"kernel kills in their control group at {limit >> 20} MiB",
        "lower the memory limit of the service, or raise MemoryMax= of the unit that it runs under",
        "certain",
    )


def _files(pid: int) -> int | None:
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return sum(1 for _ in entries)
    except OSError:
        return None


def _files_limit(pid: int) -> tuple[int | None, int | None]:
    try:
        with open(f"/proc/{pid}/limits", encoding="ascii", errors="replace") as file:
            words = next(line for line in file if line.startswith("Max open files")).split()
    except (OSError, StopIteration):
        return None, None
    soft, most = (int(word) if word.isdecimal() else None for word in words[3:5])
    return soft, most


def _number(folder: Path | None, name: str) -> int | None:
    if folder is None:
        return None
    try:
        text = (folder / name).read_text().strip()
    except OSError:
        return None
    return int(text) if text.isdecimal() else None
