"""Which process a number of PM2's stands for, over time: the bus names numbers only, and tells of ends after the next start.

Pure but for one question to the kernel (does this process live?), which is passed in.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping

from opsagent_tools.units import ProcessKey

OLD = "_old_"
_GENERATIONS = 16


class Picture:
    """The processes of each number, oldest first. A number has two while a reload replaces it."""

    def __init__(self, alive: Callable[[ProcessKey], bool]) -> None:
        self._alive = alive
        self._of: dict[str, list[ProcessKey]] = {}

    def see(self, now: Mapping[int, ProcessKey], numbers: Collection[int]) -> list[tuple[int, ProcessKey]]:
        """Take a list; return what is new in it. A process that has ended since the list was made is none.

        `numbers`: all that are listed, whether they have a process or not. The end of a process may be seen in a list
        before the bus tells it, so what has ended is kept until then.
        """
        new: list[tuple[int, ProcessKey]] = []
        for pm_id, key in now.items():
            known = self._of.setdefault(str(pm_id), [])
            if key not in known and self._alive(key):
                known.append(key)
                del known[:-_GENERATIONS]
                new.append((pm_id, key))
        for number in [number for number in self._of if number.isdigit() and int(number) not in numbers]:
            self._of[number] = [key for key in self._of[number] if self._alive(key)]
            if not self._of[number]:
                del self._of[number]
        return new

    def prune(self) -> None:
        """Forget all that has ended: what the bus said of it was lost."""
        for number in list(self._of):
            self._of[number] = [key for key in self._of[number] if self._alive(key)]

    def ended(self, pm_id: str) -> ProcessKey | None:
        """Return, and forget, the process that the daemon just saw end; None where it lived too briefly to be seen."""
        known = self._of.get(pm_id.removeprefix(OLD), [])
        for key in known:
            if not self._alive(key):
                known.remove(key)
                return key
        return None

    def being_stopped(self, pm_id: str) -> ProcessKey | None:
        """Return the process that is, or was, told to end: what is heard late may be of one that has ended by now, when
        the next one of its number is there already.
        """
        known = self._of.get(pm_id.removeprefix(OLD), [])
        if not known:
            return None
        if pm_id.startswith(OLD):
            return known[0]
        return next((key for key in known if not self._alive(key)), known[-1])

    def forget(self, pm_id: str, key: ProcessKey) -> None:
        """Take it that this one has ended."""
        known = self._of.get(pm_id.removeprefix(OLD), [])
        if key in known:
            known.remove(key)
