"""The units that exist now, by every name that people may say for them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from opsagent.commands.reading import CommandStep
from opsagent.guard import risk_of
from opsagent.model import Risk, Scalar
from opsagent.naming import index, is_daemon
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.registry import CHANGING, ORDERS, READING
from opsagent_tools.units import Unit


@dataclass(frozen=True, slots=True)
class Known:
    """The units that exist now, by name and by full id."""

    by_name: Mapping[str, tuple[Unit, ...]]

    @classmethod
    def of(cls, units: Sequence[Unit]) -> Known:
        """Index the units."""
        by_id = {unit.id: unit for unit in units}
        return cls({name: tuple(by_id[unit] for unit in meant) for name, meant in index(by_id).items()})

    @property
    def names(self) -> frozenset[str]:
        """Return everything that names a unit."""
        return frozenset(self.by_name)

    @property
    def short_names(self) -> tuple[str, ...]:
        """Return the services' names without the full ids, sorted."""
        every = {unit.id for units in self.by_name.values() for unit in units}
        return tuple(sorted({unit.name for unit in every if not is_daemon(unit)}))

    @property
    def in_order(self) -> tuple[str, ...]:
        """Return the services' names in the order in which they were given."""
        every = dict.fromkeys(unit for units in self.by_name.values() for unit in units)
        return tuple(dict.fromkeys(unit.name for unit in every if not is_daemon(unit.id)))

    def named(self, name: str) -> tuple[Unit, ...]:
        """Return the units of that name."""
        return self.by_name.get(name, ())

    def step(self, tool: str, name: str | None, args: Mapping[str, Scalar]) -> CommandStep:
        """Return a step with the risk that it has for this unit as it is now."""
        return CommandStep(tool=tool, target=name, args=args, risk=self._risk(tool, name, args), why="asked for")

    def _risk(self, tool: str, name: str | None, args: Mapping[str, Scalar]) -> Risk:
        if tool in READING:
            return Risk.READ
        if tool in ORDERS:
            return Risk.DISRUPTIVE if tool == "approve" else Risk.SAFE
        units = self.named(name) if name is not None else ()
        if tool not in CHANGING or not units:
            return Risk.DISRUPTIVE
        # A restart that is to be safe is carried out as a reload is: one instance after the other.
        action = ActionName.RELOAD if args.get("safely") else ActionName(tool)
        wanted = {"instances": args["replicas"]} if "replicas" in args else {}
        return risk_of(Action(name=action, unit=units[0].id, args=wanted), units[0])
