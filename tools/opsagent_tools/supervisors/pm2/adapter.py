"""The Supervisor port on one home of PM2 (7.x; earlier ones as far as they have the methods), over its own sockets.

What PM2 has beyond the port are methods of the same class. PM2's command line is never called while a daemon lives, and
no daemon is ever started but by `revive` and by `start_file(..., may_start=True)`.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.logs.sources import LogSource
from opsagent_tools.supervisors.pm2 import hands
from opsagent_tools.supervisors.pm2.changes import Changes
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.extras import Extras
from opsagent_tools.supervisors.pm2.rotation import Sizes
from opsagent_tools.supervisors.pm2.units import read_apps
from opsagent_tools.supervisors.port import (
    Daemon,
    NotPermitted,
    SupervisorError,
    SupervisorEvent,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup

if TYPE_CHECKING:
    from opsagent_tools.supervisors.pm2.output import Outputs

_PREPARE_S = 120.0
"""`prepare` answers when all instances are up; each may wait for its `listen_timeout`."""
_LIST_HOLDS_S = 10.0
"""What units are given changes by a restart only, after which whoever hears PM2's events lists anew."""


class Pm2Supervisor(Extras):
    """Apps that the daemon of one PM2 home runs: a name in a namespace is one unit, however many processes it has."""

    def __init__(self, home: Path, uid: int | None = None, *, kind: str = "pm2") -> None:
        """Keep the PM2 in `home`; `uid`: whose it has to be (default: who owns the folder). Nothing is connected to yet."""
        self.kind = kind
        self._core = Core(home, uid, kind)
        self._changes = Changes(self._core)
        self._sizes = Sizes()
        self._outputs: Outputs | None = None

    @property
    def home(self) -> Path:
        """The folder of this PM2."""
        return self._core.home.path

    async def daemon(self) -> Daemon:
        """Tell of PM2's daemon; where it is gone, whether that is missed and what `revive` would do."""
        from opsagent_tools.supervisors.pm2.revive_state import standing

        core, home = self._core, str(self.home)
        listed: list[Any] | None = None
        pid, version, lacks, uid = None, "", tuple[str, ...](), self._uid()
        try:
            listed = await core.raw()
            pid, version, lacks = (await core.rpc.peer()).pid, await core.rpc.version(), await core.rpc.lacks()
        except NotPermitted as error:
            return Daemon(pid=None, uid=uid, home=home, hint=str(error), ended="it is not to be believed")
        except SupervisorError:
            pid, listed = None, None
        stands = await asyncio.to_thread(standing, self.home, uid, core.seen, listed)
        return Daemon(
            pid=pid or stands.pid,
            uid=uid,
            version=version or stands.version,
            home=home,
            lacks=lacks,
            ended=stands.ended,
            trouble=stands.trouble,
            revival=stands.revival,
            outlived=stands.outlived,
            hint=stands.hint,
        )

    async def list(self) -> Sequence[Unit]:
        """Return all apps; PM2's modules are its own matter (`modules`)."""
        return await self._core.units()

    def measured(self, unit: UnitId) -> Mapping[str, str | int | float | bool]:
        """Return lag_ms and metric.NAME of an app, as it had them at the last list. Asks nobody."""
        return self._core.measured_of_last(unit)

    async def describe(self, unit: UnitId) -> Unit:
        """Return one app."""
        return (await self._core.unit(unit))[0]

    async def setup(self, unit: UnitId) -> UnitSetup:
        """Tell how it is run, with what it measures of itself (`more`: `metric.NAME`)."""
        from opsagent_tools.supervisors.pm2.setup import setup_of

        _, apps = await self._core.unit(unit)
        at_boot = await asyncio.to_thread(self._at_boot, unit.name)
        busy = await asyncio.to_thread(hands.reload_under_way, self._core)
        program = self._core.seen.program
        kill_signal = program.env.get("PM2_KILL_SIGNAL", "") if program is not None else ""
        return setup_of(
            unit, apps, kill_signal=kill_signal, at_boot=at_boot, busy=self._changes.under_way(unit) or busy
        )

    async def start(self, unit: UnitId) -> None:
        """Start what of it is down. A release that cannot start is seen afterwards, not here."""
        await self._changes.start(unit)

    async def stop(self, unit: UnitId) -> None:
        """Stop it. It stays stopped as long as the daemon lives; `persist` keeps that over a reboot."""
        await self._changes.stop(unit)

    async def restart(self, unit: UnitId, env: Mapping[str, str | None] | None = None) -> None:
        """Stop and start every process. `env`: variables to set (None: to take away); else the environment stays."""
        await self._changes.restart(unit, env)

    async def definition(self, unit: UnitId) -> bytes:
        """Return what its processes are started with, by the last list: command, folder and environment, secrets and all."""
        from opsagent_tools.supervisors.pm2.definition import definition_of

        core = self._core
        return definition_of(core.apps_of(unit) if core.listed_within(_LIST_HOLDS_S) else (await core.unit(unit))[1])

    async def redefine(self, unit: UnitId, definition: bytes) -> None:
        """Restart it with the environment and arguments that it had then; variables that came since are taken away.

        Raises NotSupported where script, interpreter or folder are others: no restart changes these.
        """
        await self._changes.redefine(unit, definition)

    async def reload(self, unit: UnitId, env: Mapping[str, str | None] | None = None) -> None:
        """Replace its processes PM2's way: reported as done also where the new release cannot start. Busy while one runs."""
        await self._changes.reload(unit, env)

    async def scale(self, unit: UnitId, instances: int) -> None:
        """Set the number of instances (1 or more)."""
        await self._changes.scale(unit, instances)

    async def surge(self, unit: UnitId) -> ProcessKey:
        """Start one worker beside the wanted ones (cluster mode)."""
        return await self._changes.surge(unit)

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """End this process; a surged one takes its place, else it is replaced."""
        await self._changes.retire(unit, process)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """Put a new process in the place of this one, which keeps its number."""
        await self._changes.replace(unit, process)

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Send a signal to every process of it, or to one, through pidfds."""
        await self._changes.signal(unit, signum, pid)

    def events(self) -> AsyncIterator[SupervisorEvent]:
        """Yield events for ever; the first is CHANGED (list now), LOST or ENDED and BACK frame an end of the daemon."""
        from opsagent_tools.supervisors.pm2.watch import watch

        return watch(self._core, self._changes.judge)

    def output(self, unit: UnitId) -> LogSource:
        """Follow what the bus passes on of an app's output: for apps that write to no file that can be read."""
        from opsagent_tools.supervisors.pm2.output import Outputs

        self._outputs = self._outputs or Outputs(self._core.home)
        return self._outputs.follow(unit.name)

    def log_files(self, unit: UnitId) -> Sequence[Path]:
        """Return the files that PM2 writes its output to, without links and files of others."""
        core = self._core
        if not core.listed:
            from opsagent_tools.supervisors.pm2.look import ask

            try:
                core.apps = tuple(read_apps(ask(core.home, "getMonitorData", {}, timeout_s=1.0)))
            except (SupervisorUnreachable, NotPermitted) as error:
                raise UnknownUnit(f"PM2 in {self.home} does not say what {unit.name!r} is: {error}") from error
        return core.claims.logs(core.apps_of(unit))

    async def persist(self) -> str:
        """Do what `pm2 save` does, and say whether anything brings it back at boot."""
        from opsagent_tools.supervisors.pm2.save import save

        listed = await self._core.raw()
        uid = self._core.home.check()
        said = await asyncio.to_thread(save, self.home, uid, listed, without=self._core.extra())
        boot = await asyncio.to_thread(self.startup)
        if boot is None:
            return f"{said}; nothing starts PM2 at boot: `pm2 startup` says how"
        return said if boot.enabled else f"{said}; {boot.name} is not enabled, so nothing starts PM2 at boot"

    async def revive(self) -> str:
        """Bring the daemon back with what it ran, after ending what outlived it; or what a new one lost."""
        from opsagent_tools.supervisors.pm2.revive import revive

        async def call(method: str, argument: object) -> Any:
            timeout_s = _PREPARE_S if method == "prepare" else 10.0
            return await self._core.rpc.call(method, argument, timeout_s=timeout_s)

        said = await revive(self.home, self._core.home.check(), self._core.seen, call)
        await self._core.raw()
        return said

    async def findings(self) -> Sequence[Finding]:
        """Return what PM2 does not notice, or would lose."""
        from opsagent_tools.supervisors.pm2.findings import Look, findings_of

        core = self._core
        listed = await core.raw()
        core.units_of_last()  # judges what is claimed
        look = Look(
            home=self.home,
            uid=core.home.uid,
            kind=self.kind,
            listed=[one for one in listed if isinstance(one, Mapping)],
            daemon=(await core.rpc.peer()).pid,
            now=time.time(),
            seen=core.seen,
            sizes=self._sizes,
        )
        found = await asyncio.to_thread(findings_of, look)
        return (*(self._not_believed(*refused) for refused in core.claims.refused.items()), *found)

    def _not_believed(self, unit: str, why: str) -> Finding:
        return Finding(
            check="pm2/not_believed",
            unit=self._core.id_of(unit),
            severity=Severity.WARNING,
            says=why,
            mend="give it a log of its own user's that is no link, or look who runs that process",
        )

    async def close(self) -> None:
        """Hang up; the daemon and its apps go on."""
        if self._outputs is not None:
            await self._outputs.close()
        await self._changes.close()
        await self._core.rpc.close()

    def _uid(self) -> int:
        try:
            return self._core.home.uid
        except SupervisorUnreachable:  # there is no such folder yet
            return os.geteuid()

    def _at_boot(self, name: str) -> bool:
        from opsagent_tools.supervisors.pm2.dump import DumpUnreadable, is_stopped, read, unit_name

        boot = self.startup()
        try:
            saved = read(self.home, self._core.home.uid)
        except DumpUnreadable:
            return False
        kept = saved is not None and any(unit_name(app) == name and not is_stopped(app) for app in saved.apps)
        return boot is not None and boot.enabled and kept
