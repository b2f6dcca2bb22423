"""Takes instances away gracefully, one at a time, and says whether those that stay bear it."""

from __future__ import annotations

from opsagent.aftercare import Aftercare
from opsagent.before import take_down
from opsagent.check import Checker
from opsagent.proving import Prover
from opsagent_tools.actions import Action, Outcome
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.units import ProcessKey

_WATCH_S = 1.0
"""How long those that stay are looked at after each that went."""
_FRESH_ERRORS = 3


class ScalingDown:
    """Carries out the steps of a smaller scale; taking one back is the plan's undo."""

    def __init__(self, checker: Checker, prover: Prover) -> None:
        self._aftercare = Aftercare(checker)
        self._prover = prover

    async def step(self, supervisor: Supervisor, action: Action) -> Outcome:
        """Leave `instances` of the unit. Raises SupervisorError."""
        unit = await supervisor.describe(action.unit)
        before, usual = await take_down(supervisor, unit), await self._aftercare.usual(action.unit)
        wanted = int(action.args["instances"])
        await supervisor.scale(action.unit, wanted)
        known = {process.key for process in unit.processes}
        there = await supervisor.describe(action.unit)
        stay = [process.key for process in there.processes if process.wanted and process.key in known]
        # One that ended, and was started anew meanwhile, is not among those that stay.
        dead: list[ProcessKey] = [] if len(stay) >= wanted else [max(known, key=lambda key: key.started)]

        def died() -> str:
            dead.extend(key for key in stay if not is_alive(key))
            return "one that should have stayed is gone" if dead else ""

        wrong = await self._aftercare.trouble(action.unit, usual, _WATCH_S, died)
        if dead:
            wrong = f"{wrong}: {await self._prover.why_ended(supervisor, dead[0], before)}"
        if not wrong:
            fresh = await before.fresh_errors(supervisor)
            wrong = (
                f"{len(fresh)} error lines that were not there before: {fresh[0]}"
                if len(fresh) >= _FRESH_ERRORS
                else ""
            )
        if wrong:
            return Outcome(done=False, detail=f"{wanted} of it do not bear it: {wrong}")
        return Outcome(done=True, detail=f"{action.unit.name} runs {wanted}, and those answer as before")
