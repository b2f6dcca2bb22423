"""The kernel's word on the end of main processes, passed on where systemd does not explain it at once.

systemd tells of a job (a person's stop, say) before it ends a process for it. So a death without a job is one, and the
kernel tells of it within a millisecond, however busy process 1 is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

from opsagent_tools.processes.deaths import Death, DeathWatch
from opsagent_tools.supervisors.port import SupervisorEvent
from opsagent_tools.supervisors.systemd import reading
from opsagent_tools.supervisors.systemd.book import Book
from opsagent_tools.supervisors.systemd.bus import Bus

_EXPLAIN_S = 0.05
"""So long systemd has to say why a process is gone, before the kernel's word alone is passed on."""
_EXPLAIN_DIRECT_S = 0.005
"""The same on its own socket, where nobody stands in between."""
_EXPLAIN_JOB_S = 2.0
"""The same while it has a job for the unit, or is not connected: most likely the process was to end."""


class Deaths:
    """Watches the main processes of a book."""

    def __init__(self, book: Book, publish: Callable[[Iterable[SupervisorEvent]], None]) -> None:
        self._book, self._publish = book, publish
        self._watch = DeathWatch()
        self._bus: Bus | None = None
        self._jobs: dict[str, str] = {}
        """Unit files by the path of the job that systemd has for them."""

    def connected(self, bus: Bus) -> None:
        """Hear of jobs over this connection from now on."""
        self._bus = bus
        self._jobs.clear()

    def job(self, member: str, body: tuple[Any, ...]) -> None:
        """Note that systemd has a job (`JobNew`), or has it no more (`JobRemoved`)."""
        if member == "JobNew":
            self._jobs[str(body[1])] = str(body[2])
        else:
            self._jobs.pop(str(body[1]), None)

    def follow(self, files: Iterable[str]) -> None:
        """Watch the main processes of these unit files, where they have one."""
        for file in files:
            one = self._book.instances.get(file)
            if one is not None and one.main is not None:
                self._watch.watch(one.main, partial(self._died, file))

    def close(self) -> None:
        """Watch nothing any longer."""
        self._watch.close()

    def _died(self, file: str, death: Death) -> None:
        direct = self._bus is not None and self._bus.endpoint.private
        self._later(_EXPLAIN_DIRECT_S if direct else _EXPLAIN_S, death, file, time.monotonic() + _EXPLAIN_JOB_S)

    def _later(self, wait_s: float, death: Death, file: str, deadline: float) -> None:
        asyncio.get_running_loop().call_later(wait_s, self._pass_on, death, file, deadline)

    def _pass_on(self, death: Death, file: str, deadline: float) -> None:
        """Pass it on, unless systemd has explained it by now, or is about to."""
        known = self._book.instances.get(file)
        if known is None or known.main != death.key:
            return
        if self._is_busy_with(file) and time.monotonic() < deadline:
            self._later(_EXPLAIN_S, death, file, deadline)
        else:
            self._publish(self._book.died(death.key, file, death.exit_code))

    def _is_busy_with(self, file: str) -> bool:
        if self._bus is None or self._bus.gone.is_set() or file in self._jobs.values():
            return True
        known = self._book.instances.get(file)
        return known is not None and reading.has_job(known.properties)
