"""Watches whether a unit serves while it is changed, and measures how long it did not.

Where a health probe is configured, it is asked every 50 ms over a connection of its own; else the kernel is asked
whether anybody listens on the unit's port, else whether a process of it lives. A gap shorter than the interval may
be missed: what is said is what was seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Literal

from opsagent.check import Checker
from opsagent_tools.probes.health import ask
from opsagent_tools.processes.ports import is_listened_on
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.units import ProcessKey, Unit

_EVERY_S = 0.05

SeenBy = Literal["probe", "port", "process"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """How a unit served while it was watched."""

    by: SeenBy
    """`probe`: its health probe; `port`: somebody listens on its port; `process`: one of its processes lives."""
    asked: int = 0
    failed: int = 0
    down_s: float = 0.0
    """Seconds in which it did not serve, as far as it was seen."""

    def __str__(self) -> str:
        what = {"probe": "its probe", "port": "its port", "process": "its processes"}[self.by]
        if not self.failed:
            return f"no gap seen ({self.asked} looks at {what})"
        return f"{self.down_s:.2f} s without service ({self.failed} of {self.asked} looks at {what} failed)"


class _Watch:
    def __init__(self, by: SeenBy, serves: Callable[[], Awaitable[bool]]) -> None:
        self.by: SeenBy = by
        self._serves = serves
        self.asked = self.failed = 0
        self.down_s = 0.0
        self._down_since: float | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            self.note(began, serves=await self._serves())
            await asyncio.sleep(_EVERY_S)

    def note(self, at: float, *, serves: bool) -> None:
        self.asked += 1
        self.failed += not serves
        if not serves and self._down_since is None:
            self._down_since = at
        elif serves and self._down_since is not None:
            self.down_s += at - self._down_since
            self._down_since = None

    def end(self, at: float) -> None:
        if self._down_since is not None:
            self.down_s += at - self._down_since
            self._down_since = None

    def result(self) -> Serving:
        return Serving(by=self.by, asked=self.asked, failed=self.failed, down_s=round(self.down_s, 3))


class ServingWatch:
    """What was seen so far; complete once the context has been left."""

    def __init__(self, watch: _Watch) -> None:
        self._watch = watch

    @property
    def seen(self) -> Serving:
        return self._watch.result()


@asynccontextmanager
async def watching(checker: Checker, unit: Unit, spec: ServiceSpec | None) -> AsyncIterator[ServingWatch]:
    """Watch the unit while the context lasts."""
    watch = _watch_of(checker, unit, spec)
    task = asyncio.create_task(watch.run(), name=f"serving {unit.name}")
    try:
        yield ServingWatch(watch)
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task
        watch.end(asyncio.get_running_loop().time())


def _watch_of(checker: Checker, unit: Unit, spec: ServiceSpec | None) -> _Watch:
    if spec is not None and spec.health is not None:
        health = spec.health

        async def probe() -> bool:
            return (await ask(health)).ok

        return _Watch("probe", probe)
    if unit.ports:

        async def port() -> bool:
            return await asyncio.to_thread(is_listened_on, unit.ports[0])

        return _Watch("port", port)
    known: list[ProcessKey] = [process.key for process in unit.processes]

    async def process() -> bool:
        if any(is_alive(key) for key in known):
            return True
        with suppress(SupervisorError):
            known[:] = [one.key for one in (await checker.unit(unit.id)).processes]
        return any(is_alive(key) for key in known)

    return _Watch("process", process)
