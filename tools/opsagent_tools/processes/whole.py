"""A process with all that it started, as one: what `npm start` or `sh run.sh` runs is what matters of them. Linux only.

Memory: what children loaded for themselves is added up. Children that run their parent's program (forked workers) share
memory with it, so that adding up would count it again and again: of those trees each process counts with its part of
what is shared (PSS), as it was found at the last closer look.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsagent_tools.processes.proc import Stat
from opsagent_tools.processes.rarely import OwnMemory, fd_limit, own_memory, sockets, traffic, waited_s
from opsagent_tools.processes.sample import Sampler, open_fds
from opsagent_tools.units import ProcessKey

_LIMIT_AT_FIRST_S, _LIMIT_S = 2.0, 300.0
"""Between two looks at the limit of a process: it may set it itself when it begins, and hardly later."""
_MOST = 64
"""Members of a tree that are looked at; more are not added up."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One look at a process and its descendants."""

    state: str
    """State letter of the process itself."""
    processes: int
    rss: int
    threads: int
    moved: bool
    """False: the kernel says word by word the same as at the look before."""


class Group:
    """One process and its descendants, looked at again and again."""

    def __init__(self, top: ProcessKey, sampler: Sampler) -> None:
        self.top = top
        self._sampler = sampler
        self._members: tuple[ProcessKey, ...] = (top,)
        self._stats: dict[ProcessKey, Stat] = {}
        self._used: dict[ProcessKey, float] = {}
        self._used_at: float | None = None
        self._weights: dict[ProcessKey, float] = {}
        self._limits: dict[ProcessKey, tuple[float, float, int | None]] = {}
        """When it was asked, for how long that holds, and what it was."""
        self._counted: dict[str, tuple[float, dict[ProcessKey, float]]] = {}
        self.unweighed = False
        """True: some of it share memory, and it was not looked at closer since they are these."""

    def has(self, below: Sequence[ProcessKey]) -> None:
        """Take note of what it started."""
        members = (self.top, *below[: _MOST - 1])
        if members != self._members:
            for gone in set(self._members) - set(members):
                self._drop(gone)
            self._members = members

    def look(self) -> Whole | None:
        """Return how it is; None where the process itself is gone."""
        moved = False
        for key in self._members:
            seen = self._sampler.glance(key)
            if seen is None:
                if key == self.top:
                    return None
                self._drop(key)
                moved = True
            elif seen[1] or key not in self._stats:
                self._stats[key] = seen[0]
                moved = True
        if len(self._stats) != len(self._members):
            self._members = tuple(key for key in self._members if key in self._stats)
        own = self._stats[self.top]
        if len(self._members) == 1:
            return Whole(state=own.state, processes=1, rss=own.rss, threads=own.threads, moved=moved)
        alive = {key: stat for key, stat in self._stats.items() if not stat.dead}
        shares = any(stat.forked and key != self.top for key, stat in alive.items())
        self.unweighed = shares and not self._weights.keys() >= alive.keys()
        return Whole(
            state=own.state,
            processes=len(alive),
            rss=int(sum(stat.rss * (self._weight(key) if shares else 1.0) for key, stat in alive.items())),
            threads=sum(stat.threads for stat in alive.values()),
            moved=moved,
        )

    def cpu(self, now: float, *, keep: bool = True) -> float:
        """Return the cores used since it was asked last (0 at first). `keep` False: it counts on from where it began."""
        passed = now - self._used_at if self._used_at is not None else 0.0
        # what is new here counts from its start, as far as that lies in this time
        used = sum(stat.cpu_s - self._used.get(key, max(0.0, stat.cpu_s - passed)) for key, stat in self._stats.items())
        if keep:
            self._used_at = now
            self._used = {key: stat.cpu_s for key, stat in self._stats.items()}
        return max(0.0, used / passed) if passed > 0 else 0.0

    def descriptors(self, now: float) -> tuple[int, int | None] | None:
        """Return open descriptors and their limit, of the member that is nearest to it; None where we may not know."""
        found: list[tuple[float, int, int | None]] = []
        for key in self._members:
            used = open_fds(key.pid)
            if used is not None:
                limit = self._limit(key, now)
                found.append((used / limit if limit else 0.0, used, limit))
        if not found:
            return None
        _, used, limit = max(found, key=lambda one: one[:2])
        return used, limit

    def rates(self, now: float) -> dict[str, float]:
        """Return read_s and write_s, bytes per second of storage since it was asked last."""
        counts = {key: both for key in self._members if (both := traffic(key.pid)) is not None}
        read = self._rate("read_s", {key: float(both[0]) for key, both in counts.items()}, now)
        written = self._rate("write_s", {key: float(both[1]) for key, both in counts.items()}, now)
        return {name: rate for name, rate in (("read_s", read), ("write_s", written)) if rate is not None}

    def waiting(self, now: float) -> float | None:
        """Return the share of the time since it was asked last that the member which waits most wanted a processor."""
        counts = {key: wait for key in self._members if (wait := waited_s(key.pid)) is not None}
        before = self._counted.get("wait")
        self._counted["wait"] = (now, counts)
        if before is None or now <= before[0]:
            return None
        waited = [wait - before[1][key] for key, wait in counts.items() if key in before[1]]
        return min(1.0, max(waited) / (now - before[0])) if waited else None

    def closer(self) -> dict[str, int]:
        """Return uss (bytes that only it has) and sockets. Costs more; weighs its members anew."""
        found: dict[str, int] = {}
        memory = {key: own for key in self._members if (own := own_memory(key.pid)) is not None}
        if memory:
            found["uss"] = sum(own.uss for own in memory.values())
        counts = [count for key in self._members if (count := sockets(key.pid)) is not None]
        if counts:
            found["sockets"] = sum(counts)
        self.unweighed = False
        self._weights = {key: self._found(key, memory.get(key)) for key in self._stats}
        return found

    def _found(self, key: ProcessKey, memory: OwnMemory | None) -> float:
        rss = self._stats[key].rss
        if memory is None or not rss:  # another user's, which we may not look at
            return 0.0 if self._stats[key].forked and key != self.top else 1.0
        return min(1.0, memory.pss / rss)

    def forget(self) -> None:
        """Let go of what is kept."""
        for key in self._members:
            self._sampler.forget(key)

    def _weight(self, key: ProcessKey) -> float:
        if not self.unweighed:
            return self._weights[key]
        return 0.0 if self._stats[key].forked and key != self.top else 1.0

    def _limit(self, key: ProcessKey, now: float) -> int | None:
        known = self._limits.get(key)
        if known is None or now >= known[0] + known[1]:
            again_s = min(_LIMIT_S, 2 * known[1]) if known is not None else _LIMIT_AT_FIRST_S
            known = self._limits[key] = (now, again_s, fd_limit(key.pid))
        return known[2]

    def _rate(self, name: str, counts: dict[ProcessKey, float], now: float) -> float | None:
        before = self._counted.get(name)
        self._counted[name] = (now, counts)
        if before is None or now <= before[0] or not counts:
            return None
        return max(0.0, sum(counts[key] - before[1].get(key, 0.0) for key in counts)) / (now - before[0])

    def _drop(self, key: ProcessKey) -> None:
        self._stats.pop(key, None)
        self._limits.pop(key, None)
        self._sampler.forget(key)


def memory_now(top: ProcessKey, below: Sequence[ProcessKey]) -> int | None:
    """Return the resident bytes of a process with what it started, weighed as above; None where it is gone. Blocks."""
    sampler = Sampler()
    try:
        group = Group(top, sampler)
        group.has(below)
        whole = group.look()
        if whole is not None and group.unweighed:
            group.closer()
            whole = group.look()
        return whole.rss if whole is not None else None
    finally:
        sampler.close()
