"""Asking systemd to change a unit and waiting until it has: jobs, refusals, and a hang-up in the middle."""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any

from opsagent_tools.supervisors.port import (
    Busy,
    NotPermitted,
    NotSupported,
    SupervisorError,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.supervisors.systemd import reading
from opsagent_tools.supervisors.systemd.bus import Bus, BusError, ConnectionGone
from opsagent_tools.supervisors.systemd.endpoint import kind_of
from opsagent_tools.supervisors.systemd.link import Link
from opsagent_tools.supervisors.systemd.polkit import REFUSED, explain_refusal
from opsagent_tools.units import UnitState

_MEMBERS = {"start": "StartUnit", "stop": "StopUnit", "restart": "RestartUnit", "reload": "ReloadUnit"}
_PATIENCE_S = 10.0
"""So long a systemd that hung up in the middle of a job has to come back."""
_ASK_S = 0.1
_LONGEST_S = 600.0
"""The longest wait for a job whose unit has no timeouts of its own."""
_MARGIN_S = 10.0
_PREFIX = "org.freedesktop.systemd1."
_UNITS_GONE = frozenset({f"{_PREFIX}NoSuchUnit", f"{_PREFIX}LoadFailed"})
_IN_THE_WAY = frozenset(
    {f"{_PREFIX}TransactionIsDestructive", f"{_PREFIX}TransactionJobsConflicting", f"{_PREFIX}OnlyByDependency"}
)


class Jobs:
    """Changes of one systemd's units."""

    def __init__(self, link: Link) -> None:
        self._link = link
        self._flag = "" if link.kind == kind_of("system") else "--user "

    async def run(self, verb: str, file: str) -> None:
        """Start, stop, restart or reload one unit file, and wait until systemd has done it.

        A job that somebody else has under way is never pushed aside (mode `fail`): Busy. Where systemd hangs up in the
        middle (`daemon-reexec`), the unit itself tells whether it was heard; nothing is asked twice without need.
        """
        before = (await self._link.learn(file)).properties
        await self._forgive(verb, file, before)
        for attempt in (1, 2):
            bus = await self._link.patient_bus()
            try:
                result = await self._ask(bus, verb, file, before)
            except ConnectionGone:
                if await self._happened_meanwhile(verb, file, before) or attempt == 2:
                    result = "done"
                else:
                    continue
            break
        await self._judge(verb, file, result)

    async def call(self, verb: str, file: str, member: str, signature: str, *body: Any) -> tuple[Any, ...]:
        """Call a method of the manager that concerns `file`; refusals are explained."""
        bus = await self._link.patient_bus()
        try:
            return await bus.manager(member, signature, *body)
        except BusError as error:
            raise translated(error, verb, file) from error

    async def _ask(self, bus: Bus, verb: str, file: str, properties: reading.Properties) -> str:
        try:
            (path,) = await bus.manager(_MEMBERS[verb], "ss", file, "fail")
        except BusError as error:
            raise translated(error, verb, file) from error
        longest = _longest(properties)
        try:
            async with asyncio.timeout(longest):
                return await self._link.job(bus, str(path))
        except TimeoutError as error:
            raise SupervisorError(f"systemd did not {verb} {file} within {longest:g} s") from error

    async def _forgive(self, verb: str, file: str, properties: reading.Properties) -> None:
        """Say that it may start again: systemd refuses what it gave up on until somebody who knows says so."""
        if verb in {"start", "restart"} and reading.gave_up(properties):
            with contextlib.suppress(SupervisorError):  # the start itself tells what is wrong
                await self.call("reset-failed", file, "ResetFailedUnit", "s", file)

    async def _happened_meanwhile(self, verb: str, file: str, before: reading.Properties) -> bool:
        """Wait for a systemd that hung up, and for the job that it may have taken over; look what came of it."""
        deadline = time.monotonic() + _PATIENCE_S
        now: dict[str, Any] = dict(before)
        while time.monotonic() < deadline:
            with contextlib.suppress(SupervisorUnreachable):
                now = (await self._link.learn(file)).properties
                if not reading.has_job(now):
                    break
            await asyncio.sleep(_ASK_S)
        state = reading.state_of(now)
        if verb == "stop":
            return state not in {UnitState.RUNNING, UnitState.STARTING}
        if verb == "start":
            return state in {UnitState.RUNNING, UnitState.STARTING}
        return verb == "restart" and now.get("InvocationID") != before.get("InvocationID")

    async def _judge(self, verb: str, file: str, result: str) -> None:
        one = await self._link.learn(file)
        if result in {"done", "skipped"}:
            return
        if result in {"canceled", "collected", "invalid"}:
            raise Busy(f"{file}: somebody else asked systemd for something else meanwhile ({result})")
        if verb == "reload":
            raise SupervisorError(f"{file} did not reload: its ExecReload= failed ({result}); it goes on as before")
        why = reading.explain(one.properties)
        if result == "dependency":
            why = "a unit that it needs could not be started"
        raise SupervisorError(f"{file} did not {verb} ({result}): {why}; journalctl {self._flag}-u {file} tells more")


def translated(error: BusError, verb: str, file: str) -> SupervisorError:
    """Return what systemd's error means to who asked."""
    said = " ".join(str(error).split())
    if error.name in REFUSED:
        return NotPermitted(explain_refusal(file, verb, said))
    if error.name in _UNITS_GONE:
        return UnknownUnit(f"systemd has no unit {file}: {said}")
    if error.name in _IN_THE_WAY:
        return Busy(f"{file}: another change is under way ({said})")
    if error.name == f"{_PREFIX}JobTypeNotApplicable":
        return NotSupported(f"{file} cannot {verb}: {said}")
    return SupervisorError(f"systemd did not {verb} {file}: {said} ({error.name.rpartition('.')[2]})")


def _longest(properties: reading.Properties) -> float:
    """Return how long a job of this unit may take by its own settings."""
    known = [reading.seconds(properties.get(name)) for name in ("TimeoutStartUSec", "TimeoutStopUSec")]
    return sum(one if one is not None else _LONGEST_S for one in known) + _MARGIN_S
