"""What supervisord is told to do to the processes of a unit: start, stop, put a new one in the place of an old one."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Iterable, Sequence
from typing import Any

from opsagent_tools.redact import redact
from opsagent_tools.supervisors.hub import Hub
from opsagent_tools.supervisors.port import NotSupported, SupervisorError
from opsagent_tools.supervisors.supervisord.codec import Fault
from opsagent_tools.supervisors.supervisord.desk import Desk, said, unknown
from opsagent_tools.supervisors.supervisord.info import (
    ABNORMAL_TERMINATION,
    ACTIVE,
    ALIVE,
    ALREADY_STARTED,
    NOT_RUNNING,
    SPAWN_ERROR,
    STOPPING,
    Info,
)
from opsagent_tools.units import ProcessKey, UnitId

_PATIENCE_S = 10.0
"""Beyond the time that supervisord gives a process to start or to stop."""
_STAY_S = 15
"""A program that has to stay up longer than this to count as started is not waited for."""


class Changes:
    """Changes of one supervisord's processes. Every one may raise SupervisorError."""

    def __init__(self, desk: Desk, hub: Hub) -> None:
        self._desk, self._hub = desk, hub

    async def members(self, unit: UnitId) -> tuple[Info, ...]:
        """Return the processes of a unit as they are now. Raises UnknownUnit."""
        book = self._desk.book
        if unit != UnitId.local(book.kind, unit.name):
            raise unknown(unit)
        names = [info.full for info in book.members(unit.name)]
        if names:
            try:
                return await self._desk.ask(*names)
            except Fault:
                pass  # one of them was taken away: look anew
        await self._desk.refresh()
        found = book.members(unit.name)
        if not found:
            raise unknown(unit)
        return found

    async def start(self, infos: Iterable[Info]) -> None:
        """Start what does not run, side by side; return once each has stayed up as long as its `startsecs` says."""
        await _all(self._start(info) for info in infos if info.state not in ALIVE)

    async def stop(self, unit: UnitId, infos: Sequence[Info]) -> None:
        """Stop what runs, side by side; return once it is gone."""
        self._expect(unit, infos)
        await _all(self._stop(info) for info in infos if info.state in ACTIVE or info.state == STOPPING)

    async def replace(self, unit: UnitId, info: Info) -> None:
        """Stop one process and start it anew."""
        await self.stop(unit, [info])
        await self._start(info)

    async def signal(self, infos: Iterable[Info], signum: int) -> None:
        """Have supervisord, as itself, send a signal to processes."""
        name = signal.Signals(signum).name.removeprefix("SIG") if signum in set(signal.Signals) else str(signum)
        for info in infos:
            try:
                await self._desk.call("signalProcess", info.full, name)
            except Fault as fault:
                if fault.code != NOT_RUNNING:
                    raise said(fault, info.full) from None
        self._hub.wake()

    def find(self, unit: UnitId, infos: Iterable[Info], process: ProcessKey) -> Info:
        """Return which one runs as this very process. Raises SupervisorError."""
        found = next((info for info in infos if self._desk.book.key(info.full) == process), None)
        if found is None:
            raise SupervisorError(f"process {process.pid} is none of {unit.name}'s")
        return found

    def cannot_scale(self, unit: UnitId, infos: Sequence[Info], instances: int) -> None:
        """Raise for another number of instances than there are: that is a matter of its configuration."""
        if instances < 1:
            raise SupervisorError(f"{unit.name} cannot have {instances} instances; stop it instead")
        if instances == len(infos):
            return
        section = self._desk.book.section(infos[0].full)
        if section is None:
            where = "`numprocs` of its [program:…] section"
        else:
            line = section.values.get("numprocs")
            where = f"`numprocs={line.value}` at {line}" if line else f"`numprocs` (1, not written) in {section.at}"
        raise NotSupported(
            f"supervisord takes the number of {unit.name}'s processes from its configuration: change {where}, then "
            f"`supervisorctl reread` and `supervisorctl update {infos[0].group}` (which restarts all of them)"
        )

    def _expect(self, unit: UnitId, infos: Iterable[Info]) -> None:
        for info in infos:
            key = self._desk.book.key(info.full)
            if key is not None and not self._hub.is_expected(key):
                self._hub.expect(unit, key)

    async def _start(self, info: Info) -> None:
        config = self._desk.book.configs.get(info.full)
        stay = config.number("startsecs", 1) if config is not None else 1
        try:
            await self._desk.call(
                "startProcess", info.full, stay <= _STAY_S, timeout_s=min(stay, _STAY_S) + _PATIENCE_S
            )
        except Fault as fault:
            if fault.code == ALREADY_STARTED:
                return
            raise await self._why(fault, info) from None
        finally:
            self._hub.wake()

    async def _stop(self, info: Info) -> None:
        config = self._desk.book.configs.get(info.full)
        grace = config.number("stopwaitsecs", 10) if config is not None else 10
        try:
            if info.state != STOPPING:
                await self._desk.call("stopProcess", info.full, True, timeout_s=grace + _PATIENCE_S)
            else:
                await self._gone(info, grace + _PATIENCE_S)
        except Fault as fault:
            if fault.code != NOT_RUNNING:
                raise said(fault, info.full) from None
        finally:
            self._hub.wake()

    async def _gone(self, info: Info, seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while (await self._desk.ask(info.full))[0].state == STOPPING:  # noqa: ASYNC110  # another process' life
                await asyncio.sleep(0.05)

    async def _why(self, fault: Fault, info: Info) -> SupervisorError:
        if fault.code not in {ABNORMAL_TERMINATION, SPAWN_ERROR}:
            return said(fault, info.full)
        try:
            (now,) = await self._desk.ask(info.full)
        except Fault:
            return said(fault, info.full)
        code = self._desk.book.exit_of(now)
        how = "" if code is None else f" (exit code {code})" if code >= 0 else f" (signal {-code})"
        logs = ", ".join(str(path) for path in now.logs())
        why = redact(now.spawn_error) or "it ended before its startsecs were over"
        return SupervisorError(f"{info.full} did not start: {why}{how}" + (f"; see {logs}" if logs else ""))


async def _all(jobs: Iterable[Coroutine[Any, Any, None]]) -> None:
    """Do all of them, whatever comes of one; then raise what came of the first that failed."""
    results = await asyncio.gather(*jobs, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException):
            raise result
