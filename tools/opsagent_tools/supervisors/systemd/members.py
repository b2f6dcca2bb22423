"""Which instances a unit consists of: one unit file, or what runs (or should) of a template."""

from __future__ import annotations

from opsagent_tools.supervisors.port import NotSupported, SupervisorError, UnknownUnit
from opsagent_tools.supervisors.systemd.endpoint import Scope
from opsagent_tools.supervisors.systemd.link import Link
from opsagent_tools.supervisors.systemd.units import Instance, processes_of, unit_of
from opsagent_tools.supervisors.systemd.whose import by_unit, file_of, instance_of, name_of, order_of
from opsagent_tools.units import ProcessKey, Unit, UnitId


class Members:
    """Units by name, their instances, and which of these were scaled away."""

    def __init__(self, link: Link, scope: Scope) -> None:
        self._link, self._scope = link, scope
        self.dropped: set[str] = set()
        """Unit files of instances that were scaled away or retired: they are not wanted until they run again."""

    async def units(self) -> tuple[Unit, ...]:
        """Return all units, as they are now."""
        files = await self._link.refresh()
        self._forget_dropped()
        templates = [file for file in files if "@." in file]
        return tuple(self._unit(name) for name in by_unit([*self._link.book.instances, *templates]))

    async def unit(self, unit: UnitId) -> Unit:
        """Return one unit, as it is now. Raises UnknownUnit."""
        await self.of(unit)
        return self._unit(unit.name)

    async def of(self, unit: UnitId) -> list[Instance]:
        """Return its wanted instances, in order; none of a template that never ran. Raises UnknownUnit."""
        files = await self._link.refresh()
        self._forget_dropped()
        return self.known(unit, files)

    def known(self, unit: UnitId, files: frozenset[str] = frozenset()) -> list[Instance]:
        """Return its wanted instances as far as they are known without asking. Raises UnknownUnit."""
        found = self._all(unit.name) if unit == UnitId.local(self._link.kind, unit.name) else []
        if not found and not (unit.name.endswith("@") and file_of(unit.name) in files):
            raise unknown(unit)
        return [one for one in found if one.file not in self.dropped]

    def surged(self, unit: UnitId) -> list[Instance]:
        """Return the instances that stand beside the wanted ones."""
        return [one for one in self._all(unit.name) if one.surged]

    def next_files(self, unit: UnitId, count: int) -> list[str]:
        """Return the unit files of the next instances: the lowest numbers that do not run. Raises NotSupported."""
        members = [one for one in self._all(unit.name) if one.is_wanted or one.surged]
        named = [instance_of(one.file) for one in members if not instance_of(one.file).isdecimal()]
        if named:
            raise NotSupported(
                f"the instances of {unit.name} have names ({named[0]}), not numbers: which one should come next is not "
                f"known. Start it yourself: systemctl start {unit.name}NAME"
            )
        taken = {int(instance_of(one.file)) for one in members}
        free = (number for number in range(1, len(taken) + count + 1) if number not in taken)
        return [f"{unit.name}{number}.service" for number, _ in zip(free, range(count), strict=False)]

    def _all(self, name: str) -> list[Instance]:
        found = [one for file, one in self._link.book.instances.items() if name_of(file) == name]
        return sorted(found, key=lambda one: order_of(one.file))

    def _unit(self, name: str) -> Unit:
        found = self._all(name)
        resting = None if any(one.is_wanted for one in found) else sum(one.file not in self.dropped for one in found)
        return unit_of(self._scope, name, found, resting)

    def _forget_dropped(self) -> None:
        instances = self._link.book.instances
        self.dropped = {file for file in self.dropped if file in instances and not instances[file].is_up}


def unknown(unit: UnitId) -> UnknownUnit:
    """Return the error for a name that no unit has; says where to look for an instance."""
    if "@" in unit.name.removesuffix("@"):
        return UnknownUnit(f"no unit {unit}: instances belong to their template, {name_of(unit.name)}")
    return UnknownUnit(f"no unit {unit} among the services of systemd that are watched")


def only_templates(unit: UnitId) -> None:
    """Demand that systemd can run more than one of it. Raises NotSupported."""
    if not unit.name.endswith("@"):
        raise NotSupported(
            f"{file_of(unit.name)} is no template: systemd runs it exactly once. For more of it, rename its unit file to "
            f"{unit.name}@.service and start {unit.name}@1, {unit.name}@2 …"
        )


def with_process(unit: UnitId, members: list[Instance], process: ProcessKey) -> Instance:
    """Return the instance whose main process this is. Raises SupervisorError; NotSupported for one of a group."""
    for one in members:
        if one.main == process:
            return one
    for one in members:
        if any(found.key == process for found in processes_of(one)):
            raise NotSupported(f"systemd replaces {one.file} as a whole, not its process {process.pid} alone")
    raise SupervisorError(f"{unit.name} has no process {process.pid} that started then")
