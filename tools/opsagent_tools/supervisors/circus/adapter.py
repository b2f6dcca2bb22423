"""The Supervisor port on the embedded engine."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path

from opsagent_tools.findings import Finding
from opsagent_tools.redact import redact, redact_env
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.client import Client
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.circus.logplaces import all_files
from opsagent_tools.supervisors.circus.look import KIND, unit_of
from opsagent_tools.supervisors.circus.state import spec_to_json
from opsagent_tools.supervisors.port import Daemon, NotSupported, SupervisorEvent, UnknownUnit
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup

_VERSION = "0.19.0"
"""Of circus, as pinned."""
_SURGE_LEASE_S = 60.0
"""Longer than a reload needs to make up its mind about a new instance."""


class CircusSupervisor:
    """Our own services, run by the engine's daemon."""

    kind = KIND

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._client = Client(engine.paths.endpoint, engine.is_running)

    @property
    def engine(self) -> Engine:
        """The engine behind it: whose daemon and whose mark its processes have."""
        return self._engine

    async def daemon(self) -> Daemon:
        """Tell whether the engine's daemon lives."""
        return Daemon(
            pid=self._engine.pid(), uid=os.getuid(), version=_VERSION, home=str(self._engine.paths.engine_dir)
        )

    async def list(self) -> Sequence[Unit]:
        """Return all units; none where the engine does not run and nothing was applied."""
        if not self._engine.is_running() and not self._engine.specs():
            return ()
        answer = await self._client.call("units")
        return tuple(unit_of(raw) for raw in answer["units"])

    async def describe(self, unit: UnitId) -> Unit:
        """Return one unit."""
        for found in await self.list():
            if found.id == unit:
                return found
        raise _unknown(unit)

    async def setup(self, unit: UnitId) -> UnitSetup:
        """Tell how `opsagent up` described it."""
        return setup_of(unit, self._spec(unit))

    async def definition(self, unit: UnitId) -> bytes:
        """Return what its processes are started with: command, folder and environment, secrets and all."""
        return _definition_of(self._spec(unit))

    async def redefine(self, unit: UnitId, definition: bytes) -> None:
        """Give it another command, folder and environment; it is started anew with them. What else it is told stays."""
        spec = self._spec(unit)
        given = json.loads(definition)
        command = tuple(str(word) for word in given["command"])
        env = {str(name): str(value) for name, value in given["env"].items()}
        wanted = replace(spec, command=command, env=env, cwd=Path(str(given["cwd"])))
        await self._client.call("redefine", service=spec_to_json(wanted))

    async def start(self, unit: UnitId) -> None:
        """Start it; EngineError says why it could not be started."""
        await self._client.call("start", name=self._name(unit))

    async def stop(self, unit: UnitId) -> None:
        """Stop it for good."""
        await self._client.call("stop", name=self._name(unit))

    async def restart(self, unit: UnitId) -> None:
        """End all instances, then start them. A shared socket stays open."""
        await self._client.call("restart", name=self._name(unit))

    async def reload(self, unit: UnitId) -> None:
        """Replace its instances one by one; stops at a new instance that ends at once, and keeps the old ones."""
        await self._client.call("reload", name=self._name(unit))

    async def scale(self, unit: UnitId, instances: int) -> None:
        """Set the number of instances (1 or more)."""
        await self._client.call("scale", name=self._name(unit), instances=instances)

    async def surge(self, unit: UnitId, *, lease_s: float = _SURGE_LEASE_S) -> ProcessKey:
        """Start one instance beside the wanted ones. It is not respawned when it dies, and ends after `lease_s` where
        no other was retired for it: a reload whose agent was killed leaves nothing behind.
        """
        answer = await self._client.call("surge", name=self._name(unit), lease_s=lease_s)
        return ProcessKey(int(answer["process"]["pid"]), float(answer["process"]["started"]))

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """End this instance; an instance that was surged takes its place, else it is started anew."""
        await self._client.call("retire", name=self._name(unit), pid=process.pid, started=process.started)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """End this instance and start it anew; beside it first, where the shared socket or the lack of a port allows it."""
        await self._client.call("replace", name=self._name(unit), pid=process.pid, started=process.started)

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Send a signal to every instance, or to one."""
        await self._client.call("signal", name=self._name(unit), signum=signum, pid=pid)

    def events(self) -> AsyncIterator[SupervisorEvent]:
        """Yield events for ever; the first is CHANGED (list now), LOST and BACK frame a death of the daemon."""
        from opsagent_tools.supervisors.circus.events import watch

        return watch(self._engine, self.kind)

    def log_files(self, unit: UnitId) -> Sequence[Path]:
        """Return the files that it says it writes, and those that its standard output and error are kept in."""
        for spec in self._engine.specs():
            if spec.name == self._name(unit):
                own = self._engine.paths.log(spec.name)
                return (*spec.logs, *all_files(spec, own, range(1, spec.instances + 1)))
        raise _unknown(unit)

    async def reopen_logs(self, unit: UnitId) -> None:
        """Have the engine write to no log file any more that was renamed: whoever rotates may compress it then."""
        await self._client.call("reopen", name=self._name(unit))

    async def reload_logs(self) -> None:
        """Do so for all its services: what rotates logs calls this once the files were renamed."""
        for spec in self._engine.specs():
            await self._client.call("reopen", name=spec.name)

    async def persist(self) -> str:
        """Nothing is to be saved: the engine notes every change as it is made."""
        raise NotSupported("the engine keeps its services by itself; `opsagent startup` brings it back at boot")

    async def revive(self) -> str:
        """Bring the engine back; it ends what its predecessor left running before it starts the services."""
        started = await self._engine.ensure_running()
        return "the engine is back" if started else "the engine runs already"

    async def findings(self) -> Sequence[Finding]:
        """Return nothing: what the engine does not notice, the agent's own senses do."""
        return ()

    async def close(self) -> None:
        """Close the connection to the daemon; the services go on."""
        await self._client.close()

    def _spec(self, unit: UnitId) -> ServiceSpec:
        name = self._name(unit)
        spec = next((spec for spec in self._engine.specs() if spec.name == name), None)
        if spec is None:
            raise _unknown(unit)
        return spec

    def _name(self, unit: UnitId) -> str:
        if unit != UnitId.local(self.kind, unit.name):
            raise _unknown(unit)
        return unit.name


def _definition_of(spec: ServiceSpec) -> bytes:
    given = {"command": list(spec.command), "cwd": str(spec.cwd), "env": dict(sorted(spec.env.items()))}
    return json.dumps(given, sort_keys=True).encode()


def setup_of(unit: UnitId, spec: ServiceSpec) -> UnitSetup:
    """Return what is known of a service that its specification describes."""
    return UnitSetup(
        id=unit,
        command=tuple(redact(part) for part in spec.command),
        cwd=spec.cwd,
        env=redact_env(spec.env),
        shape="shared socket" if spec.share_socket else "instances",
        stop_signal=int(signal.Signals[spec.stop_signal]),
        stop_timeout_s=spec.stop_timeout_s,
        max_memory=spec.max_memory,
    )


def _unknown(unit: UnitId) -> UnknownUnit:
    return UnknownUnit(f"the engine has no service {unit.name!r}")
