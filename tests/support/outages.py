"""Outages made up by chance: a topology, causes in it, and the signals that they would bring, late, lossy and mixed up.

What a cause brings at its own unit is what the real senses tell: deaths, failed probes, samples, error lines. What it brings
further down is what those who depend on it suffer: errors, failing probes, some of them a crash with an exit code of their
own. Nothing here knows how detect judges.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from opsagent_tools.units import UnitState
from tests.support.histories import History, line, service, uid

CauseKind = Literal["killed", "crashed", "loops", "frozen", "hangs", "stopped_serving"]
KINDS: tuple[CauseKind, ...] = ("killed", "crashed", "loops", "frozen", "hangs", "stopped_serving")
_WITHOUT_PROBE = 0.25
_VERIFY_S = 5.0
"""How long a repair is watched before its incident is closed."""
_LOSS = 0.15
"""Share of units below a cause that nothing is heard of."""


@dataclass(frozen=True, slots=True)
class Cause:
    """Something that really broke."""

    unit: str
    kind: CauseKind
    at: float


@dataclass(slots=True)
class Outage:
    """A topology with its causes; `run` lets it happen."""

    depends: dict[str, tuple[str, ...]]
    causes: tuple[Cause, ...]
    probed: frozenset[str]
    history: History = field(init=False)
    _start: datetime = field(init=False)
    _ill: dict[str, list[tuple[float, str]]] = field(default_factory=dict)
    """From when on each unit is ill, and because of which cause."""
    _over: set[str] = field(default_factory=set)
    """Causes that were repaired."""
    _found: list[str] = field(default_factory=list)
    _due: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _number: int = 0

    @classmethod
    def of(cls, chance: random.Random, causes: int) -> Outage:
        """Make one up: 10 to 30 units in layers, each depending on a few of those before it."""
        names = [f"u{number}" for number in range(chance.randint(10, 30))]
        depends: dict[str, tuple[str, ...]] = {}
        for number, name in enumerate(names):
            below = names[max(0, number - 8) : number]
            depends[name] = tuple(chance.sample(below, min(len(below), chance.choice((0, 1, 1, 1, 2, 2, 3)))))
        units = chance.sample(names, causes)
        moments = [10.0 + chance.uniform(0, 3.0) for _ in units]
        probed = frozenset(name for name in names if chance.random() >= _WITHOUT_PROBE)
        broken = tuple(
            Cause(unit, chance.choice(KINDS if unit in probed else KINDS[:4]), at)
            for unit, at in zip(units, moments, strict=True)
        )
        return cls(depends, broken, probed)

    def upstream(self, name: str) -> set[str]:
        found, frontier = set[str](), [name]
        while frontier:
            frontier = [up for each in frontier for up in self.depends[each] if up not in found]
            found |= set(frontier)
        return found

    def hidden(self) -> set[str]:
        """Causes that nobody can tell from a symptom: below another one, and looking just like what that brings."""
        broken = {cause.unit for cause in self.causes}
        alike = {"crashed", "loops", "hangs", "stopped_serving"}
        return {one.unit for one in self.causes if one.kind in alike and broken & self.upstream(one.unit)}

    def run(self, chance: random.Random, seconds: float = 32.0) -> None:
        """Let it happen."""
        plain = {"health": None}
        self.history = History(
            *(
                service(name, *above, autorestart=False, **({} if name in self.probed else plain))
                for name, above in self.depends.items()
            )
        )
        for port, name in enumerate(self.depends, 8000):
            self.history.put(name, ports=(port,))
        for name in sorted(self.probed):
            self._each(chance.uniform(0, 1), 1.0, lambda name=name: self._ok(name))  # type: ignore[misc]
        for cause in self.causes:
            self._break(cause, chance)
            for name in sorted(self.depends):
                if cause.unit in self.upstream(name) and chance.random() >= _LOSS:
                    self._suffer(name, cause, chance)
        self._noise(chance, seconds)
        self._start = self.history.now
        self._each(0.5, 0.5, lambda: self.history.wait(0.001))
        self._go(seconds)

    def repair(self, seconds: float = 15.0) -> None:
        """Let whoever handles the incidents repair the causes that they name, as long as there are any."""
        for _ in self.causes:
            found = self.history.detector.open
            if not found:
                return
            self._found += [incident.unit.name for incident in found]
            self._over |= {incident.unit.name for incident in found}
            self._revive()
            self._go(self._seconds + _VERIFY_S)
            for incident in found:
                self.history.detector.close(incident.id, mended=True)
            self._go(self._seconds + seconds)

    def _revive(self) -> None:
        """What ended is started again, but for causes that nobody has found yet."""
        hidden = {cause.unit for cause in self.causes} - self._over
        for name in self.depends.keys() - hidden:
            if not self.history.world.units[uid(name)].processes:
                self.history.spawn(name)

    def _noise(self, chance: random.Random, seconds: float) -> None:
        """What is always there: an error line here and there, a probe that fails once."""
        for name in self.depends:
            if chance.random() < 0.3:
                for _ in range(chance.randint(1, 30)):
                    at = chance.uniform(0, seconds)
                    self._at(at, lambda name=name: self.history.error(name, f"{name} says the usual"))  # type: ignore[misc]
            if name in self.probed and chance.random() < 0.2:
                self._at(chance.uniform(0, seconds), lambda name=name: self.history.fail(name, "timeout"))  # type: ignore[misc]

    def _break(self, cause: Cause, chance: random.Random) -> None:
        name, history = cause.unit, self.history
        code = {"killed": chance.choice((-9, -11, -7)), "crashed": chance.choice((1, 2, 70)), "loops": 1}.get(
            cause.kind
        )
        if code is not None:
            if chance.random() < 0.7 and code > 0:
                self._at(cause.at - 0.2, lambda: history.error(name, f"{name} cannot go on"))
            times = 6 if cause.kind == "loops" else 1
            for number in range(times):
                again = number < times - 1
                self._at(cause.at + 2.0 * number, lambda again=again: self._die(name, code, respawn=again))  # type: ignore[misc]
        if cause.kind == "frozen":
            self._each(cause.at, 1.0, lambda: history.sample(name, state="S" if name in self._over else "T"))
        if cause.kind != "stopped_serving" or name in self.probed:
            self._fail(name, cause, cause.at, chance.choice((0.5, 1.0, 2.0)), "timeout" if code is None else "refused")

    def _suffer(self, name: str, cause: Cause, chance: random.Random) -> None:
        """Let a unit below feel it, some seconds later."""
        at = cause.at + chance.choice((0.05, 0.5, 2.0, 5.0)) * chance.random() + 0.01
        for number in range(chance.randint(0, 8)):
            self._at(at + number * chance.random(), lambda: self.history.error(name, f"{name} misses something"))
        if chance.random() < 0.15:
            self._at(at + chance.uniform(0, 4), lambda: self._die(name, 1, respawn=False))
        if chance.random() < 0.85:
            self._fail(name, cause, at, chance.choice((0.5, 1.0, 2.0)), chance.choice(("status", "timeout", "refused")))

    def _fail(self, name: str, cause: Cause, at: float, every: float, reason: str) -> None:
        if name not in self.probed:
            return
        self._ill.setdefault(name, []).append((at, cause.unit))

        def ask() -> None:
            if cause.unit not in self._over:
                self.history.fail(name, reason)

        self._each(at + every / 2, every, ask)

    def _ok(self, name: str) -> None:
        if all(self._seconds < at or cause in self._over for at, cause in self._ill.get(name, ())):
            self.history.ok(name)

    def _die(self, name: str, code: int, *, respawn: bool) -> None:
        unit = self.history.world.units[uid(name)]
        if unit.processes and unit.state is UnitState.RUNNING:
            self.history.die(name, code, respawn=respawn)

    @property
    def _seconds(self) -> float:
        return (self.history.now - self._start).total_seconds()

    def _at(self, at: float, what: Callable[[], None]) -> None:
        self._number += 1
        heapq.heappush(self._due, (at, self._number, what))

    def _each(self, at: float, every: float, what: Callable[[], None]) -> None:
        def again() -> None:
            what()
            self._each(self._seconds + every, every, what)

        self._at(at, again)

    def _go(self, seconds: float) -> None:
        history = self.history
        while self._due and self._due[0][0] < seconds:
            at, _, what = heapq.heappop(self._due)
            history.now = max(history.now, self._start + timedelta(seconds=at))
            what()

    # what was made of it

    @property
    def roots(self) -> list[str]:
        """The units of the open incidents."""
        return sorted(incident.unit.name for incident in self.history.detector.open)

    @property
    def found(self) -> list[str]:
        """The units of all incidents, those included that showed only when others were repaired."""
        return sorted([*self._found, *self.roots])

    @property
    def lines(self) -> list[str]:
        return [line(incident) for incident in self.history.detector.open]
