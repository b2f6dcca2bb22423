"""What costs more than a sample, and is asked of a process rarely: its limits, its own memory, its sockets, its waiting.

Each function returns None where the kernel does not let us know (another user's process) or the process is gone.
"""

# ruff: noqa: PTH123

from __future__ import annotations

import os
from dataclasses import dataclass
from stat import S_ISSOCK

_MOST = 4096


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnMemory:
    """What is really a process's own (smaps_rollup); bytes."""

    uss: int
    """What would be free if it ended: private pages."""
    pss: int
    """The same, and its part of what it shares."""
    swapped: int


def fd_limit(pid: int) -> int | None:
    """Return how many descriptors a process may have open (RLIMIT_NOFILE, the soft one)."""
    text = _read(f"/proc/{pid}/limits")
    for line in text.splitlines() if text is not None else ():
        if line.startswith(b"Max open files"):
            soft = line.split()[3]
            return int(soft) if soft.isdigit() else None
    return None


def own_memory(pid: int) -> OwnMemory | None:
    """Return the memory that is a process's own. Takes the kernel up to some milliseconds."""
    text = _read(f"/proc/{pid}/smaps_rollup")
    if not text:
        return None
    sizes = {words[0]: int(words[1]) * 1024 for line in text.splitlines()[1:] if len(words := line.split()) == 3}
    private = sizes.get(b"Private_Clean:", 0) + sizes.get(b"Private_Dirty:", 0)
    return OwnMemory(uss=private, pss=sizes.get(b"Pss:", 0), swapped=sizes.get(b"Swap:", 0))


def traffic(pid: int) -> tuple[int, int] | None:
    """Return bytes that a process had read from and written to storage since it began."""
    text = _read(f"/proc/{pid}/io")
    if not text:
        return None
    counts = {words[0]: int(words[1]) for line in text.splitlines() if len(words := line.split()) == 2}
    return counts.get(b"read_bytes:", 0), max(
        0, counts.get(b"write_bytes:", 0) - counts.get(b"cancelled_write_bytes:", 0)
    )


def waited_s(pid: int) -> float | None:
    """Return for how long the main thread of a process wanted a processor and had none, since it began."""
    text = _read(f"/proc/{pid}/schedstat")
    words = text.split() if text is not None else []
    return int(words[1]) / 1e9 if len(words) == 3 else None


def sockets(pid: int) -> int | None:
    """Return how many of its descriptors are sockets."""
    try:
        with os.scandir(f"/proc/{pid}/fd") as entries:
            return sum(_is_socket(entry.path) for entry in entries)
    except OSError:
        return None


def _is_socket(path: str) -> bool:
    try:
        return S_ISSOCK(os.stat(path).st_mode)  # noqa: PTH116
    except OSError:
        return False


def _read(path: str) -> bytes | None:
    try:
        with open(path, "rb", buffering=0) as file:
            return file.read(_MOST)
    except OSError:
        return None
