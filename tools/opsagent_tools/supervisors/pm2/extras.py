"""What PM2 has beyond the port of all supervisors, as methods: files, counters, logs, modules, metrics, what apps say."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent_tools.files import UnsafeFile
from opsagent_tools.supervisors.pm2 import hands
from opsagent_tools.supervisors.pm2.changes import Changes
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.port import NotPermitted, NotSupported, SupervisorError
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent_tools.supervisors.pm2.findings_boot import Startup
    from opsagent_tools.supervisors.pm2.modules import Module
    from opsagent_tools.supervisors.pm2.said import AppSaid

_LONGEST_LINE = 64 * 1024


class Extras:
    """Mixed into the adapter."""

    kind: str
    _core: Core
    _changes: Changes

    async def start_file(
        self, file: Path, *, env_name: str = "", only: Sequence[str] = (), allow_network: bool = False
    ) -> str:
        """Start the apps of an ecosystem file, or restart those that run with its settings; say what was done.

        `env_name`: the profile (`--env`); `only`: these apps alone. JavaScript is evaluated for one's own user only, in
        a node without network (`allow_network`: with it). Raises SupervisorError, NotPermitted for a file of others.
        """
        from opsagent_tools.supervisors.pm2.launch import start_file

        return await start_file(self._core, file, env_name=env_name, only=only, allow_network=allow_network)

    async def delete(self, unit: UnitId) -> None:
        """End it, and have PM2 forget it. It is not undone by anything but its ecosystem file."""
        await self._changes.delete(unit)

    async def reset(self, unit: UnitId) -> None:
        """Set its counters of restarts to zero."""
        _, apps = await self._core.unit(unit)
        for app in apps:
            await self._core.rpc.call("resetMetaProcessId", app.pm_id)

    async def flush(self, unit: UnitId) -> Sequence[str]:
        """Empty its log files (their content is lost) and return their names. Raises NotPermitted for a link."""
        _, apps = await self._core.unit(unit)
        self._core.home.check()
        try:
            return await asyncio.to_thread(hands.flush, self._core, apps)
        except UnsafeFile as error:
            raise NotPermitted(f"nothing was emptied: {error}") from error

    async def reload_logs(self) -> None:
        """Have PM2 open all log files anew, after they were moved."""
        await self._core.rpc.call("reloadLogs", {})

    async def watch(self, unit: UnitId, on: bool) -> None:
        """Have PM2 restart it when its files change, or stop doing so."""
        _, apps = await self._core.unit(unit)
        for app in apps:
            await self._core.rpc.call("stopWatch", "restartProcessId", app.pm_id)
            if on:  # the daemon trips over an app of which nobody said yet whether it is watched: now somebody has
                await self._core.rpc.call("startWatch", "restartProcessId", {"id": app.pm_id})

    async def send_line(self, unit: UnitId, line: str, pid: int | None = None) -> None:
        """Write one line to the standard input of its processes, or of one. Fork mode only."""
        found, apps = await self._core.unit(unit)
        if found.shares_socket:
            raise NotSupported(f"{unit.name} runs in cluster mode, where PM2 keeps no standard input of it")
        if len(line) > _LONGEST_LINE or "\n" in line:
            raise NotSupported(f"a line has no line breaks and up to {_LONGEST_LINE} characters")
        for app in [app for app in apps if pid in (None, app.pid) and not app.down]:
            await self._core.rpc.call("sendLineToStdin", {"pm_id": app.pm_id, "line": line + "\n"})

    async def metrics(self, unit: UnitId) -> Mapping[str, str | int | float | bool]:
        """Return what its processes measure of themselves (`axm_monitor`)."""
        from opsagent_tools.supervisors.pm2.setup import metrics_of

        return metrics_of((await self._core.unit(unit))[1])

    async def actions(self, unit: UnitId) -> Sequence[str]:
        """Return what it can be asked to do by itself (`axm_actions`)."""
        from opsagent_tools.supervisors.pm2.setup import actions_of

        return actions_of((await self._core.unit(unit))[1])

    async def trigger(self, unit: UnitId, action: str, argument: str | None = None) -> int:
        """Have its processes do one of their own actions; return how many were asked. Raises NotSupported."""
        from opsagent_tools.supervisors.pm2.setup import actions_of

        _, apps = await self._core.unit(unit)
        able = [app for app in apps if action in actions_of([app]) and not app.down]
        if not able:
            known = ", ".join(actions_of(apps)) or "none"
            raise NotSupported(f"{unit.name} has no action {action!r} (it has: {known})")
        for app in able:
            asked = {"id": app.pm_id, "msg": action, **({} if argument is None else {"opts": argument})}
            await self._core.rpc.call("msgProcess", asked)
        return len(able)

    async def send(self, unit: UnitId, topic: str, data: object) -> int:
        """Send a message to its processes (`process.on("message")`); return to how many."""
        _, apps = await self._core.unit(unit)
        up = [app for app in apps if not app.down]
        if not up:
            raise SupervisorError(f"nothing of {unit.name} runs")
        for app in up:
            packet = {"id": app.pm_id, "type": "process:msg", "topic": topic, "data": data}
            await self._core.rpc.call("sendDataToProcessId", packet)
        return len(up)

    async def namespaces(self) -> Mapping[str, Sequence[UnitId]]:
        """Return the units of each namespace."""
        from opsagent_tools.supervisors.pm2.modules import by_namespace

        await self._core.raw()
        return {
            namespace: tuple(map(self._core.id_of, names)) for namespace, names in by_namespace(self._core.apps).items()
        }

    async def modules(self) -> Sequence[Module]:
        """Return PM2's own modules, as they run and as they are set."""
        from opsagent_tools.supervisors.pm2.modules import modules_of

        await self._core.raw()
        return modules_of(self._core)

    async def configure_module(self, name: str, settings: Mapping[str, str]) -> str:
        """Set keys of a module that is installed, as `pm2 set` does. Raises UnknownUnit where it is not."""
        from opsagent_tools.supervisors.pm2.modules import configure

        return await configure(self._core, name, settings)

    def startup(self) -> Startup | None:
        """Return what starts this PM2 at boot; None: nothing."""
        from opsagent_tools.supervisors.pm2.findings_boot import startup_of

        return startup_of(self._core.home.path, self._core.home.uid)

    def said(self, *, output: bool = False) -> AsyncIterator[AppSaid]:
        """Yield exceptions and messages of apps from now on (`output`: and their lines), until the daemon goes away."""
        from opsagent_tools.supervisors.pm2.said import listen

        return listen(self._core, output=output)
