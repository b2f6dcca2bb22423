"""Changes of units: of one unit file, or of all instances of a template in the right order."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Iterable, Iterator
from typing import Literal

from opsagent_tools.supervisors.port import Busy, NotSupported, SupervisorError
from opsagent_tools.supervisors.systemd.jobs import Jobs
from opsagent_tools.supervisors.systemd.link import Link
from opsagent_tools.supervisors.systemd.members import Members, only_templates, with_process
from opsagent_tools.supervisors.systemd.units import Instance, processes_of, surges
from opsagent_tools.trust import send_signal
from opsagent_tools.units import ProcessKey, UnitId, UnitState

_Verb = Literal["start", "stop", "restart", "reload"]


class Changes:
    """What the adapter does to units. Two changes of one unit never overlap: the second is Busy."""

    def __init__(self, link: Link, members: Members) -> None:
        self._link, self._members = link, members
        self.jobs = Jobs(link)
        self._changing: dict[UnitId, str] = {}
        link.book.on_surge_lost = self._surge_lost

    async def start(self, unit: UnitId) -> None:
        """Start what of it does not run."""
        with self._change(unit, "start"):
            members = await self._members.of(unit)
            if not members:
                raise SupervisorError(
                    f"{unit.name} never ran and has no enabled instance: systemctl start {unit.name}1"
                )
            await self._all("start", [one for one in members if not one.is_up])

    async def stop(self, unit: UnitId) -> None:
        """Stop all of it, surged instances too."""
        with self._change(unit, "stop"):
            members = await self._members.of(unit)
            found = {one.file: one for one in [*members, *self._members.surged(unit)]}
            await self._all("stop", [one for one in found.values() if one.state is not UnitState.STOPPED])

    async def restart(self, unit: UnitId) -> None:
        """Stop and start all of it at once, as `systemctl restart` does; what was stopped is started."""
        with self._change(unit, "restart"):
            members = await self._members.of(unit)
            await self._all("restart", [one for one in members if one.is_up] or members)

    async def reload(self, unit: UnitId) -> None:
        """One by one: its own way to reload where it has one (`ExecReload=`), else a restart."""
        with self._change(unit, "reload"):
            up = [one for one in await self._members.of(unit) if one.is_up]
            if not up:
                raise SupervisorError(f"{unit.name} does not run: start it instead")
            for one in up:
                await self.jobs.run("reload" if one.properties.get("CanReload") else "restart", one.file)

    async def scale(self, unit: UnitId, instances: int) -> None:
        """Start instances with the next numbers, or stop those with the highest. Raises NotSupported: no template."""
        members = await self._members.of(unit)
        only_templates(unit)
        if instances < 1:
            raise SupervisorError(f"{unit.name} cannot have {instances} instances; stop it instead")
        with self._change(unit, "scaling"):
            wanted = [one for one in members if one.is_wanted]
            if len(wanted) < instances:
                await self._grow(self._members.next_files(unit, instances - len(wanted)))
            for one in reversed(wanted[instances:]):
                await self._drop(one)

    async def surge(self, unit: UnitId) -> ProcessKey:
        """Start one instance more. Raises NotSupported where it is not known that one can stand beside the others."""
        members = await self._members.of(unit)
        only_templates(unit)
        if not surges(members):
            raise NotSupported(
                f"fewer than two numbered instances of {unit.name} run: whether one more can stand beside them is not "
                f"known to systemd (its port may be taken). Scale it to two first"
            )
        with self._change(unit, "surge"):
            (file,) = self._members.next_files(unit, 1)
            one = await self._begin(file)
            one.surged = True
            try:
                await self.jobs.run("start", file)
            except SupervisorError:
                await self._drop(one)
                raise
            if one.main is None:
                await self._drop(one)
                raise SupervisorError(f"{file} was started and has no process")
            return one.main

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """End one instance; the surged one takes its place where there is one, else it is started anew."""
        members = await self._members.of(unit)
        surged = self._members.surged(unit)
        one = with_process(unit, members, process)
        with self._change(unit, "retirement"):
            if not surged:
                await self.jobs.run("restart", one.file)
                return
            if not one.surged:
                surged[0].surged = False
            await self._drop(one)

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """Restart the one instance whose main process this is."""
        one = with_process(unit, await self._members.of(unit), process)
        with self._change(unit, "replacement"):
            await self.jobs.run("restart", one.file)

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Signal the main process of every instance, or one process of it; ours by pidfd, others' through systemd."""
        members = await self._members.of(unit)
        found = [(one, process.key) for one in members for process in processes_of(one)]
        if pid is not None:
            found = [(one, key) for one, key in found if key.pid == pid]
            if not found:
                raise SupervisorError(f"process {pid} is none of {unit.name}'s")
        for one, key in found:
            await self._signal(one, key, signum)

    async def _signal(self, one: Instance, key: ProcessKey, signum: int) -> None:
        try:
            send_signal(key, signum)
        except ProcessLookupError as error:
            raise SupervisorError(f"process {key.pid} of {one.file} has ended already") from error
        except PermissionError:  # another user's: systemd may do it, and polkit says whether we may ask for it
            if one.main != key:
                name = signal.Signals(signum).name
                raise NotSupported(f"systemd sends {name} to all of {one.file} or to its main process only") from None
            await self.jobs.call("kill", one.file, "KillUnit", "ssi", one.file, "main", signum)

    async def _all(self, verb: _Verb, instances: Iterable[Instance]) -> None:
        """Do it to all of them at once; every one is done before the first failure is told."""
        done = await asyncio.gather(*(self.jobs.run(verb, one.file) for one in instances), return_exceptions=True)
        for failure in done:
            if isinstance(failure, BaseException):
                raise failure

    async def _grow(self, files: list[str]) -> None:
        begun: list[Instance] = []
        try:
            for file in files:
                begun.append(await self._begin(file))
                await self.jobs.run("start", file)
        except SupervisorError:  # all of it or nothing
            for one in begun:
                with contextlib.suppress(SupervisorError):
                    await self._drop(one)
            raise

    async def _begin(self, file: str) -> Instance:
        self._members.dropped.discard(file)
        return await self._link.learn(file)

    async def _drop(self, one: Instance) -> None:
        """Stop an instance that is not wanted any more."""
        await self.jobs.run("stop", one.file)
        one.surged = False
        self._members.dropped.add(one.file)

    def _surge_lost(self, file: str) -> None:
        """A surged instance ended by itself: keep systemd from starting it again."""
        self._link.soon(self._end_surged(file))

    async def _end_surged(self, file: str) -> None:
        with contextlib.suppress(SupervisorError):
            await self._drop(self._link.book.instances[file])

    @contextlib.contextmanager
    def _change(self, unit: UnitId, what: str) -> Iterator[None]:
        if unit in self._changing:
            raise Busy(f"a {self._changing[unit]} of {unit.name} is under way")
        self._changing[unit] = what
        try:
            yield
        finally:
            del self._changing[unit]
