"""Histories as tables: what the senses told, second by second, and what the detector made of it. No clock, no I/O."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from opsagent.detect import Closed, Detection, Detector, DetectorConfig, Noticed, Opened, Updated
from opsagent.model import EvidenceKind, Incident, Scalar, Signal, SignalKind
from opsagent.notice import Notice
from opsagent.world import World
from opsagent_tools.services.spec import Health, ServiceSpec
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitState

START = datetime(2026, 1, 1, tzinfo=UTC)
MB = 1_000_000
_EVIDENCE = {
    SignalKind.PROBE_OK: EvidenceKind.PROBE,
    SignalKind.PROBE_FAILED: EvidenceKind.PROBE,
    SignalKind.STOPPED: EvidenceKind.SUPERVISOR,
    SignalKind.RELEASE_UNFIT: EvidenceKind.PROBE,
    SignalKind.LOG_ERROR: EvidenceKind.TEXT,
    SignalKind.LOG_NEW: EvidenceKind.TEXT,
    SignalKind.LOG_VOLUME: EvidenceKind.TEXT,
}
"""What each kind of signal is told by; the kernel where it is not named."""


def uid(name: str) -> UnitId:
    return UnitId("circus", name, "here")


def service(name: str, *depends_on: str, **values: object) -> ServiceSpec:
    fields: dict[str, Any] = {"health": Health(tcp="127.0.0.1:1"), "port": 1, **values}
    return ServiceSpec(name=name, cwd=Path("/"), depends_on=depends_on, **fields)


class History:
    """A world in which time passes only when told to."""

    def __init__(self, *specs: ServiceSpec, config: DetectorConfig | None = None) -> None:
        self.world = World(specs)
        numbers = count(1)
        self.detector = Detector(config, make_id=lambda: f"i{next(numbers)}")
        self.now = START
        self.told: list[Detection] = []
        self._pids = count(100)
        for spec in specs:
            self.put(spec.name, state=UnitState.RUNNING, autorestart=spec.autorestart)
            for _ in range(spec.instances):
                self.spawn(spec.name, long_ago=True)

    # What happens

    def put(self, name: str, **values: object) -> None:
        """Let the supervisor list the unit with these values from now on."""
        seen = self.world.units.get(uid(name))
        kept = {} if seen is None else {field: getattr(seen, field) for field in Unit.__dataclass_fields__}
        fields: dict[str, Any] = {"id": uid(name), "state": UnitState.RUNNING, **kept, **values}
        self.world.replace_unit(Unit(**fields))

    def spawn(self, name: str, *, long_ago: bool = False) -> ProcessKey:
        started = (self.now - timedelta(hours=1) if long_ago else self.now).timestamp()
        key = ProcessKey(next(self._pids), started)
        unit = self.world.units[uid(name)]
        self.put(name, processes=(*unit.processes, Process(key=key)), state=UnitState.RUNNING)
        if not long_ago:
            self.signal(SignalKind.SPAWNED, name, process=key)
        return key

    def die(self, name: str, exit_code: int | None = -9, *, respawn: bool = False) -> None:
        """Let the first process of the unit end by itself."""
        unit = self.world.units[uid(name)]
        first, *left = unit.processes
        state = UnitState.RUNNING if left or respawn else UnitState.EXITED
        self.put(name, processes=tuple(left), state=state, last_exit=exit_code)
        data: dict[str, Any] = {} if exit_code is None else {"exit_code": exit_code}
        self.signal(SignalKind.DEATH, name, process=first.key, **data)
        if respawn:
            self.spawn(name)

    def stop(self, name: str) -> None:
        """Let a person stop the unit."""
        self.put(name, processes=(), state=UnitState.STOPPED)
        self.world.forget_health(uid(name))
        self.signal(SignalKind.STOPPED, name, scope="unit")

    def fail(self, name: str, reason: str = "refused", latency_s: float = 0.0) -> None:
        self.signal(SignalKind.PROBE_FAILED, name, reason=reason, latency_s=latency_s)

    def ok(self, name: str) -> None:
        self.signal(SignalKind.PROBE_OK, name, latency_s=0.001)

    def error(self, name: str, signature: str, times: int = 1) -> None:
        text = UntrustedText(signature)
        self.signal(SignalKind.LOG_ERROR, name, text=text, signature=signature, count=times)

    def new(self, name: str, signature: str, level: str = "error") -> None:
        """Let the unit log something that it never logged before."""
        self.signal(
            SignalKind.LOG_NEW, name, text=UntrustedText(signature), signature=signature, key=signature, level=level
        )

    def volume(self, name: str, lines: int, errors: int = 0, *, sampled: int = 0, skipped: int = 0) -> None:
        self.signal(
            SignalKind.LOG_VOLUME, name, seconds=5.0, lines=lines, errors=errors, sampled=sampled, skipped=skipped
        )

    def sample(self, name: str, rss: float = 10 * MB, state: str = "S", process: ProcessKey | None = None) -> None:
        """Sample all processes of the unit, or only this one."""
        for each in self.world.units[uid(name)].processes:
            if process not in {None, each.key}:
                continue
            self.signal(SignalKind.SAMPLE, name, process=each.key, rss=int(rss), cpu=0.0, threads=1, state=state)

    def engine(self, kind: SignalKind) -> None:
        self.signal(kind, None, supervisor="circus")

    def wait(self, seconds: float, *, step: float = 0.5) -> None:
        """Let time pass, with the ticks that it brings."""
        end = self.now + timedelta(seconds=seconds)
        while self.now < end:
            self.now = min(self.now + timedelta(seconds=step), end)
            self.told += self.detector.tick(self.world, self.now)

    def failing(self, names: Iterable[str], seconds: float, reason: str = "refused") -> None:
        """Let the probes of these units fail, one after the other, for a while."""
        end = self.now + timedelta(seconds=seconds)
        each = list(names)
        while self.now < end:
            for name in each:
                self.fail(name, reason)
            self.wait(0.25, step=0.25)

    def signal(
        self,
        kind: SignalKind,
        name: str | None,
        *,
        process: ProcessKey | None = None,
        text: UntrustedText | None = None,
        **data: Scalar,
    ) -> None:
        unit = uid(name) if name is not None else None
        evidence = _EVIDENCE.get(kind, EvidenceKind.KERNEL)
        told = Signal(kind=kind, unit=unit, at=self.now, evidence=evidence, process=process, data=data, text=text)
        self.world.apply(told)
        self.told += self.detector.observe(told, self.world, self.now)

    # What was made of it

    @property
    def opened(self) -> list[Incident]:
        return [detection.incident for detection in self.told if isinstance(detection, Opened)]

    @property
    def closed(self) -> list[Closed]:
        return [detection for detection in self.told if isinstance(detection, Closed)]

    @property
    def updated(self) -> list[Incident]:
        return [detection.incident for detection in self.told if isinstance(detection, Updated)]

    @property
    def noticed(self) -> list[str]:
        """What was noticed, as `kind of unit`."""
        return [f"{one.kind.value} of {one.unit.name}" for one in self.notices]

    @property
    def notices(self) -> list[Notice]:
        return [detection.notice for detection in self.told if isinstance(detection, Noticed)]

    @property
    def open(self) -> list[str]:
        """The open incidents as `fault of unit (affected, …)`."""
        return [line(incident) for incident in self.detector.open]

    def only(self) -> Incident:
        (incident,) = self.detector.open
        return incident

    def mend(self, **values: bool | None) -> None:
        """Close whatever is open."""
        for incident in self.detector.open:
            self.detector.close(incident.id, **{"mended": True, **values})


def line(incident: Incident) -> str:
    affected = f" ({', '.join(sorted(unit.name for unit in incident.affected))})" if incident.affected else ""
    return f"{incident.fault.value} of {incident.unit.name}{affected}"
