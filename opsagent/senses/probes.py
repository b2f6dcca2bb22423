"""Health probes, as configured and nowhere else: at ease while all is well, quick when something changed."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence

from opsagent.model import EvidenceKind, Scalar, SignalKind
from opsagent.senses.desk import Desk
from opsagent.senses.turns import Turns
from opsagent_tools.probes.burst import ask_side_by_side
from opsagent_tools.probes.health import ProbeResult, ask
from opsagent_tools.services.spec import Health
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitState

_QUICK_FAILURES = 20
"""So many failures in a row are followed by a quick probe; then the interval grows back."""
_SILENT = frozenset({UnitState.STOPPED, UnitState.STOPPING})


class ProbeSense:
    """Asks every unit that has a configured health, one task each."""

    def __init__(self, desk: Desk, before_failure: Callable[[UnitId], None]) -> None:
        self._desk = desk
        self._before_failure = before_failure
        self._tasks: dict[tuple[UnitId, Health], asyncio.Task[None]] = {}
        self._patients: dict[UnitId, _Patient] = {}

    def sync(self, units: Sequence[Unit]) -> None:
        """Ask these units, and no others."""
        wanted: dict[tuple[UnitId, Health], None] = {}
        for unit in units:
            spec = self._desk.world.spec(unit.id)
            if spec is not None and spec.health is not None:
                wanted[unit.id, spec.health] = None
        for key in self._tasks.keys() - wanted.keys():
            self._tasks.pop(key).cancel()
        for unit_id, health in wanted.keys() - self._tasks.keys():
            patient = _Patient(unit_id, health, self._desk, self._before_failure)
            self._patients[unit_id] = patient
            name = f"probe of {unit_id}"
            work = self._desk.keep(name, patient.visit)
            self._tasks[unit_id, health] = asyncio.get_running_loop().create_task(work, name=name)

    def ask_soon(self, unit: UnitId) -> None:
        """Do not wait for the interval: something happened to this unit."""
        patient = self._patients.get(unit)
        if patient is not None:
            patient.kick.set()

    def look_closer(self, unit: UnitId) -> None:
        """Its log has an error: where it has several instances, see soon whether each of them answers."""
        patient = self._patients.get(unit)
        if patient is not None and patient.turns.lead(time.monotonic()):
            patient.kick.set()

    async def close(self) -> None:
        """End all probes."""
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)
        self._tasks.clear()


class _Patient:
    """One unit that is asked again and again."""

    def __init__(self, unit: UnitId, health: Health, desk: Desk, before_failure: Callable[[UnitId], None]) -> None:
        self._unit = unit
        self._health = health
        self._desk = desk
        self._before_failure = before_failure
        self._failures = 0
        self._last_ok = 0.0
        self.kick = asyncio.Event()
        self.turns = Turns(interval_s=health.interval_s)

    async def visit(self) -> None:
        """Ask, wait, ask again."""
        await self._wait((hash(self._unit) % 100) / 100 * min(self._health.interval_s, 1.0))
        while True:
            if not self._to_be_asked():
                self._failures = 0
                await self._wait(self._health.interval_s)
                continue
            began = time.time()
            result = await ask(self._health)
            self._answer(result, began)
            met_bad = result.ok and await self._meet_all()
            pause_s = min(self._pause(began), self._desk.settings.probe_again_s) if met_bad else self._pause(began)
            await self._wait(self.turns.pause_s(pause_s, time.monotonic()))

    async def _meet_all(self) -> bool:
        """Where it has several instances, ask all of them now and then; tell the bad answers, and return if there are any.

        The good ones are not told: what they say of its pace is false, and that it answers is known.
        """
        processes = self._processes()
        count = self.turns.questions(len(processes), time.monotonic()) if self._health.http is not None else 0
        if not count:
            return False
        answers = await ask_side_by_side(self._health, count)
        bad = self.turns.bad(answers, time.monotonic())
        if not bad or processes != self._processes() or not self._to_be_asked():
            return False
        self._before_failure(self._unit)
        for one in bad:
            data: dict[str, Scalar] = {"reason": one.reason, "side_by_side": count, **_figures(one)}
            self._desk.tell(SignalKind.PROBE_FAILED, self._unit, EvidenceKind.PROBE, data=data)
        return True

    def _processes(self) -> frozenset[ProcessKey]:
        unit = self._desk.world.units.get(self._unit)
        return frozenset(process.key for process in unit.processes) if unit is not None else frozenset()

    def _answer(self, result: ProbeResult, began: float) -> None:
        if not self._to_be_asked():
            return  # stopped by a person while we asked
        data = _figures(result)
        if result.ok:
            self._failures = 0
            self._last_ok = time.time()
            self._desk.tell(SignalKind.PROBE_OK, self._unit, EvidenceKind.PROBE, data=data)
        elif not self._in_grace(began):
            self._failures += 1
            self._before_failure(self._unit)
            self._desk.tell(
                SignalKind.PROBE_FAILED, self._unit, EvidenceKind.PROBE, data={"reason": result.reason, **data}
            )

    def _pause(self, began: float) -> float:
        interval, again = self._health.interval_s, self._desk.settings.probe_again_s
        if self._in_grace(time.time()):
            return min(again, interval)
        if self._failures == 0:
            return max(interval - (time.time() - began), 0.0)
        return min(again * max(1, self._failures - _QUICK_FAILURES), interval)

    def _to_be_asked(self) -> bool:
        unit = self._desk.world.units.get(self._unit)
        return unit is not None and unit.state not in _SILENT

    def _in_grace(self, now: float) -> bool:
        """Tell whether the unit was started (from nothing) a moment ago and did not answer yet."""
        unit = self._desk.world.units.get(self._unit)
        if unit is None:
            return False
        if not unit.processes:
            return unit.state is UnitState.STARTING
        oldest = min(process.key.started for process in unit.processes)
        return self._last_ok < oldest and now < oldest + self._health.grace_s

    async def _wait(self, seconds: float) -> None:
        self.kick.clear()
        try:
            async with asyncio.timeout(seconds):
                await self.kick.wait()
        except TimeoutError:
            return
        await asyncio.sleep(min(self._desk.settings.probe_again_s, self._health.interval_s) / 2)


def _figures(result: ProbeResult) -> dict[str, Scalar]:
    data: dict[str, Scalar] = {"latency_s": round(result.latency_s, 6)}
    return data if result.status is None else {**data, "status": result.status}
