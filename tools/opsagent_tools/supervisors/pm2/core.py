"""What the parts of the adapter share: one home, its connection, and the last picture of what the daemon runs."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.pm2.history import History
from opsagent_tools.supervisors.pm2.home import LOG, Home
from opsagent_tools.supervisors.pm2.measured import measured_by
from opsagent_tools.supervisors.pm2.revive_seen import LastSeen, program_of
from opsagent_tools.supervisors.pm2.rpc import Rpc
from opsagent_tools.supervisors.pm2.units import App, Claims, by_unit, read_apps, unit_of
from opsagent_tools.supervisors.port import SupervisorError, UnknownUnit
from opsagent_tools.units import ProcessKey, Unit, UnitId


class Core:
    """The daemon of one home as it was seen last, and how to ask it."""

    def __init__(self, path: Path, uid: int | None, kind: str) -> None:
        self.kind = kind
        self.home = Home(path, uid)
        self.rpc = Rpc(self.home)
        self.seen = LastSeen()
        """For the time when the daemon does not live."""
        self.apps: tuple[App, ...] = ()
        """The last list, modules with it."""
        self.listed = False
        self._listed_at = float("-inf")
        self.on_list: set[Callable[[], None]] = set()
        """Called after every list, whoever asked for it."""
        self.surged: dict[int, tuple[str, ProcessKey]] = {}
        """Instances that were started beside the wanted ones: number → unit and process."""
        self._units: tuple[Unit, ...] | None = None
        self._measured: tuple[tuple[App, ...], dict[str, Mapping[str, str | int | float | bool]]] = ((), {})
        self._claims: Claims | None = None
        self._history = History(self.home.path / LOG, uid)

    @property
    def claims(self) -> Claims:
        """Return what judges the daemon's claims."""
        if self._claims is None or self._claims.uid != self.home.uid:
            self._claims = Claims(self.home.uid)
        return self._claims

    async def raw(self) -> list[Any]:
        """Return the daemon's own list. It holds every environment: it does not leave the adapter."""
        listed = await self.rpc.call("getMonitorData", {})
        found = listed if isinstance(listed, list) else []
        self.claims.begin()
        await self._note(found)
        self.apps, self.listed, self._units = tuple(read_apps(found, self.apps)), True, None
        self._listed_at = time.monotonic()
        for hear in tuple(self.on_list):
            hear()
        return found

    def listed_within(self, age_s: float) -> bool:
        """Tell whether the last list is no older than this (seconds)."""
        return time.monotonic() - self._listed_at <= age_s

    async def units(self) -> tuple[Unit, ...]:
        """Return all units but modules."""
        await self.raw()
        return self.units_of_last()

    def units_of_last(self) -> tuple[Unit, ...]:
        """Return the units of the last list, as they were when it was made."""
        if self._units is None:
            self._history_of_now()
            self._units = tuple(self._unit(found) for found in by_unit(self.apps).values())
        return self._units

    def measured_of_last(self, unit: UnitId) -> Mapping[str, str | int | float | bool]:
        """Return what the processes of a unit measured of themselves, by the last list: lag_ms, metric.NAME."""
        if self._measured[0] is not self.apps:
            self._measured = (self.apps, {name: measured_by(apps) for name, apps in by_unit(self.apps).items()})
        return self._measured[1].get(unit.name, {})

    async def unit(self, unit: UnitId) -> tuple[Unit, list[App]]:
        """Return one unit and its processes, as they are now. Raises UnknownUnit."""
        await self.raw()
        apps = self.apps_of(unit)
        self._history_of_now()
        return self._unit(apps), apps

    def apps_of(self, unit: UnitId) -> list[App]:
        """Return the processes of a unit, by the last list. Raises UnknownUnit."""
        found = by_unit(self.apps).get(unit.name) if unit == UnitId.local(self.kind, unit.name) else None
        if not found:
            raise UnknownUnit(f"PM2 has no app {unit.name!r} in {self.home.path}")
        return found

    def process_of(self, apps: Sequence[App], process: ProcessKey) -> App | None:
        """Return which of these PM2 runs in this very process."""
        return next((app for app in apps if app.pid == process.pid and self.claims.process(app) == process), None)

    def extra(self) -> frozenset[int]:
        """Return the numbers of surged instances."""
        return frozenset(self.surged)

    def id_of(self, name: str) -> UnitId:
        """Return the id of a unit of this daemon."""
        return UnitId.local(self.kind, name)

    def _unit(self, apps: Sequence[App]) -> Unit:
        return unit_of(self.kind, apps, self.claims, self._history.of(apps), extra=self.extra())

    def _history_of_now(self) -> None:
        """Read up what the daemon has written since."""
        if self._history.uid is None:
            self._history.uid = self.home.uid
        self._history.look()

    async def _note(self, listed: list[Any]) -> None:
        peer = await self.rpc.peer()
        daemon = key_of(peer.pid) if peer.pid is not None else None
        if daemon is not None and daemon != self.seen.daemon:
            self.surged.clear()
            with contextlib.suppress(SupervisorError):
                report = await self.rpc.call("getReport", {})
                self.seen.program = program_of(report, daemon.pid) if isinstance(report, dict) else None
        safe = [one for one in listed if isinstance(one, dict) and isinstance(one.get("pm2_env"), dict)]
        self.seen.saw(safe, time.time(), daemon=daemon, key_of=self.claims.key)
