"""What makes the engine itself replace a service's instances: a schedule, changed files, too much memory."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

from opsagent_tools.services.patterns import Ignored
from opsagent_tools.services.schedule import BadSchedule, next_due
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import SupervisorError

logger = logging.getLogger(__name__)

Renew = Callable[[str], Awaitable[None]]
"""Replace all instances; the text says why."""

_CLOCK_LOOK_S = 20.0
"""The clock may be put forward or back: it is looked at this often while a schedule is waited for."""
_TRY_AGAIN_S = 2.0
_WATCH_STEP_MS = 50
_WATCH_LONGEST_MS = 5000
_SHOWN_FILES = 3
_PAGE = os.sysconf("SC_PAGE_SIZE")


class Triggers:
    """The schedule and the watched files of one service, from `start` to `stop`."""

    def __init__(self, spec: ServiceSpec, own: tuple[Path, ...], renew: Renew) -> None:
        """`own`: files that the engine writes for the service; their changes never count."""
        self._spec = spec
        self._own = frozenset(map(str, own))
        self._renew = renew
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Begin; harmless where there is nothing to wait for. Needs a running loop."""
        if self._spec.cron_restart:
            self._tasks.append(asyncio.ensure_future(self._keep_schedule()))
        if self._spec.watch:
            self._tasks.append(asyncio.ensure_future(self._watch()))

    def stop(self) -> None:
        """End both. Harmless when called twice."""
        for task in self._tasks:
            task.cancel()
        self._tasks.clear()

    async def _keep_schedule(self) -> None:
        spec, last = self._spec, datetime.now(UTC)
        while True:
            try:
                due = next_due(spec.cron_restart, spec.cron_zone, last)
            except BadSchedule as error:
                logger.error("%s: %s", spec.name, error)  # noqa: TRY400
                return
            await _until(due)
            await self._call(f"its schedule {spec.cron_restart}")
            last = max(due, datetime.now(UTC))

    async def _watch(self) -> None:
        from watchfiles import awatch

        spec = self._spec
        delay_ms = max(_WATCH_STEP_MS, int(spec.watch_delay_s * 1000))
        while True:
            try:
                async for changes in awatch(
                    *spec.watch,
                    watch_filter=self._filter(),
                    step=delay_ms,
                    debounce=max(_WATCH_LONGEST_MS, delay_ms),
                    ignore_permission_denied=True,
                ):
                    await self._call(f"changed: {_shown(spec, {path for _, path in changes})}")
            except (OSError, RuntimeError) as error:
                logger.warning("%s: cannot be watched now: %s", spec.name, error)
            await asyncio.sleep(_TRY_AGAIN_S)  # what is watched may come (back)

    def _filter(self) -> Callable[[object, str], bool]:
        ignored = Ignored(self._spec.ignore_watch, self._spec.cwd)
        return lambda _, path: not (path in self._own or ignored(path))

    async def _call(self, why: str) -> None:
        try:
            await self._renew(why)
        except SupervisorError as error:
            logger.warning("%s", error)


async def _until(due: datetime) -> None:
    while (left := (due - datetime.now(UTC)).total_seconds()) > 0:  # noqa: ASYNC110  # a time, not a state
        await asyncio.sleep(min(left, _CLOCK_LOOK_S))


def _shown(spec: ServiceSpec, paths: set[str]) -> str:
    names = sorted(os.path.relpath(path, spec.cwd) for path in paths)
    more = len(names) - _SHOWN_FILES
    return ", ".join(names[:_SHOWN_FILES]) + (f" and {more} more" if more > 0 else "")


def resident_bytes(pid: int) -> int:
    """Return the resident memory of a process; 0 where it is gone or cannot be looked at."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/statm").read_bytes().split()[1]) * _PAGE
    return 0
