"""The keeper of a home's releases for a command that looks: its own journal, and the one supervisor that is asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from opsagent import kinds
from opsagent.config import Config
from opsagent.home import Home
from opsagent.releases.keeper import Keeper
from opsagent.store.journal import Journal
from opsagent_tools.supervisors.circus.adapter import CircusSupervisor
from opsagent_tools.supervisors.circus.engine import Engine
from opsagent_tools.supervisors.discover import discover, open_supervisor
from opsagent_tools.supervisors.port import Supervisor, SupervisorError


@asynccontextmanager
async def keeper_of(home: Home, config: Config, kind: str) -> AsyncIterator[Keeper]:
    """Open the keeper for units of one supervisor (`kind`). Raises SupervisorError, StoreError."""
    supervisor = await asyncio.to_thread(_open, home, config, kind)
    try:
        with Journal.open(home) as journal:
            yield Keeper(home.last_good_dir, journal, {kind: supervisor}, lambda: config.policy)
    finally:
        with suppress(SupervisorError, OSError):
            await supervisor.close()


def _open(home: Home, config: Config, kind: str) -> Supervisor:
    if kind == "circus":
        return CircusSupervisor(Engine(home.engine_dir, home.runtime_dir))
    found = discover(config.supervisors, known=kinds.load(home.path))
    for one in found:
        if one.kind == kind and one.usable:
            return open_supervisor(one)
    raise SupervisorError(f"no supervisor of kind {kind} answers")
