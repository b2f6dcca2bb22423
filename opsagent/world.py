"""What is known right now: units, their health, their samples, who depends on whom.

Written by sense only (through `apply` and `replace_units`); everyone else reads. No I/O.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from opsagent.maintenance import Windows
from opsagent.model import Signal, SignalKind
from opsagent.naming import Descriptions
from opsagent.topology import Edge, Topology
from opsagent.world_host import HostHistory
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import ProcessKey, Unit, UnitId

_SAMPLES_KEPT = 300
"""Of each process."""
_SAMPLES_AGE = timedelta(minutes=15)
"""Of a process that hardly changes a sample comes every ten seconds: 300 of them would be most of an hour."""
_ERRORS_KEPT = 50
_DEATHS_KEPT = 50
_ANSWERS_KEPT = 240
_KIN_KEPT = 64
"""Of each unit, the latest."""


@dataclass(slots=True)
class HealthState:
    """What the health probe of one unit said lately."""

    ok: bool
    since: datetime
    """Of the first answer of this kind in a row."""
    failures: int = 0
    """Failed probes in a row."""
    reason: str = ""
    """`refused`, `timeout`, `status` or `error`; empty while it is ok."""
    latency_s: float = 0.0
    last_ok: datetime | None = None
    """When it last was; None: not since it is asked."""


@dataclass(slots=True)
class UnitHistory:
    """The recent past of one unit."""

    samples: dict[ProcessKey, deque[Signal]] = field(default_factory=dict)
    errors: deque[Signal] = field(default_factory=lambda: deque(maxlen=_ERRORS_KEPT))
    deaths: deque[Signal] = field(default_factory=lambda: deque(maxlen=_DEATHS_KEPT))
    answers: deque[Signal] = field(default_factory=lambda: deque(maxlen=_ANSWERS_KEPT))
    """Of its health probe, good and bad."""


@dataclass(slots=True)
class _Graph:
    """Who depends on whom, as far as anybody asked."""

    above: dict[UnitId, tuple[UnitId, ...]] = field(default_factory=dict)
    below: dict[UnitId, list[UnitId]] | None = None
    all_above: dict[UnitId, tuple[UnitId, ...]] = field(default_factory=dict)
    all_below: dict[UnitId, tuple[UnitId, ...]] = field(default_factory=dict)
    above_sets: dict[UnitId, frozenset[UnitId]] = field(default_factory=dict)


class World:
    """The live picture that sense paints and the later verbs look at."""

    def __init__(self, specs: Iterable[ServiceSpec] = ()) -> None:
        self.specs: dict[str, ServiceSpec] = {spec.name: spec for spec in specs}
        self.units: dict[UnitId, Unit] = {}
        self.health: dict[UnitId, HealthState] = {}
        self.history: dict[UnitId, UnitHistory] = {}
        self.host = HostHistory()
        self.lost: set[str] = set()
        """Supervisors whose daemon is gone: what `units` says of theirs is what they said last."""
        self.ended: dict[str, str] = {}
        """Those among them whose daemon a person ended, with what is known of that: they run nothing."""
        self.owners: dict[str, int] = {}
        """Whose each supervisor is, where that is another user than the agent's: its files are read as that user's."""
        self.found_ports: dict[UnitId, tuple[int, ...]] = {}
        """Ports that the units' processes were found to listen on, whatever is configured. Never connected to."""
        self.kin: dict[UnitId, dict[ProcessKey, None]] = {}
        """Processes that were seen below those of a unit: what of them outlives its parents is the unit's all the same."""
        self.maintenance = Windows()
        """When people expect trouble."""
        self.topology = Topology()
        """Who was seen to talk to whom."""
        self._graph = _Graph()
        self._graph_of: tuple[object, ...] = ()
        self._described: Descriptions | None = None

    def replace_units(self, supervisor: str, units: Sequence[Unit]) -> None:
        """Take over what one supervisor lists now."""
        before = [unit for unit in self.units if unit.supervisor == supervisor]
        for known in before:
            del self.units[known]
        self.units.update((unit.id, unit) for unit in units)
        if set(before) != {unit.id for unit in units}:
            self._described = None
        for unit in units:
            self.units[unit.id] = self.described(unit)

    def replace_unit(self, unit: Unit) -> None:
        """Take over what is known of one unit now."""
        if unit.id not in self.units:
            self._described = None
        self.units[unit.id] = unit
        self.units[unit.id] = self.described(unit)

    def seen_below(self, unit: UnitId, processes: Iterable[ProcessKey]) -> None:
        """Take note of processes that a unit's own started, and those in turn."""
        kin = self.kin.setdefault(unit, {})
        for process in processes:
            kin.pop(process, None)
            kin[process] = None
        while len(kin) > _KIN_KEPT:
            del kin[next(iter(kin))]

    def forget_health(self, unit: UnitId) -> None:
        """Know nothing of the health of a unit that is not asked any more (a person stopped it)."""
        self.health.pop(unit, None)

    def replace_specs(self, specs: Mapping[str, ServiceSpec]) -> None:
        """Take over the services as they are described now."""
        self.specs = dict(specs)
        self._described = None

    @property
    def descriptions(self) -> Descriptions:
        """Return what people said of the units that are known now."""
        if self._described is None:
            self._described = Descriptions(self.specs, self.units)
        return self._described

    def spec(self, unit: UnitId) -> ServiceSpec | None:
        """Return how a person described this unit, if anyone did."""
        return self.descriptions.of(unit)

    def described(self, unit: Unit) -> Unit:
        """Return the unit with the port that its description names, where its supervisor knows of none (PM2, systemd)."""
        spec = self.spec(unit.id) if not unit.ports else None
        return replace(unit, ports=(spec.port,)) if spec is not None and spec.port else unit

    def named(self, name: str) -> tuple[UnitId, ...]:
        """Return the ids of all units that answer to this name (one per supervisor that has it)."""
        return self.descriptions.named(name)

    def upstream(self, unit: UnitId) -> tuple[UnitId, ...]:
        """Return the units that `unit` depends on directly: those that are configured, then those that were learnt.

        Configuration wins: where `depends_on = []` is written nothing is added, and what was learnt is left out where it
        says the contrary of what is configured (an upstream that calls back).
        """
        above = self._known().above
        found = above.get(unit)
        if found is None:
            found = above[unit] = (*self.configured_upstream(unit), *self._learnt_upstream(unit))
        return found

    def _known(self) -> _Graph:
        """Return what was worked out of who depends on whom, empty where anything of it changed."""
        current = (self.descriptions, self.topology, self.topology.version)
        if self._graph_of != current:
            self._graph, self._graph_of = _Graph(), current
        return self._graph

    def learnt_edges(self, unit: UnitId | None = None) -> tuple[Edge, ...]:
        """Return what was seen of who talks to whom (at one unit), whatever its state; each says how sure it is."""
        return tuple(self.topology) if unit is None else self.topology.edges_of(unit)

    def _learnt_upstream(self, unit: UnitId) -> tuple[UnitId, ...]:
        spec = self.spec(unit)
        if spec is not None and spec.independent:
            return ()
        configured = self.configured_upstream(unit)
        return tuple(
            other
            for other in self.topology.depends_on(unit)
            if other in self.units
            and other not in configured
            and unit not in self._reach(other, self.configured_upstream)
        )

    def configured_upstream(self, unit: UnitId) -> tuple[UnitId, ...]:
        """Return what a person said that `unit` depends on directly; of a name that is shared, its own supervisor's."""
        spec = self.spec(unit)
        found: list[UnitId] = []
        for name in spec.depends_on if spec else ():
            named = self.named(name)
            beside = [other for other in named if other.supervisor == unit.supervisor]
            found += beside or named
        return tuple(found)

    def downstream(self, unit: UnitId) -> tuple[UnitId, ...]:
        """Return the units that depend directly on `unit`."""
        graph = self._known()
        if graph.below is None:
            graph.below = {}
            for other in self.units:
                for above in self.upstream(other):
                    graph.below.setdefault(above, []).append(other)
        return tuple(graph.below.get(unit, ()))

    def all_upstream(self, unit: UnitId) -> tuple[UnitId, ...]:
        """Return everything that `unit` depends on, nearest first, `unit` itself not among it."""
        known = self._known().all_above
        if unit not in known:
            known[unit] = self._reach(unit, self.upstream)
        return known[unit]

    def upstream_set(self, unit: UnitId) -> frozenset[UnitId]:
        """Return the same without an order: for whoever asks of many units."""
        known = self._known().above_sets
        if unit not in known:
            known[unit] = frozenset(self.all_upstream(unit))
        return known[unit]

    def all_downstream(self, unit: UnitId) -> tuple[UnitId, ...]:
        """Return everything that depends on `unit`, nearest first, `unit` itself not among it."""
        known = self._known().all_below
        if unit not in known:
            known[unit] = self._reach(unit, self.downstream)
        return known[unit]

    @staticmethod
    def _reach(start: UnitId, neighbours: Callable[[UnitId], Iterable[UnitId]]) -> tuple[UnitId, ...]:
        found: dict[UnitId, None] = {}
        frontier: Iterable[UnitId] = [start]
        while frontier:
            following = (near for unit in frontier for near in neighbours(unit) if near != start)
            frontier = dict.fromkeys(near for near in following if near not in found)
            found.update(frontier)
        return tuple(found)

    def in_maintenance(self, unit: UnitId, now: datetime) -> str:
        """Return why the unit is in a maintenance window at `now`; empty where it is in none."""
        found = self.maintenance.open_for(unit, now)
        return found[0] if found is not None else ""

    def past(self, unit: UnitId) -> UnitHistory:
        """Return the (live) history of a unit."""
        return self.history.setdefault(unit, UnitHistory())

    def apply(self, signal: Signal) -> None:
        """Take one observation into the picture."""
        if signal.unit is None:
            self._apply_supervisor(signal)
            return
        match signal.kind:
            case SignalKind.PROBE_OK | SignalKind.PROBE_FAILED:
                self._apply_probe(signal.unit, signal)
            case SignalKind.SAMPLE if signal.process is not None:
                series = self.past(signal.unit).samples
                kept = series.setdefault(signal.process, deque(maxlen=_SAMPLES_KEPT))
                kept.append(signal)
                while signal.at - kept[0].at > _SAMPLES_AGE:
                    kept.popleft()
            case SignalKind.HOST_SAMPLE:
                self.host.apply(signal)
            case SignalKind.LOG_ERROR:
                self.past(signal.unit).errors.append(signal)
            case SignalKind.DEATH:
                self.past(signal.unit).deaths.append(signal)
                self._forget_process(signal)
            case SignalKind.STOPPED:
                self._forget_process(signal)
            case _:
                pass

    def _forget_process(self, signal: Signal) -> None:
        if signal.unit is not None and signal.process is not None:
            self.past(signal.unit).samples.pop(signal.process, None)

    def _apply_supervisor(self, signal: Signal) -> None:
        supervisor = str(signal.data.get("supervisor", ""))
        match signal.kind:
            case SignalKind.SUPERVISOR_LOST:
                self.lost.add(supervisor)
            case SignalKind.SUPERVISOR_ENDED:
                self.lost.add(supervisor)
                self.ended[supervisor] = str(signal.data.get("reason", ""))
            case SignalKind.SUPERVISOR_BACK:
                self.lost.discard(supervisor)
                self.ended.pop(supervisor, None)
            case _:
                pass

    def _apply_probe(self, unit: UnitId, signal: Signal) -> None:
        ok = signal.kind is SignalKind.PROBE_OK
        self.past(unit).answers.append(signal)
        before = self.health.get(unit)
        since = before.since if before is not None and before.ok == ok else signal.at
        failures = 0 if ok else (before.failures if before is not None else 0) + 1
        latency = signal.data.get("latency_s", 0.0)
        self.health[unit] = HealthState(
            ok=ok,
            since=since,
            failures=failures,
            reason="" if ok else str(signal.data.get("reason", "error")),
            latency_s=float(latency),
            last_ok=signal.at if ok else before.last_ok if before is not None else None,
        )
