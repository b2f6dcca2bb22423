"""The supervisors of this machine, as far as the agent knows them: found, opened once, asked, closed at the end.

The embedded engine is always among them. Others may come while the agent runs; none is dropped before it ends: one that
is gone stays known, so that its end can be told and its units are not forgotten.
"""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

from opsagent import kinds
from opsagent.config import Config
from opsagent.home import Home
from opsagent.world import World
from opsagent_tools.processes import ownership
from opsagent_tools.processes.listening import listening
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.discover import Found, discover, open_supervisor
from opsagent_tools.supervisors.port import Supervisor, SupervisorError

_LOG = logging.getLogger(__name__)
_TAKEN_DOWN_S = 0.5
"""How long `opsagent down` may take between the end of the engine and the end of its bookkeeping."""
_LOOK_S = 5.0
"""Between two looks for supervisors that were not there yet."""
_PORTS_S = 60.0
"""Between two looks at who holds which port where nothing seems to have changed."""


class Supervised:
    """Who runs what here."""

    def __init__(self, home: Home, config: Config, world: World) -> None:
        self.engine = Engine(home.engine_dir, home.runtime_dir)
        self.found: tuple[Found, ...] = ()
        """What the last look found beside the engine, what was refused among it."""
        self.unsupervised: tuple[ownership.Unsupervised, ...] = ()
        self._home = home
        self._config = config
        self._world = world
        self._by_kind: dict[str, Supervisor] = {"circus": CircusSupervisor(self.engine)}
        self._kinds = kinds.load(home.path)
        self._unopened: dict[str, str] = {}
        """Why one that was found cannot be opened, by key: it is tried again, and complained of once."""
        self._looked_at = float("-inf")
        self._ports_of: object = None
        self._ports_at = 0.0

    @property
    def supervisors(self) -> Mapping[str, Supervisor]:
        """Every supervisor by kind; the same mapping for good, which grows."""
        return self._by_kind

    async def look_around(self) -> None:
        """Learn which supervisors and units there are; a supervisor that does not answer has none for now."""
        await self.discover()
        self._world.replace_specs(self._specs())
        await asyncio.gather(*(self._list(kind, supervisor) for kind, supervisor in self._by_kind.items()))
        await self.look_at_ports()

    async def _list(self, kind: str, supervisor: Supervisor) -> None:
        with suppress(SupervisorError):
            self._world.replace_units(kind, await supervisor.list())

    async def look_again(self) -> Sequence[Supervisor]:
        """Take over what people described since; once in a while look for further supervisors, and return those."""
        specs = await asyncio.to_thread(self._specs)
        if specs != self._world.specs:
            self._world.replace_specs(specs)
        if time.monotonic() - self._looked_at < _LOOK_S:
            return ()
        try:
            fresh = await self.discover()
            await self.look_at_ports()
        except Exception:  # noqa: BLE001  # whatever it trips over, those that are known are watched all the same
            _LOG.exception("the look for supervisors broke off")
            return ()
        return fresh

    async def discover(self) -> Sequence[Supervisor]:
        """Look for supervisors; open those that are new, and return them."""
        self._looked_at = time.monotonic()
        self.found = await asyncio.to_thread(discover, self._config.supervisors, known=self._kinds)
        fresh = {one.kind: one for one in self.found if one.usable and one.kind not in self._by_kind}
        opened = {kind: supervisor for kind, one in fresh.items() if (supervisor := self._open(one)) is not None}
        if opened:
            self._by_kind.update(opened)
            own = os.geteuid()
            self._world.owners.update((kind, fresh[kind].uid) for kind in opened if fresh[kind].uid not in {own, 0})
            self._kinds.update((fresh[kind].key, kind) for kind in opened)
            await asyncio.to_thread(kinds.save, self._home.path, self._kinds)
        return tuple(opened.values())

    def _open(self, one: Found) -> Supervisor | None:
        try:
            supervisor = open_supervisor(one)
        except (SupervisorError, ValueError, OSError) as error:
            if self._unopened.get(one.key) != str(error):
                _LOG.warning("%s at %s cannot be opened: %s", one.kind, one.address, error)
            self._unopened[one.key] = str(error)
            return None
        self._unopened.pop(one.key, None)
        _LOG.info("found %s at %s: %s", one.kind, one.address, one.why)
        return supervisor

    def problem(self, one: Found) -> str:
        """Return why one that was found is not open; empty where it is, or nothing is wrong with it."""
        return self._unopened.get(one.key, "")

    async def look_at_ports(self) -> None:
        """Learn who listens on which port; the descriptors of all processes are gone through only where that changed."""
        units, daemons = list(self._world.units.values()), self.daemons()
        sockets = await asyncio.to_thread(listening)
        pids = frozenset(process.key for unit in units for process in unit.processes)
        seen = (sockets, pids, daemons)
        if seen == self._ports_of and time.monotonic() - self._ports_at < _PORTS_S:
            return
        owned = await asyncio.to_thread(ownership.look, units, daemons, sockets=sockets)
        self._world.found_ports = dict(owned.ports)
        self.unsupervised = owned.unsupervised
        self._ports_of, self._ports_at = seen, time.monotonic()

    def daemons(self) -> dict[int, str]:
        """Return the processes of the supervisors themselves."""
        found = {one.pid: one.kind or one.family for one in self.found if one.pid is not None and one.pid != 1}
        engine = self.engine.pid()
        return found if engine is None else {**found, engine: "circus"}

    def _specs(self) -> Mapping[str, ServiceSpec]:
        try:
            return self._config.described(self.engine.specs())
        except SupervisorError as error:  # what was known goes on being known
            _LOG.warning("the services cannot be read: %s", error)
            return self._world.specs

    async def is_engine_missed(self) -> bool:
        """Tell whether the engine, which was just lost, should be there.

        One that a person took down, or that nobody ever started, is not missed.
        """
        await asyncio.sleep(_TAKEN_DOWN_S)
        return bool(await asyncio.to_thread(self.engine.specs)) and not self.engine.is_running()

    async def close(self) -> None:
        """Close every connection; the services go on."""
        for supervisor in self._by_kind.values():
            await supervisor.close()
