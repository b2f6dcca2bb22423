"""What is done to single processes: their priority, a signal, a session of a database, whoever holds a port.

Each is known by pid and start time as it was looked at; where that is another process now, or not the unit's any more,
nothing is done. Called by `opsagent.hands` only.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable

from opsagent.check import Checker
from opsagent_tools.actions import Action, Outcome
from opsagent_tools.processes import priority
from opsagent_tools.processes.ending import end_process, send_to
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.handling import handling
from opsagent_tools.processes.ports import listeners
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.port import NotSupported
from opsagent_tools.units import ProcessKey, UnitId

SENDABLE = ("HUP", "USR1", "USR2", "TERM", "CONT")
"""Signals that a program may be sent by name."""
_SESSION_GRACE_S, _HOLDER_GRACE_S = 5.0, 5.0
_POSTGRES = "postgres"


class ProcessHands:
    """Hands for single processes. Expected failures are an Outcome."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    async def renice(self, action: Action) -> Outcome:
        """Lower the priority of the unit's processes that were looked at, or put it back as it was."""
        were = priority.parse(str(action.args["were"]))
        strangers = {one.process.pid for one in were if is_alive(one.process)} - await self._family(action.unit)
        if strangers:
            return Outcome(done=False, detail=f"process {min(strangers)} is none of {action.unit.name}'s")
        name = action.unit.name
        try:
            if action.args.get("back"):
                count = await asyncio.to_thread(priority.restore, were)
                return Outcome(done=True, detail=f"{count} processes of {name} have their priority back")
            nice = int(action.args["nice"])
            count = await asyncio.to_thread(priority.lower, were, nice)
        except ValueError as error:
            return Outcome(done=False, detail=str(error))
        return Outcome(done=count > 0, detail=f"{count} processes of {name} run with nice {nice}")

    async def signal(self, action: Action) -> Outcome:
        """Send a signal that the process handles itself: one that would end it by default is refused."""
        key, name = _key(action), str(action.args["signal"])
        if name not in SENDABLE:
            return Outcome(done=False, detail=f"SIG{name} is not sent: only {', '.join(SENDABLE)}")
        if key.pid not in await self._family(action.unit):
            return Outcome(done=False, detail=f"process {key.pid} is none of {action.unit.name}'s")
        signum = signal.Signals[f"SIG{name}"]
        does = await asyncio.to_thread(handling, key.pid)
        if signum is not signal.SIGCONT and (does is None or signum not in does.caught):
            return Outcome(done=False, detail=f"process {key.pid} does not handle SIG{name}: it might end by it")
        sent = await asyncio.to_thread(send_to, key, signum)
        return Outcome(done=sent, detail=f"sent SIG{name} to {key.pid}" if sent else f"process {key.pid} is gone")

    async def end_session(self, action: Action) -> Outcome:
        """End one backend of a PostgreSQL server: SIGTERM, never more, so that the server itself goes on."""
        key, unit = _key(action), await self._checker.unit(action.unit)
        servers = [process.pid for process in unit.processes]
        problem = await asyncio.to_thread(no_backend, key, servers)
        if problem:
            return Outcome(done=False, detail=problem)
        if not await asyncio.to_thread(send_to, key, signal.SIGTERM):
            return Outcome(done=True, detail=f"session {key.pid} has ended already")
        return Outcome(done=True, detail=f"asked session {key.pid} to end; what it had not committed is rolled back")

    async def free_port(self, action: Action) -> Outcome:
        """End whoever holds the port, if that is still the process that was looked at."""
        key, port = _key(action), int(action.args["port"])
        if key.pid in {os.getpid(), os.getppid(), 1}:
            raise NotSupported("not the agent itself, and nothing above it")
        unit = await self._checker.unit(action.unit)
        if unit.ports and port not in unit.ports:
            return Outcome(done=False, detail=f"{port} is no port of {unit.name}")
        holders = await asyncio.to_thread(listeners, port)
        if key not in [one.process for one in holders]:
            return Outcome(done=False, detail=f"process {key.pid} does not hold port {port} any more")
        ended = await end_process(key, grace_s=_HOLDER_GRACE_S)
        return Outcome(done=ended, detail=f"process {key.pid} {'ended' if ended else 'could not be ended'}")

    async def _family(self, unit: UnitId) -> frozenset[int]:
        direct = [process.pid for process in (await self._checker.unit(unit)).processes]
        return frozenset(await asyncio.to_thread(lambda: with_descendants(direct, parents())))


def no_backend(key: ProcessKey, servers: list[int], *, program: Callable[[int], str] | None = None) -> str:
    """Return why a process is no backend of one of these PostgreSQL servers; nothing where it is one.

    By kinship and by the program that both run, which cannot be forged as a name can.
    """
    if not is_alive(key):
        return f"process {key.pid} is gone"
    above = parents().get(key.pid, 0)
    if above not in servers:
        return f"process {key.pid} is no child of the server"
    run = program or _program
    mine, its = run(key.pid), run(above)
    if not mine or mine != its or os.path.basename(mine) != _POSTGRES:  # noqa: PTH119
        return f"process {key.pid} does not run the server's program"
    return ""


def _program(pid: int) -> str:
    try:
        return os.readlink(f"/proc/{pid}/exe")  # noqa: PTH115
    except OSError:
        return ""


def _key(action: Action) -> ProcessKey:
    return ProcessKey(int(action.args["pid"]), float(action.args["started"]))
