"""The rule of thumb: whatever complains is restarted."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import re
import socket
import urllib.error
import urllib.request
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from opsagent_evals.faults.keepers.deeds import deed
from opsagent_evals.faults.keepers.keeper import Keeping
from opsagent_evals.faults.score import OracleCall, Run, SeenStep
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.units import Unit, UnitState

_EVERY_S = 1.0
_FAILURES = 2
_COOLDOWN_S = 8.0
"""After a restart it is left alone for so long."""
_MOST_READ = 1 << 20
_ERROR = re.compile(rb"error|exception|traceback|fatal|panic|fail|refused|denied|timed? ?out", re.IGNORECASE)


class Restarter:
    """Looks once a second; restarts a service that ended, whose probe failed twice, or whose log has an error."""

    patient = False

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._steps: list[SeenStep] = []
        self._failures: dict[str, int] = {}
        self._read_to: dict[Path, int] = {}
        self._quiet_until: dict[str, float] = {}
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to look."""
        self._task = asyncio.create_task(self._keep())

    async def end(self) -> None:
        """Look no more."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def lives(self) -> bool:
        """Tell whether it still looks."""
        return self._task is not None and not self._task.done()

    def is_calm(self) -> bool:
        """It has nothing that it would have to finish."""
        return True

    def read(self, injected_at: datetime, oracle: Sequence[OracleCall], now: datetime, *, error: str = "") -> Run:
        """Return what it did."""
        steps = tuple(self._steps)
        return Run(injected_at=injected_at, ended_at=now, oracle=tuple(oracle), steps=steps, error=error)

    async def _keep(self) -> None:
        loop = asyncio.get_running_loop()
        specs = {spec.name: spec for spec in self._keeping.specs}
        while True:
            await asyncio.sleep(_EVERY_S)
            supervisor = self._keeping.ground.supervisor
            if supervisor is None:
                continue
            with contextlib.suppress(SupervisorError):
                for unit in await supervisor.list():
                    complains = await self._complains(unit, specs.get(unit.name))
                    if not complains or loop.time() < self._quiet_until.get(unit.name, 0.0):
                        continue
                    began = datetime.now(UTC)
                    with contextlib.suppress(SupervisorError):
                        await supervisor.restart(unit.id)
                    self._steps.append(deed("restart", unit.name, began, "rule"))
                    self._failures[unit.name] = 0
                    self._quiet_until[unit.name] = loop.time() + _COOLDOWN_S

    async def _complains(self, unit: Unit, spec: ServiceSpec | None) -> bool:
        errors = self._new_errors(unit)
        health = spec.health if spec is not None else None
        ok = health is None or await asyncio.to_thread(answers, health)
        self._failures[unit.name] = 0 if ok else self._failures.get(unit.name, 0) + 1
        ended = unit.state in (UnitState.EXITED, UnitState.STOPPED)
        return ended or errors or self._failures[unit.name] >= _FAILURES

    def _new_errors(self, unit: Unit) -> bool:
        found = False
        for path in unit.logs:
            with contextlib.suppress(OSError), path.open("rb") as file:
                size = file.seek(0, 2)
                begin = self._read_to.get(path, size)
                file.seek(begin if begin <= size else 0)
                found |= _ERROR.search(file.read(_MOST_READ)) is not None
                self._read_to[path] = size
        return found


def answers(health: Health) -> bool:
    """Ask a health probe once; blocks for its timeout at most."""
    try:
        if health.http:
            with urllib.request.urlopen(health.http, timeout=health.timeout_s):  # noqa: S310  # the scenario's own
                return True
        host, _, port = (health.tcp or "").rpartition(":")
        with socket.create_connection((host, int(port)), health.timeout_s):
            return True
    except (OSError, ValueError, http.client.HTTPException):
        return False
