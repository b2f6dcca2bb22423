"""Whether processes wait for connections on a listening socket that they hold: told by the kernel, never by connecting.

Who inherits a listening socket holds it from the start, and may never take a connection from it. The kernel says what an
epoll watches, and in which call each thread waits. Light: standard library only.
"""

# ruff: noqa: PTH115, PTH123, PTH208

from __future__ import annotations

import os
from collections.abc import Collection, Iterator

_WAITS = ("inet_csk_accept", "inet_csk_wait", "poll_schedule", "do_poll", "do_sys_poll", "do_select", "core_sys_select")
"""Where in the kernel a thread waits in accept, poll or select; what it polls for is not told."""
_RING = "anon_inode:[io_uring]"
_EPOLL = "anon_inode:[eventpoll]"


def waits_on(inodes: Collection[int], pids: Collection[int], proc: str = "/proc") -> bool | None:
    """Tell whether one of these processes waits for connections on one of these sockets; None: it cannot be told.

    False only where all of it may be read, no epoll watches a socket and no thread waits in a call that could: also where
    it does something else just now. Ask again.
    """
    told = [_one(inodes, pid, proc) for pid in pids]
    return True if True in told else None if None in told else False


def _one(inodes: Collection[int], pid: int, proc: str) -> bool | None:
    try:
        descriptors = {name: _target(f"{proc}/{pid}/fd/{name}") for name in os.listdir(f"{proc}/{pid}/fd")}
        if not any(target == f"socket:[{inode}]" for inode in inodes for target in descriptors.values()):
            return False
        epolls = [name for name, target in descriptors.items() if target == _EPOLL]
        if any(not inodes_of.isdisjoint(inodes) for inodes_of in _watched(pid, epolls, proc)):
            return True
        if _RING in descriptors.values():
            return None
        threads = [_thread(f"{proc}/{pid}/task/{task}") for task in os.listdir(f"{proc}/{pid}/task")]
    except FileNotFoundError:  # it has just ended
        return False
    except OSError:
        return None
    return None if any(threads) else False


def _thread(folder: str) -> bool:
    """Tell whether a thread waits in a call that may take connections, or in one that its kernel does not name."""
    where = _text(f"{folder}/wchan")
    if where in {"", "0"}:
        return _text(f"{folder}/stat").rpartition(")")[2].split()[0] != "R"
    return where.startswith(_WAITS)


def _watched(pid: int, epolls: Collection[str], proc: str) -> Iterator[set[int]]:
    for name in epolls:
        found = set()
        for line in _text(f"{proc}/{pid}/fdinfo/{name}").splitlines():
            if line.startswith("tfd:"):
                words = dict(word.split(":", 1) for word in line.split() if ":" in word)
                found.add(int(words.get("ino") or "0", 16))
        yield found


def _target(path: str) -> str:
    try:
        return os.readlink(path)
    except FileNotFoundError:  # it has just been closed
        return ""


def _text(path: str) -> str:
    with open(path, encoding="ascii", errors="replace") as file:
        return file.read()
