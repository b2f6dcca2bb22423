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
_TRY_AGAIN_S = 1.0
_WATCH_STEP_MS = 50
_WATCH_LOOK_MS = 2000
_WATCH_LONGEST_MS = 1600
"""Changes that go on and on are not waited for longer."""
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
        while True:
            there = _identities(self._spec.watch)
            try:
                if there is not None:
                    await self._watch_while(there)
            except (OSError, RuntimeError) as error:
                logger.warning("%s: cannot be watched now: %s", self._spec.name, error)
            await asyncio.sleep(_TRY_AGAIN_S)  # what is watched may come, or come back

    async def _watch_while(self, there: tuple[tuple[int, int], ...]) -> None:
        """Watch as long as these are the files that have the names."""
        from watchfiles import awatch

        delay_ms = max(_WATCH_STEP_MS, int(self._spec.watch_delay_s * 1000))
        async for changes in awatch(
            *self._spec.watch,
            watch_filter=self._filter(),
            step=delay_ms,
            debounce=max(_WATCH_LONGEST_MS, delay_ms),
            rust_timeout=_WATCH_LOOK_MS,
            yield_on_timeout=True,
            ignore_permission_denied=True,
        ):
            if changes:
                await self._call(f"changed: {_shown(self._spec, {path for _, path in changes})}")
            elif _identities(self._spec.watch) != there:
                return

    def _filter(self) -> Callable[[object, str], bool]:
        ignored = Ignored(self._spec.ignore_watch, self._spec.cwd)
        return lambda _, path: not (path in self._own or ignored(path))

    async def _call(self, why: str) -> None:
        try:
            await self._renew(why)
        except SupervisorError as error:
            logger.warning("%s", error)


def _identities(paths: tuple[Path, ...]) -> tuple[tuple[int, int], ...] | None:
    """Return which files have these names, None where one is not there."""
    try:
        return tuple((status.st_dev, status.st_ino) for status in (path.stat() for path in paths))
    except OSError:
        return None


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
