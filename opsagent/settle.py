"""Waits until it is clear that trouble does not mend itself. The supervisor's own restart goes first."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Literal

from opsagent.casefile import CaseFile
from opsagent.check import Checker
from opsagent.model import Check, CheckKind, Fault, Incident
from opsagent.naming import is_daemon, is_our_engine
from opsagent.verify import Verifier
from opsagent.world import World
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.units import Unit, UnitState

Settled = Literal["recovered", "stays", "withdrawn"]
Changing = Callable[[Unit], Awaitable[str]]
"""Says that the release of a unit is being changed at this moment, or nothing."""

_POLL_S = 0.1
_STABLE_S = {Fault.CRASH: 3.0, Fault.CRASH_LOOP: 10.0}
_STABLE_DEFAULT_S = 1.5
_DOES_NOT_MEND_ITSELF = frozenset(
    {Fault.MEMORY_GROWTH, Fault.BAD_RELEASE, Fault.SATURATION, Fault.FLAPPING, Fault.DEGRADED}
)
"""What was watched for long before it was told; a look now says nothing new."""
_PATIENCE_S = {
    Fault.CRASH: 6.0,
    Fault.HANG: 0.5,
    Fault.DEPENDENCY_DOWN: 1.5,
    Fault.ERROR_BURST: 15.0,
    Fault.CRASH_LOOP: 0.5,
}
"""How long the supervisor, or luck, gets before the agent looks closer."""
_DEPLOY_S, _LOOK_AGAIN_S = 120.0, 1.0
"""How long a deploy that nobody announced is waited for."""
_DAEMON_S, _DAEMON_POLL_S = 3.0, 0.3
"""How long the daemon of somebody else's supervisor gets to come back by itself."""
_CONFIRM_S = 0.15
"""An EXITED that is seen twice is one: a person's stop may be on its way in the event stream."""


class Settler:
    """Knows how long to wait for what."""

    def __init__(self, checker: Checker, verifier: Verifier, world: World, *, changing: Changing | None = None) -> None:
        self._changing = changing
        self._checker = checker
        self._verifier = verifier
        self._world = world

    async def settle(self, file: CaseFile) -> Settled:
        """Settle it; what changes at this moment is not clear yet: somebody deploys, with or without a word."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while True:
            settled = await self._settle(file)
            changing = await self._is_changing(file) if settled == "stays" else ""
            if not changing or loop.time() - began >= _DEPLOY_S:
                return settled
            await asyncio.sleep(_LOOK_AGAIN_S)

    async def _is_changing(self, file: CaseFile) -> str:
        unit = await self._unit(file.incident) if self._changing is not None else None
        return await self._changing(unit) if self._changing is not None and unit is not None else ""

    async def _daemon_returns(self, file: CaseFile) -> Settled:
        """Whoever keeps somebody else's supervisor (systemd, an init script) goes first; our engine has nobody else."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not is_our_engine(file.incident.unit) and loop.time() - began < _DAEMON_S:
            if file.withdrawn:
                return "withdrawn"
            if await self._checker.holds(Check(kind=CheckKind.SUPERVISOR_UP, unit=file.incident.unit)):
                return "recovered"
            await asyncio.sleep(_DAEMON_POLL_S)
        return "withdrawn" if file.withdrawn else "stays"

    async def _settle(self, file: CaseFile) -> Settled:
        """Wait until the units concerned have been well for a while, or until waiting longer has no point."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        well_since: float | None = None
        exited_since: float | None = None
        while True:
            incident = file.incident
            if file.withdrawn:
                return "withdrawn"
            if incident.fault is Fault.ENGINE_DOWN:
                return await self._daemon_returns(file)
            if incident.fault in _DOES_NOT_MEND_ITSELF:
                return "stays"
            unit = await self._unit(incident)
            exited_since = (exited_since or loop.time()) if unit is not None and _is_over(unit) else None
            if exited_since is not None and loop.time() - exited_since >= _CONFIRM_S:
                return "stays"
            well = exited_since is None and await self._all_well(incident)
            well_since = (well_since or loop.time()) if well else None
            stable_s = _STABLE_S.get(incident.fault, _STABLE_DEFAULT_S)
            if well_since is not None and loop.time() - well_since >= stable_s:
                return "recovered"
            if not well and loop.time() - began >= self._patience_s(incident):
                return "stays"
            sure_in_s = exited_since + _CONFIRM_S - loop.time() if exited_since is not None else _POLL_S
            await asyncio.sleep(min(max(sure_in_s, 0.01), _POLL_S))

    async def _all_well(self, incident: Incident) -> bool:
        concerned = self._verifier.concerned(incident)
        return await self._verifier.well_now(concerned) == concerned

    async def _unit(self, incident: Incident) -> Unit | None:
        if is_daemon(incident.unit):
            return None
        try:
            return await self._checker.unit(incident.unit)
        except SupervisorError:
            return None

    def _patience_s(self, incident: Incident) -> float:
        patience_s = _PATIENCE_S.get(incident.fault, 2.0)
        spec = self._world.spec(incident.unit)
        if incident.fault is Fault.CRASH and spec is not None and spec.health is not None:
            patience_s += spec.health.grace_s
        return patience_s


def _is_over(unit: Unit) -> bool:
    """Tell whether nobody will start what is missing of it."""
    if unit.state is UnitState.RUNNING and not unit.autorestart:
        return len(unit.processes) < unit.instances
    return unit.state in (UnitState.EXITED, UnitState.STOPPED)
