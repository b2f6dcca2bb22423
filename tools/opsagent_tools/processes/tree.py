"""Who descends from whom, looked at again and again: only processes that are new are read, and all of them now and then.

`family` answers the same question once, for a probe; this is for those who ask every few seconds.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Container

from opsagent_tools.processes.proc import HAS_PROC, Stat, read_stat, started
from opsagent_tools.units import ProcessKey

# ruff: noqa: PTH208

_ALL_S = 60.0
"""After this everything is read anew: a process may have a new parent, and a pid may have been used again."""


class Trees:
    """All processes of the machine and their parents. `look` may run in a thread; the rest reads what it left."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[int, Stat] = {}
        self._children: dict[int, list[int]] = {}
        self._all_at = -_ALL_S

    def look(self) -> None:
        """Take note of the processes that there are now. Where there is no /proc there are none."""
        if not HAS_PROC:
            return
        now = self._clock()
        before = {} if now - self._all_at >= _ALL_S else self._known
        if not before:
            self._all_at = now
        known: dict[int, Stat] = {}
        for name in os.listdir("/proc"):
            if name.isdigit() and (stat := before.get(int(name)) or read_stat(int(name))) is not None:
                known[int(name)] = stat
        children: dict[int, list[int]] = {}
        for pid, stat in known.items():
            children.setdefault(stat.parent, []).append(pid)
        self._known, self._children = known, children

    def below(self, pid: int, apart: Container[int]) -> tuple[ProcessKey, ...]:
        """Return what `pid` started and what that started, and so on; nothing at or below one that is in `apart`."""
        children, known = self._children, self._known
        if pid not in children or pid not in known:
            return ()
        found: list[ProcessKey] = []
        waiting = list(children.get(pid, ()))
        while waiting:
            child = waiting.pop()
            if child in apart or child == pid:
                continue
            found.append(ProcessKey(child, started(known[child])))
            waiting.extend(children.get(child, ()))
        return tuple(sorted(found))
