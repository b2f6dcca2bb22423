"""Deaths of processes: crashes told apart from ends that a supervisor was told to bring about.

The kernel is quickest (pidfd), the supervisor knows why. So a death waits, a few milliseconds and no longer, for its
supervisor's word: the event that it exited by itself, or that it was being stopped, or the answer to our asking,
whichever comes first. Where the supervisor is gone or slow, what is known decides, and a word that comes too late is
told too.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

from opsagent.model import EvidenceKind, SignalKind
from opsagent.senses.desk import Desk
from opsagent_tools.processes.deaths import Death, DeathWatch
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitState

_DELIBERATE = frozenset({UnitState.STOPPING, UnitState.STOPPED})
_REMEMBERED = 512

_UNASKED = frozenset(
    {-signal.SIGKILL, -signal.SIGSEGV, -signal.SIGABRT, -signal.SIGBUS, -signal.SIGILL, -signal.SIGFPE}
)
"""Ends that no supervisor brings about without having asked first."""
_SOON_S = 1.0
"""A stop timeout shorter than this: the supervisor kills so soon that its word may come after the death."""

Describe = Callable[[UnitId, float], Coroutine[Any, Any, Unit | None]]
"""Asks the unit's supervisor; None where it does not answer within so many seconds."""


class DeathSense:
    """Watches the processes of all units."""

    def __init__(self, desk: Desk, describe: Describe, before_telling: Callable[[UnitId], None]) -> None:
        self._desk = desk
        self._describe = describe
        self._before_telling = before_telling
        self._watch = DeathWatch()
        self._units: dict[ProcessKey, UnitId] = {}
        self._unseen: set[ProcessKey] = set()
        """Processes that the kernel does not know (gone again, or not of this machine): only the supervisor tells."""
        self._expected: set[tuple[UnitId, int]] = set()
        self._let_go: set[ProcessKey] = set()
        self._codes: dict[tuple[UnitId, int], int | None] = {}
        self._told: dict[ProcessKey, UnitId] = {}
        self._crashed: set[ProcessKey] = set()
        """Those of `_told` that were told as deaths."""
        self._words: dict[tuple[UnitId, int], asyncio.Event] = {}
        """Set when the supervisor has said something of a process whose death is being settled."""
        self._stopped: set[UnitId] = set()
        self._settling: set[asyncio.Task[None]] = set()

    def sync(self, unit: Unit, *, fresh: bool) -> tuple[ProcessKey, ...]:
        """Watch what the unit runs now; return the processes that are new.

        What its supervisor does not list any more was let go of on purpose (`fresh`: if the listing is sure).
        """
        listed = {process.key for process in unit.processes}
        new = tuple(key for key in listed if self.add(unit.id, key))
        self._let_go -= listed
        for key in [key for key, owner in self._units.items() if owner == unit.id and key not in listed]:
            if key in self._unseen:
                self._forget(unit.id, key)
            elif fresh and is_alive(key):
                self._let_go.add(key)
        self._expected |= {(unit.id, process.pid) for process in unit.processes if not process.wanted}
        if unit.state is not UnitState.STOPPED:
            self._stopped.discard(unit.id)
        return new

    def add(self, unit: UnitId, key: ProcessKey) -> bool:
        """Watch one process; return whether it is new."""
        if key in self._units or key in self._told:
            return False
        self._units[key] = unit
        if not self._watch.watch(key, self._ended):
            self._unseen.add(key)
        return True

    def expect(self, unit: UnitId, pid: int | None) -> None:
        """Take the end of this process (None: of each of the unit's) as wanted."""
        pids = [pid] if pid is not None else [key.pid for key, owner in self._units.items() if owner == unit]
        for each in pids:
            late = next((key for key in self._crashed if key.pid == each and self._told.get(key) == unit), None)
            if late is not None:
                self._crashed.discard(late)
                self._tell_stopped(unit, late)
                continue
            self._expected.add((unit, each))
            self._word(unit, each)

    def supervisor_says(self, unit: UnitId, pid: int | None, code: int | None) -> None:
        """Hear from the supervisor that a process exited. Tells of it where no pidfd could: it came and went."""
        if pid is None:
            return
        key = next((key for key, owner in self._units.items() if key.pid == pid and owner == unit), None)
        if key is not None and key in self._unseen:
            self._forget(unit, key)
            self._drop_process(unit, key)
            self._tell_death(unit, key, code, EvidenceKind.SUPERVISOR)
        elif key is not None:
            self._codes[unit, pid] = code
            self._word(unit, pid)
        elif any(key.pid == pid and owner == unit for key, owner in self._told.items()):
            return
        elif (unit, pid) in self._expected:
            self._expected.discard((unit, pid))
        else:
            self._tell_death(unit, None, code, EvidenceKind.SUPERVISOR)

    def unit_stopped(self, unit: UnitId) -> None:
        """Tell, once, that a whole unit was stopped on purpose."""
        self.expect(unit, None)
        if unit not in self._stopped:
            self._stopped.add(unit)
            self._desk.world.forget_health(unit)
            self._desk.tell(SignalKind.STOPPED, unit, EvidenceKind.SUPERVISOR, data={"scope": "unit"})

    def unit_runs(self, unit: UnitId) -> None:
        """Hear that a unit was started again."""
        self._stopped.discard(unit)

    def close(self) -> None:
        """Watch nothing any longer."""
        self._watch.close()
        for task in self._settling:
            task.cancel()

    def _ended(self, death: Death) -> None:
        task = asyncio.get_running_loop().create_task(self._settle(self._units[death.key], death))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _settle(self, unit: UnitId, death: Death) -> None:
        pid = death.key.pid
        described = await self._ask(unit, death)
        code = death.exit_code if death.exit_code is not None else self._codes.get((unit, pid))
        deliberate = self._is_expected(unit, death.key) or self._deliberate(unit, pid, described)
        self._forget(unit, death.key)
        if described is not None:
            self._desk.world.replace_unit(described)
        self._drop_process(unit, death.key)
        if not deliberate:
            self._tell_death(unit, death.key, code, EvidenceKind.KERNEL)
        else:
            self._tell_stopped(unit, death.key)
            if self._state(unit) is UnitState.STOPPED:
                self.unit_stopped(unit)

    async def _ask(self, unit: UnitId, death: Death) -> Unit | None:
        """Wait for the supervisor's word; return the unit if it came as a description of that."""
        known = unit, death.key.pid
        if self._is_expected(unit, death.key) or known in self._codes:
            return None
        loop = asyncio.get_running_loop()
        self._words[known] = asyncio.Event()
        word, asked = (
            loop.create_task(self._words[known].wait()),
            loop.create_task(self._describe(unit, self._patience(unit, death))),
        )
        try:
            await asyncio.wait({word, asked}, return_when=asyncio.FIRST_COMPLETED)
            return asked.result() if asked.done() and not asked.cancelled() else None
        finally:
            del self._words[known]
            word.cancel()
            asked.cancel()

    def _patience(self, unit: UnitId, death: Death) -> float:
        settings, spec = self._desk.settings, self._desk.world.spec(unit)
        if death.exit_code not in _UNASKED:
            return settings.settle_asked_s
        kills_soon = spec is not None and (spec.stop_signal == "SIGKILL" or spec.stop_timeout_s < _SOON_S)
        return settings.settle_asked_s if kills_soon and death.exit_code == -signal.SIGKILL else settings.settle_s

    def _word(self, unit: UnitId, pid: int) -> None:
        if (unit, pid) in self._words:
            self._words[unit, pid].set()

    def _is_expected(self, unit: UnitId, key: ProcessKey) -> bool:
        return key in self._let_go or (unit, key.pid) in self._expected

    def _deliberate(self, unit: UnitId, pid: int, described: Unit | None) -> bool:
        seen = described or self._desk.world.units.get(unit)
        if seen is None:
            return False
        return seen.state in _DELIBERATE or any(p.pid == pid and not p.wanted for p in seen.processes)

    def _state(self, unit: UnitId) -> UnitState | None:
        seen = self._desk.world.units.get(unit)
        return seen.state if seen is not None else None

    def _drop_process(self, unit: UnitId, key: ProcessKey) -> None:
        seen = self._desk.world.units.get(unit)
        if seen is not None:
            left = tuple(process for process in seen.processes if process.key != key)
            self._desk.world.replace_unit(replace(seen, processes=left))

    def _tell_death(self, unit: UnitId, key: ProcessKey | None, code: int | None, evidence: EvidenceKind) -> None:
        self._before_telling(unit)
        if key is not None:
            self._crashed.add(key)
        data = {} if code is None else {"exit_code": code}
        self._desk.tell(SignalKind.DEATH, unit, evidence, process=key, data=data)

    def _tell_stopped(self, unit: UnitId, key: ProcessKey) -> None:
        self._desk.tell(SignalKind.STOPPED, unit, EvidenceKind.SUPERVISOR, process=key, data={"scope": "process"})

    def _forget(self, unit: UnitId, key: ProcessKey) -> None:
        self._units.pop(key, None)
        self._unseen.discard(key)
        self._let_go.discard(key)
        self._expected.discard((unit, key.pid))
        self._codes.pop((unit, key.pid), None)
        self._told[key] = unit
        if len(self._told) > _REMEMBERED:
            oldest = next(iter(self._told))
            del self._told[oldest]
            self._crashed.discard(oldest)
