"""The world of the past: units appear when they are first heard of, and do what their supervisor's log says."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime

from opsagent.model import EvidenceKind, Scalar, Signal, SignalKind
from opsagent.replay.words import Happened
from opsagent.world import World
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.past import PastEvent, PastKind
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState


class Stage:
    """Paints a world of its own, and tells its signals."""

    def __init__(self, units: Iterable[Unit], specs: Mapping[str, ServiceSpec] | None = None) -> None:
        """`units`: as they are known now, for what does not change (whether they are restarted, their ports)."""
        self.world = World()
        self.world.replace_specs(specs or {})
        self._known = {unit.id: unit for unit in units}
        self._processes: dict[UnitId, dict[str, ProcessKey]] = {}
        self._pids = 0

    def enter(self, unit: UnitId) -> None:
        """Have the unit in the world, running as far as anybody knows."""
        if unit in self.world.units:
            return
        known = self._known.get(unit)
        if known is None:
            seen = Unit(id=unit, state=UnitState.RUNNING)
        else:
            seen = replace(known, state=UnitState.RUNNING, processes=(), restarts=0, last_exit=None, reason="")
        self.world.replace_unit(seen)

    def runs(self, unit: UnitId) -> bool:
        """Tell whether a process of the unit is known to run."""
        return bool(self._processes.get(unit))

    def play(self, happened: Happened) -> Iterator[Signal]:
        """Let it happen; give the signals that a sense would have told."""
        event, unit = happened.event, happened.unit
        if unit is None:
            if event.kind is PastKind.DAEMON_BEGAN:
                self._daemon_began(happened.kind)
            return
        self.enter(unit)
        processes = self._processes.setdefault(unit, {})
        match event.kind:
            case PastKind.SPAWNED:
                self._pids += 1
                key = processes[event.instance] = ProcessKey(self._pids, event.at)
                self._show(unit, UnitState.RUNNING)
                yield _signal(SignalKind.SPAWNED, unit, event, key)
            case PastKind.DIED:
                dead = self._gone(unit, event)
                self._show(unit, UnitState.RUNNING if processes else UnitState.STARTING)
                yield _signal(SignalKind.DEATH, unit, event, dead)
            case PastKind.ENDED | PastKind.MEMORY:
                gone = self._gone(unit, event)
                self._show(unit, UnitState.RUNNING if processes else UnitState.STARTING)
                yield _signal(SignalKind.STOPPED, unit, event, gone, scope="process")
            case PastKind.STOPPED:
                processes.clear()
                self._show(unit, UnitState.STOPPED)
                yield _signal(SignalKind.STOPPED, unit, event, None, scope="unit")
            case PastKind.GAVE_UP:
                # Its last death is told already: that it now stays dead is no second fault.
                self._show(unit, UnitState.RUNNING if processes else UnitState.STARTING)
            case _:
                pass

    def _gone(self, unit: UnitId, event: PastEvent) -> ProcessKey | None:
        """Take a process away; one whose start was before the log began is made up, as started then."""
        processes = self._processes[unit]
        if event.instance in processes and not event.instance.startswith("_old_"):
            return processes.pop(event.instance)
        if event.instance.startswith("_old_") or event.instance:
            return None
        return processes.pop(next(iter(processes))) if processes else None

    def _show(self, unit: UnitId, state: UnitState) -> None:
        seen = self.world.units[unit]
        running = tuple(Process(key=key) for key in self._processes.get(unit, {}).values())
        self.world.replace_unit(replace(seen, state=state, processes=running))

    def _daemon_began(self, kind: str) -> None:
        """Whatever ran under the one before is not there any more."""
        for unit, processes in self._processes.items():
            if unit.supervisor == kind and processes:
                processes.clear()
                self._show(unit, UnitState.STARTING)


def moment(at: float) -> datetime:
    """Return seconds since the epoch as an aware time."""
    return datetime.fromtimestamp(at, UTC)


def _signal(kind: SignalKind, unit: UnitId, event: PastEvent, process: ProcessKey | None, **data: Scalar) -> Signal:
    if kind is SignalKind.DEATH and event.exit_code is not None:
        data["exit_code"] = event.exit_code
    return Signal(
        kind=kind, unit=unit, at=moment(event.at), evidence=EvidenceKind.SUPERVISOR, process=process, data=data
    )
