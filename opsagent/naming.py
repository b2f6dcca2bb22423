"""By which names a unit is known, and which description belongs to it where several supervisors share a name. Pure.

A unit answers to its full id (`pm2:web/api@host`), to `kind:name` (`pm2:web/api`), to its name (`web/api`), and where
no unit is named so to what stands behind the namespace (`api`). A supervisor's daemon answers to its kind (`pm2`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import UnitId

OURS = "circus"
"""Kind of the embedded engine: the one supervisor whose daemon is the agent's own to start."""
ENGINE = "engine"
"""Name of the unit that stands for the embedded engine's daemon; no service of ours may be called so."""


def daemon_unit(supervisor: str) -> UnitId:
    """Return the id under which a supervisor's daemon itself is a unit of this machine."""
    return UnitId.local(supervisor, ENGINE if supervisor == OURS else f"daemon of {supervisor}")


def is_daemon(unit: UnitId) -> bool:
    """Tell whether the unit stands for a supervisor's daemon; no supervisor lists it."""
    return unit.name == (ENGINE if unit.supervisor == OURS else f"daemon of {unit.supervisor}")


def host_unit() -> UnitId:
    """Return the id under which the machine itself has incidents (a full disk, say). No supervisor lists it."""
    return UnitId.local("host", "machine")


def is_host(unit: UnitId) -> bool:
    """Tell whether the unit stands for the machine itself."""
    return (unit.supervisor, unit.name) == ("host", "machine")


SCREEN = "screen"
"""Kind of what procedures on screens are run on, where they belong to no service. No supervisor lists it."""


def screen_unit(procedure: str) -> UnitId:
    """Return the id under which a procedure on screens is a unit of this machine: it is held, ruled on and remembered so."""
    return UnitId.local(SCREEN, procedure)


def is_screen(unit: UnitId) -> bool:
    """Tell whether the unit stands for a procedure on screens."""
    return unit.supervisor == SCREEN


def is_our_engine(unit: UnitId) -> bool:
    """Tell whether the unit stands for the daemon of the embedded engine."""
    return unit.supervisor == OURS and unit.name == ENGINE


def full_name(unit: UnitId) -> str:
    """Return the name that no other supervisor of this machine has: `pm2:api`."""
    return f"{unit.supervisor}:{unit.name}"


def name_in(unit: str) -> str:
    """Return the name in a unit's id as text (`api` for `pm2:api@host`); the text itself where it is no id."""
    return unit.partition(":")[2].rpartition("@")[0] or unit


def short_name(name: str) -> str:
    """Return what stands behind the namespace: `api` for `web/api`."""
    return name.partition("/")[2] or name


def index(units: Iterable[UnitId]) -> dict[str, tuple[UnitId, ...]]:
    """Return the units that each name means."""
    ids = tuple(units)
    found: dict[str, tuple[UnitId, ...]] = {}
    for unit in ids:
        found[unit.name] = (*found.get(unit.name, ()), unit)
    short: dict[str, tuple[UnitId, ...]] = {}
    for unit in ids:
        name = short_name(unit.name)
        if name not in found:
            short[name] = (*short.get(name, ()), unit)
        if is_daemon(unit) and not is_our_engine(unit) and unit.supervisor not in found:
            short[unit.supervisor] = (unit,)
    exact = {name: (unit,) for unit in ids for name in (full_name(unit), str(unit))}
    return found | short | exact


class Descriptions:
    """Finds what people said of a unit: in full (`[services."pm2:api"]`), or by a name that only it has."""

    def __init__(self, specs: Mapping[str, ServiceSpec], units: Iterable[UnitId]) -> None:
        self._specs = specs
        self._by_name = index(units)
        self._found: dict[UnitId, ServiceSpec | None] = {}

    @property
    def specs(self) -> Mapping[str, ServiceSpec]:
        """Return every description, by the name that it was given."""
        return self._specs

    def of(self, unit: UnitId) -> ServiceSpec | None:
        """Return the description of a unit; None: nobody said anything of it."""
        if unit not in self._found:
            self._found[unit] = self._find(unit)
        return self._found[unit]

    def named(self, name: str) -> tuple[UnitId, ...]:
        """Return the units that a name means."""
        return self._by_name.get(name, ())

    def unclear(self) -> dict[str, tuple[UnitId, ...]]:
        """Return each name of a description that means several units, with those that it may mean."""
        shared = {name: self._meant(name) for name in self._specs}
        return {name: units for name, units in shared.items() if len(units) > 1}

    def of_nobody(self) -> tuple[str, ...]:
        """Return the names of descriptions that mean no unit that is known: what they say holds for nobody."""
        return tuple(name for name in self._specs if not self.named(name))

    def _find(self, unit: UnitId) -> ServiceSpec | None:
        said = self._specs.get(full_name(unit))
        if said is not None:
            plain = self._specs.get(unit.name)
            if plain is not None and plain.protected and not self._meant(unit.name):  # it means nobody else
                return replace(said, protected=True)
            return said
        for name in dict.fromkeys((unit.name, short_name(unit.name))):
            said = self._specs.get(name)
            if said is not None and (name == unit.name or unit in self.named(name)):
                others = [one for one in self._meant(name) if one != unit]
                return said if not others and not self._is_the_engines(name, unit) else _careful(said)
        return None

    def _meant(self, name: str) -> tuple[UnitId, ...]:
        """Return the units that a plain name may mean: those that are not described in full."""
        return tuple(unit for unit in self.named(name) if full_name(unit) not in self._specs)

    def _is_the_engines(self, name: str, unit: UnitId) -> bool:
        """A name that `opsagent up` knows too may as well be meant for the engine's service."""
        return unit.supervisor != "circus" and f"circus:{name}" in self._specs


def _careful(said: ServiceSpec) -> ServiceSpec:
    """Return what holds of a description that may be of another unit: what protects, and that nothing is done unasked."""
    return replace(
        said, mode="observe", health=None, depends_on=(), logs=(), max_memory=None, config_files=(), port=None
    )
