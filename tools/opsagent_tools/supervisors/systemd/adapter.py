"""The Supervisor port on systemd: the services of the machine (process 1) or of one user, over D-Bus.

Without configuration it watches a person's services: unit files in the folders that are for people
(`/etc/systemd/system`, `~/.config/systemd/user` …), not what packages bring; never what people log in with, systemd
itself or the agent. `[supervisors] systemd` names more (`units`) or fewer (`exclude`). One unit file is one unit;
all instances of a template (`worker@1`, `worker@2`) are one unit, `worker@`.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Sequence
from functools import partial
from pathlib import Path

from opsagent_tools.findings import Finding
from opsagent_tools.supervisors.port import (
    Daemon,
    NotSupported,
    SupervisorError,
    SupervisorEvent,
    UnknownUnit,
)
from opsagent_tools.supervisors.systemd import boot
from opsagent_tools.supervisors.systemd.changes import Changes
from opsagent_tools.supervisors.systemd.endpoint import Endpoint, Scope, endpoints, kind_of
from opsagent_tools.supervisors.systemd.link import Link
from opsagent_tools.supervisors.systemd.look import look
from opsagent_tools.supervisors.systemd.members import Members, unknown
from opsagent_tools.supervisors.systemd.outputs import log_files
from opsagent_tools.supervisors.systemd.polkit import user_name
from opsagent_tools.supervisors.systemd.whose import Services, by_unit
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup

_LACKS = (
    "scale and surge of a unit that is no template (systemd runs it exactly once)",
    "a stop that outlasts a reboot (an enabled unit starts again at boot)",
)
_LOOK_S = 1.0
_NO_LINGER = "it ends with the user's last session (loginctl enable-linger keeps it)"


class SystemdSupervisor:
    """Services of one instance of systemd, the machine's own or the user's."""

    def __init__(
        self,
        scope: Scope = "system",
        named: Sequence[str] = (),
        exclude: Sequence[str] = (),
        *,
        at: Endpoint | None = None,
    ) -> None:
        """Nothing is connected to yet. `at`: where it listens, if not as usual."""
        self.kind = kind_of(scope)
        self._scope: Scope = scope
        self._look_now = partial(look, scope, named, exclude, address=at, timeout_s=_LOOK_S)
        self._link = Link(
            scope, Services(scope, named, exclude), partial(endpoints, scope) if at is None else lambda: (at,)
        )
        self._members = Members(self._link, scope)
        self._changes = Changes(self._link, self._members)

    async def daemon(self) -> Daemon:
        """Tell of systemd itself."""
        uid = 0 if self._scope == "system" else os.geteuid()
        hint = "" if self._scope == "system" else f"systemctl start user@{uid}.service"
        try:
            bus = await self._link.patient_bus()
            version = await self._link.version(bus)
        except SupervisorError:
            away = self._scope == "user" and not boot.lingers()
            return Daemon(
                pid=None, uid=uid, home=self._scope, lacks=_LACKS, ended=_NO_LINGER if away else "", hint=hint
            )
        return Daemon(pid=bus.peer, uid=uid, version=version, home=self._scope, lacks=_LACKS)

    async def list(self) -> Sequence[Unit]:
        """Return a person's services."""
        return await self._members.units()

    async def describe(self, unit: UnitId) -> Unit:
        """Return one service."""
        return await self._members.unit(unit)

    async def setup(self, unit: UnitId) -> UnitSetup:
        """Tell how its unit file, with all drop-ins, describes it; of a template, its first instance."""
        from opsagent_tools.supervisors.systemd.setup import setup_of

        members = await self._members.of(unit)
        properties = await self._link.get(members[0].file) if members else {}
        return await asyncio.to_thread(setup_of, unit, properties)

    async def start(self, unit: UnitId) -> None:
        """Start it, all instances of it; SupervisorError says why it could not be started."""
        await self._changes.start(unit)

    async def stop(self, unit: UnitId) -> None:
        """Stop it, all instances of it. An enabled one starts again at boot."""
        await self._changes.stop(unit)

    async def restart(self, unit: UnitId) -> None:
        """Stop and start it, all instances of it at once."""
        await self._changes.restart(unit)

    async def reload(self, unit: UnitId) -> None:
        """Run its `ExecReload=`, one instance after the other; without one, restart them one after the other."""
        await self._changes.reload(unit)

    async def scale(self, unit: UnitId, instances: int) -> None:
        """Start or stop numbered instances of a template; NotSupported for everything else."""
        await self._changes.scale(unit, instances)

    async def surge(self, unit: UnitId) -> ProcessKey:
        """Start the next instance of a template of which two or more run already; else NotSupported."""
        return await self._changes.surge(unit)

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """Stop this instance, or restart it where none is surplus."""
        await self._changes.retire(unit, process)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """Restart this instance alone."""
        await self._changes.replace(unit, process)

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Signal the main process of each instance, or one process."""
        await self._changes.signal(unit, signum, pid)

    def events(self) -> AsyncIterator[SupervisorEvent]:
        """Yield events for ever, from systemd's signals; a death that it does not explain at once, from the kernel."""
        return self._link.events()

    def log_files(self, unit: UnitId) -> Sequence[Path]:
        """Return the files of `StandardOutput=file:…`; none where it writes to the journal (`Unit.journal`)."""
        try:
            members = self._members.known(unit)
        except UnknownUnit:
            return self._logs_looked_up(unit)
        return tuple(dict.fromkeys(path for one in members for path in log_files(one.properties)))

    async def persist(self) -> str:
        """Enable what runs now, so that it is started at boot."""
        await self._members.units()
        up = [file for file, one in self._link.book.instances.items() if one.is_up and not one.surged]
        files = [file for files in by_unit(up).values() for file in files]
        return await boot.enable(self._changes.jobs, self._scope, files)

    async def revive(self) -> str:
        """Raise NotSupported: process 1 cannot be brought back, and a user's systemd is process 1's to start."""
        if self._scope == "system":
            raise NotSupported("systemd is process 1: where it does not answer any more, only a reboot brings it back")
        raise NotSupported(
            f"systemd of user {user_name()} is started by process 1: systemctl start user@{os.geteuid()}.service, "
            f"or log in"
        )

    async def findings(self) -> Sequence[Finding]:
        """Return what systemd would not tell unless asked: what a crash or a reboot would take away."""
        from opsagent_tools.supervisors.systemd.findings import findings_of

        units = await self._members.units()
        files = list(self._link.book.instances)
        answers = await asyncio.gather(*(self._link.get(file) for file in files))
        return await asyncio.to_thread(findings_of, self._scope, units, dict(zip(files, answers, strict=True)))

    async def close(self) -> None:
        """Hang up; the services go on."""
        await self._link.close()

    def _logs_looked_up(self, unit: UnitId) -> Sequence[Path]:
        try:
            found = {one.id: one for one in self._look_now()}
        except SupervisorError:
            found = {}
        if unit not in found:
            raise unknown(unit)
        return found[unit].logs
