"""The supervisors of this machine, as far as the agent knows them: found, opened once, asked, closed at the end.

The embedded engine is always among them. Others may come while the agent runs; none is dropped before it ends: one that
is gone stays known, so that its end can be told and its units are not forgotten.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from contextlib import suppress

from opsagent.config import Config
from opsagent.home import Home
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.port import Supervisor, SupervisorError

_LOG = logging.getLogger(__name__)
_TAKEN_DOWN_S = 0.5
"""How long `opsagent down` may take between the end of the engine and the end of its bookkeeping."""


class Supervised:
    """Who runs what here."""

    def __init__(self, home: Home, config: Config, world: World) -> None:
        self.engine = Engine(home.engine_dir, home.runtime_dir)
        self._config = config
        self._world = world
        self._by_kind: dict[str, Supervisor] = {"circus": CircusSupervisor(self.engine)}

    @property
    def supervisors(self) -> Mapping[str, Supervisor]:
        """Every supervisor by kind; the same mapping for good, which grows."""
        return self._by_kind

    async def look_around(self) -> None:
        """Learn which units there are; a supervisor that does not answer has none for now."""
        self._world.replace_specs(self._specs())
        for kind, supervisor in list(self._by_kind.items()):
            with suppress(SupervisorError):
                self._world.replace_units(kind, await supervisor.list())

    async def look_again(self) -> None:
        """Take over what people described since."""
        specs = await asyncio.to_thread(self._specs)
        if specs != self._world.specs:
            self._world.replace_specs(specs)

    def _specs(self) -> Mapping[str, ServiceSpec]:
        try:
            return self._config.described(self.engine.specs())
        except SupervisorError as error:  # what was known goes on being known
            _LOG.warning("the services cannot be read: %s", error)
            return self._world.specs

    async def is_missed(self, kind: str) -> bool:
        """Tell whether a supervisor that was just lost should be there.

        An engine that a person took down, or that nobody ever started, is not missed.
        """
        if kind != "circus":
            return True
        await asyncio.sleep(_TAKEN_DOWN_S)
        return bool(await asyncio.to_thread(self.engine.specs)) and not self.engine.is_running()

    async def close(self) -> None:
        """Close every connection; the services go on."""
        for supervisor in self._by_kind.values():
            await supervisor.close()
