"""Learns who talks to whom, for as long as the agent watches, and keeps it over its restarts.

What is kept lies in `senses/topology.json` of the home, 0600, written whole. It is a convenience: a file that cannot be
read is learnt anew, and one that cannot be written costs what was learnt since.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from opsagent.senses.topology_look import Looker, Scene
from opsagent.topology import Topology
from opsagent.world import World
from opsagent_tools.processes.ownership import Unsupervised
from opsagent_tools.units import ProcessKey, Unit, UnitId

_LOG = logging.getLogger(__name__)
FILE = "topology.json"
_SAVE_S = 60.0
_MOST_BYTES = 8 * 1024 * 1024
_SETTLED_S = 600.0
"""What runs for so long is well as far as anybody knows."""


class TopologySense:
    """Looks at the connections of all units, again and again."""

    def __init__(
        self,
        world: World,
        folder: Path | None = None,
        *,
        daemons: Callable[[], Iterable[int]] = tuple,
        unsupervised: Callable[[], Iterable[Unsupervised]] = tuple,
    ) -> None:
        self.looker = Looker()
        self._world = world
        self._file = folder / FILE if folder is not None else None
        self._daemons = daemons
        self._unsupervised = unsupervised
        self._looked_at: float | None = None
        self._saved_at = time.monotonic()
        self._saved: object = None
        self._running: dict[ProcessKey, UnitId] = {}

    async def recall(self) -> None:
        """Take over what was learnt before."""
        if self._file is not None:
            self._world.topology = await asyncio.to_thread(load, self._file)

    async def watch(self) -> None:
        """Look until cancelled, and keep what was learnt."""
        try:
            while True:
                try:
                    await self.look()
                except Exception:  # noqa: BLE001  # whatever one look trips over, the next may do better
                    _LOG.exception("a look at connections broke off")
                await asyncio.sleep(self.looker.pause_s)
        finally:
            self._save()

    async def look(self) -> None:
        """Look once."""
        world = self._world
        units = list(world.units.values())
        scene = Scene(
            units=units,
            daemons=tuple(self._daemons()),
            unsupervised=tuple(self._unsupervised()),
            found_ports=world.found_ports,
            servers=world.topology.servers(),
        )
        seen = await asyncio.to_thread(self.looker.look, scene)
        now = time.monotonic()
        elapsed_s = 0.0 if self._looked_at is None else now - self._looked_at
        self._looked_at = now
        if seen is None:
            return
        world.topology.rename(self._renamed())
        running = [unit.id for unit in units if unit.processes and unit.id not in self.looker.hidden]
        absent = [unit.id for unit in units if not unit.processes and unit.id.supervisor not in world.lost]
        well = [unit.id for unit in units if _is_well(unit, world)] if absent else ()
        world.topology.take(seen.links, running, datetime.now(UTC), elapsed_s, well=well, absent=absent)
        if now - self._saved_at >= _SAVE_S:
            self._saved_at = now
            await asyncio.to_thread(self._save)

    def _renamed(self) -> Mapping[UnitId, UnitId]:
        """Return units that are listed under another id now: the very process that ran for the old one runs for it."""
        running = {process.key: unit.id for unit in self._world.units.values() for process in unit.processes}
        moved = {
            before: running[key]
            for key, before in self._running.items()
            if running.get(key, before) != before and before not in self._world.units
        }
        self._running = running
        return moved

    def _save(self) -> None:
        if self._file is None:
            return
        data = self._world.topology.dump(datetime.now(UTC))
        if data["edges"] != self._saved:
            self._saved = data["edges"]
            save(self._file, data)


def _is_well(unit: Unit, world: World) -> bool:
    """Tell whether it serves, by its probe; without one, whether it has run for a while."""
    health = world.health.get(unit.id)
    if health is not None or not unit.processes:
        return bool(unit.processes) and health is not None and health.ok
    return time.time() - max(process.key.started for process in unit.processes) > _SETTLED_S


def load(file: Path) -> Topology:
    """Return what was learnt before; nothing where there is no file, or it cannot be used."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as opened:
            return Topology.load(json.loads(opened.read(_MOST_BYTES)))  # what is longer is cut, and cannot be read
    except FileNotFoundError:
        return Topology()
    except (OSError, ValueError, RecursionError) as error:
        _LOG.warning("%s cannot be used, who talks to whom is learnt anew: %s", file, error)
        return Topology()


def save(file: Path, data: Mapping[str, object]) -> None:
    """Write it whole, or not at all."""
    beside = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
            json.dump(data, opened, separators=(",", ":"))
        beside.replace(file)
    except OSError as error:
        _LOG.warning("%s cannot be written: %s", file, error)
        with contextlib.suppress(OSError):
            beside.unlink()
