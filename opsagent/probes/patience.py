"""What hangs is not asked again at once: a probe in a thread that does not come back (a dead network file system, say)
keeps that thread, and threads are not endless.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from weakref import WeakSet

from opsagent.model import ProbeRequest

AGAIN_S = 60.0
"""A probe that did not come back in its time is left alone for so long."""
_THREADS = 64
"""Many more than probes that may hang at the same time; each is made when it is needed."""


class Patience:
    """Remembers which probes did not come back."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._hung: dict[ProbeRequest, float] = {}
        self._wide: WeakSet[asyncio.AbstractEventLoop] = WeakSet()

    def hung(self, request: ProbeRequest) -> None:
        """It did not come back in its time."""
        self._hung[request] = self._clock() + AGAIN_S

    def is_left_alone(self, request: ProbeRequest) -> bool:
        """Tell whether it hung a short while ago."""
        until = self._hung.get(request)
        if until is not None and self._clock() >= until:
            del self._hung[request]
            return False
        return until is not None

    def make_room(self) -> None:
        """See that threads that hang leave enough for everybody else: the default is the cores and four."""
        loop = asyncio.get_running_loop()
        if loop not in self._wide:
            self._wide.add(loop)
            loop.set_default_executor(ThreadPoolExecutor(_THREADS, thread_name_prefix="agent"))
