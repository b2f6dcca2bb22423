"""The embedded engine, as `opsagent up` uses it."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent.home import Home
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine


class EngineGround:
    """The agent finds it by itself: it is its own."""

    config = ""

    def __init__(self, home: Home) -> None:
        self._engine = Engine(home.engine_dir, home.runtime_dir)
        self.supervisor: CircusSupervisor | None = None

    async def start(self, specs: Sequence[ServiceSpec]) -> None:
        """Start the engine with these services."""
        await self._engine.ensure_running()
        await self._engine.apply(specs)
        self.supervisor = CircusSupervisor(self._engine)

    async def end(self) -> None:
        """End the engine with its services."""
        if self.supervisor is not None:
            await self.supervisor.close()
        await self._engine.shutdown()
