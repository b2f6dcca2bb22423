"""The hands of a restart: all instances end, new ones start, and it is told why they do not come up or stay up."""

from __future__ import annotations

import asyncio

from opsagent.before import Before, take_down
from opsagent.check import Checker
from opsagent.ends import Ends
from opsagent.proving import Prover
from opsagent_tools.actions import Action, ActionName, Outcome
from opsagent_tools.logs.since import reason
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import ProcessKey, Unit, UnitId

_POLL_S = 0.05


class Restarting:
    """Carries out restarts; what belongs to one is kept until it is `finished`, or until the next one."""

    def __init__(self, checker: Checker) -> None:
        self._checker = checker
        self._prover = Prover(checker)
        self._before: dict[UnitId, Before] = {}
        self._unfit: dict[UnitId, str] = {}

    async def step(self, supervisor: Supervisor, action: Action) -> Outcome:
        """Carry out one RESTART. `stays_s`: what comes has to stay up so many seconds. Raises SupervisorError."""
        unit, stays_s = await supervisor.describe(action.unit), float(action.args.get("stays_s", 0.0))
        ends = Ends(supervisor, unit.id) if stays_s else None
        before = self._before[unit.id] = await take_down(supervisor, unit, ends)
        self._unfit.pop(unit.id, None)
        try:
            await supervisor.restart(action.unit)
            dead = await self._ends_again(unit, stays_s)
            if dead is None:
                return Outcome(done=True, detail=f"restarted {unit.name}")
            why = self._unfit[unit.id] = await self._prover.why_ended(supervisor, dead, before)
        finally:
            if ends is not None:
                await ends.close()
        return Outcome(done=False, detail=f"restarted {unit.name}, and it does not stay up: {why}")

    async def why_not(self, supervisor: Supervisor, action: Action, seen: str) -> str:
        """Return why what was done did not lead to its goal, `seen` at its end: the last words of what was started."""
        before = self._before.get(action.unit)
        if before is None or action.name is not ActionName.RESTART:
            return seen
        words = reason(await before.last_lines(supervisor) or ())
        self._unfit[action.unit] = words or seen
        return f"{words} ({seen})" if words else seen

    def finished(self, unit: UnitId) -> str:
        """Let go of what belongs to the last one; return why what it started is not fit, nothing where it is."""
        self._before.pop(unit, None)
        return self._unfit.pop(unit, "")

    async def _ends_again(self, before: Unit, seconds: float) -> ProcessKey | None:
        """Watch the processes that came for so long; return one that ended. Its supervisor may start it over and over."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        olds, seen = {process.key for process in before.processes}, set[ProcessKey]()
        while loop.time() < deadline:
            seen |= {process.key for process in (await self._checker.unit(before.id)).processes} - olds
            dead = next((key for key in seen if not is_alive(key)), None)
            if dead is not None:
                return dead
            await asyncio.sleep(_POLL_S)
        return None
