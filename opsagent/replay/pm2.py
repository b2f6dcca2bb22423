"""The past of one PM2: its apps, also those that its daemon forgot, and what its own log says of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from opsagent.replay.daemon_log import DaemonLog
from opsagent.replay.lines import Totals, Window
from opsagent_tools.supervisors.found import Found
from opsagent_tools.supervisors.pm2 import past
from opsagent_tools.supervisors.pm2.leftover import by_app_name, default_logs, named_units, saved_units
from opsagent_tools.supervisors.pm2.units import unit_name
from opsagent_tools.units import Unit, UnitId


class Pm2Past:
    """What its files tell, whether its daemon runs or not."""

    def __init__(self, found: Found, listed: Sequence[Unit], window: Window, totals: Totals, uid: int | None) -> None:
        """`uid`: whose its files must be, where that is another user; `listed`: what its daemon lists, where it runs."""
        self.kind = found.kind
        self._home = Path(found.address)
        self.log = DaemonLog(self._home / "pm2.log", uid)
        self.log.load(window, totals, tell=past.events, wall_of=past.wall_of)
        self.units = self._units(listed, found.uid)
        self._ids = by_app_name(self.units)

    def unit(self, name: str) -> UnitId:
        """Return the unit that its log means."""
        known = self._ids.get(name)
        return known if known is not None else UnitId.local(self.kind, unit_name(name, ""))

    def _units(self, listed: Sequence[Unit], uid: int) -> tuple[Unit, ...]:
        known = {unit.id: unit for unit in saved_units(self._home, uid, self.kind)} | {unit.id: unit for unit in listed}
        apps = {unit.name.rpartition("/")[2] for unit in known.values()}
        told = sorted({event.name for event in self.log.events if event.name} - apps)
        return (*map(self._with_old_logs, known.values()), *named_units(self._home, uid, self.kind, told))

    def _with_old_logs(self, unit: Unit) -> Unit:
        """Add the logs of instances that are gone."""
        folders = dict.fromkeys([*(path.parent for path in unit.logs), self._home / "logs"])
        old = [path for folder in folders for path in default_logs(folder, unit.name.rpartition("/")[2])]
        return replace(unit, logs=tuple(dict.fromkeys([*unit.logs, *old])))
