"""Looks whether a unit answers as it did before: just before a change, while it is strained by one, shortly after it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

from opsagent.check import Checker
from opsagent.model import Check, CheckKind
from opsagent_tools.probes.answering import median
from opsagent_tools.probes.health import ProbeResult, ask
from opsagent_tools.services.spec import Health
from opsagent_tools.units import UnitId

SLOWER, SLOWER_FLOOR_S = 5.0, 0.5
"""As in `opsagent.verify`: an answer that takes this much longer than usual, and longer than the floor, is not well."""
_LOOKS = 3
_EVERY_S = 0.1
_FAILED_IN_A_ROW = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Usual:
    """How a unit answered."""

    latency_s: float | None
    """Median of a few health probes; None: it has no probe, or did not answer."""

    def slower(self, now_s: float) -> str:
        """Return in words that it answers far slower than that; nothing where it does not."""
        if self.latency_s is None or now_s <= max(SLOWER_FLOOR_S, self.latency_s * SLOWER):
            return ""
        return f"it answers in {now_s:.2f} s, before in {self.latency_s:.3f} s"


class Aftercare:
    """Asks health probes, and the supervisor where there is none."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker

    async def usual(self, unit: UnitId) -> Usual:
        """Ask a few times, and take that for usual."""
        health = self._health(unit)
        if health is None:
            return Usual(latency_s=None)
        answers = [await ask(health) for _ in range(_LOOKS)]
        good = [answer.latency_s for answer in answers if answer.ok]
        return Usual(latency_s=median(good) if good else None)

    async def trouble(self, unit: UnitId, usual: Usual, seconds: float, also: Callable[[], str] = str) -> str:
        """Watch for so long; return in one line what is wrong, as soon as it is sure, or nothing.

        `also`: is asked each time as well, and says what else is wrong.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        health, answers = self._health(unit), list[ProbeResult]()
        while True:
            wrong = also() or await self._wrong_now(unit, health, answers)
            if wrong:
                return wrong
            if loop.time() >= deadline:
                return usual.slower(median([answer.latency_s for answer in answers if answer.ok]))
            await asyncio.sleep(_EVERY_S)

    async def _wrong_now(self, unit: UnitId, health: Health | None, answers: list[ProbeResult]) -> str:
        if health is None:
            healthy = await self._checker.holds(Check(kind=CheckKind.HEALTHY, unit=unit))
            return "" if healthy is True else f"{unit.name} did not stay healthy"
        answers.append(await ask(health))
        last = answers[-_FAILED_IN_A_ROW:]
        if len(last) < _FAILED_IN_A_ROW or any(answer.ok for answer in last):
            return ""
        how = f"{last[-1].reason} {last[-1].status}" if last[-1].status is not None else last[-1].reason
        return f"{unit.name} does not answer its health probe ({how})"

    def _health(self, unit: UnitId) -> Health | None:
        spec = self._checker.spec(unit)
        return spec.health if spec is not None else None
