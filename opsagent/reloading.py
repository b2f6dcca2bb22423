"""The hands of a safe reload: surge, prove, replace, retire, and clean up where it ends early.

Two ways to the same end. Where instances are alike, each old one is retired for a new one that stood beside it and
proved itself. Where instances are numbered (PM2's ids), one surged instance is the canary for the new release; the old
ones are replaced in their places, and at last the canary goes. Where nothing can stand beside, one instance at a time
is down while it is replaced, and the first failure ends it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from opsagent.before import Before, take_down
from opsagent.check import Checker
from opsagent.ends import Ends
from opsagent.proving import Proof, Prover
from opsagent.scaling_down import ScalingDown
from opsagent_tools.actions import Action, Outcome
from opsagent_tools.processes.proc import age_s, is_alive
from opsagent_tools.supervisors.port import (
    Busy,
    NotPermitted,
    NotSupported,
    Supervisor,
    SupervisorError,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup

_LOG = logging.getLogger(__name__)
_COMES_BACK_S = 5.0
"""How long a replaced instance may take to be there at all."""
_POLL_S = 0.05
_READY_SLACK_S = 0.1
_NOT_THE_RELEASE = (SupervisorUnreachable, UnknownUnit, NotSupported, NotPermitted, Busy)
"""A supervisor says these whatever the release; anything else is that the new instance did not come up."""


@dataclass(slots=True, kw_only=True)
class _Run:
    """One reload of one unit, from its first step to its end."""

    before: Before
    canary: ProcessKey | None = None
    """Stands beside the wanted ones; goes at the end."""
    unproved: set[ProcessKey] = field(default_factory=set)
    """Stand beside others, and have not taken over from any yet."""
    fresh: list[ProcessKey] = field(default_factory=list)
    """New instances that proved themselves."""
    unfit: str = ""
    """Why the new release is not fit, in one line, once an instance of it has shown that."""

    def died(self) -> ProcessKey | None:
        """Return a new instance that proved itself and is not alive any more."""
        beside = (self.canary,) if self.canary is not None else ()
        return next((key for key in (*self.fresh, *beside) if not is_alive(key)), None)


class Reloading:
    """Carries out the steps of reloads; what belongs to one reload is kept from its first step to `finished`."""

    def __init__(self, supervisor_of: Callable[[UnitId], Supervisor], checker: Checker) -> None:
        self._supervisor_of = supervisor_of
        self._checker = checker
        self._prover = Prover(checker)
        self._scaling_down = ScalingDown(checker, self._prover)
        self._runs: dict[UnitId, _Run] = {}

    async def step(self, action: Action) -> Outcome:
        """Carry out one RELOAD action. Raises SupervisorError."""
        supervisor = self._supervisor_of(action.unit)
        if action.args.get("in_place"):
            await supervisor.reload(action.unit)
            return Outcome(done=True, detail=f"{action.unit.name} was told to reload in place")
        unit = await supervisor.describe(action.unit)
        if action.args.get("last"):
            return await self._last(supervisor, unit)
        if action.args.get("canary") or unit.id not in self._runs:
            await self._hear_no_more(unit.id)
            self._runs[unit.id] = _Run(before=await take_down(supervisor, unit, Ends(supervisor, unit.id)))
        run = self._runs[unit.id]
        ready_s, canary = float(action.args.get("ready_s", 1.0)), bool(action.args.get("canary"))
        olds = _keys(action)
        if not olds:
            return await self._canary(supervisor, unit, run, ready_s)
        run.unfit = await self._did_not_stay_up(supervisor, run)
        if run.unfit:
            return Outcome(done=False, detail=f"{run.unfit}; {_left(unit, olds)}")
        beside = unit.surges and not unit.numbered
        done = await asyncio.gather(
            *(
                self._beside(supervisor, unit, run, old, ready_s, canary=canary)
                if beside
                else self._in_its_place(supervisor, unit, run, old, ready_s, canary=canary)
                for old in olds
            )
        )
        return next((one for one in done if not one.done), _together(done))

    async def finished(self, unit: UnitId) -> str:
        """Clean up after the last step, however it ended: no canary stays where enough others are there.

        Return why the new release proved unfit; nothing where it did not.
        """
        run = self._runs.get(unit)
        if run is None:
            return ""
        for key in run.unproved:  # it was broken off while they were proved
            with suppress(SupervisorError):
                await self._supervisor_of(unit).retire(unit, key)
        if run.canary is not None:
            with suppress(SupervisorError):
                supervisor = self._supervisor_of(unit)
                await self._end_canary(supervisor, await supervisor.describe(unit), run)
        await self._hear_no_more(unit)
        return run.unfit

    async def left_over(self, supervisor: Supervisor, unit: UnitId) -> int:
        """End what a reload that was killed left beside the wanted instances, newest first; return how many.

        What came last has taken over from nobody yet; whoever it was to replace still serves.
        """
        return await _drop_surplus(supervisor, await supervisor.describe(unit), keep=())

    async def _hear_no_more(self, unit: UnitId) -> None:
        run = self._runs.pop(unit, None)
        if run is not None and run.before.ends is not None:
            await run.before.ends.close()

    async def scaled_down(self, supervisor: Supervisor, action: Action) -> Outcome:
        """Take instances away, gracefully, and look whether those that stay bear it."""
        return await self._scaling_down.step(supervisor, action)

    # Steps

    async def _canary(self, supervisor: Supervisor, unit: Unit, run: _Run, ready_s: float) -> Outcome:
        """Start one instance of the new release beside all old ones, and prove it."""
        await _drop_surplus(supervisor, unit, keep=())
        run.canary, proof = await self._surged(supervisor, unit, run, ready_s, canary=True)
        if not proof.ok or run.canary is None:
            run.unfit = proof.says
            await self._end_canary(supervisor, await supervisor.describe(unit.id), run)
            return Outcome(done=False, detail=_bad(proof, unit))
        return Outcome(done=True, detail=f"canary {run.canary.pid}: {proof.says}")

    async def _beside(
        self, supervisor: Supervisor, unit: Unit, run: _Run, old: ProcessKey, ready_s: float, *, canary: bool
    ) -> Outcome:
        """Start a new instance beside this one, and end this one once the new one is proved."""
        if not any(process.pid == old.pid for process in unit.processes):
            return Outcome(done=True, detail=f"instance {old.pid} is gone already")
        if canary or not run.fresh:
            await _drop_surplus(supervisor, unit, keep=(old,))
        new, proof = await self._surged(supervisor, unit, run, ready_s, canary=canary)
        if not proof.ok:
            run.unfit = proof.says
            with suppress(SupervisorError):  # it may have ended by itself
                if new is not None:
                    await supervisor.retire(unit.id, new)
            return Outcome(done=False, detail=_bad(proof, unit))
        assert new is not None  # it is proved
        await supervisor.retire(unit.id, old)
        run.fresh.append(new)
        return Outcome(done=True, detail=f"{new.pid} took over from {old.pid}: {proof.says}")

    async def _in_its_place(
        self, supervisor: Supervisor, unit: Unit, run: _Run, old: ProcessKey, ready_s: float, *, canary: bool
    ) -> Outcome:
        """Have this instance replaced under its own number, and prove what came in its place."""
        if not any(process.pid == old.pid for process in unit.processes):
            return Outcome(done=True, detail=f"instance {old.pid} is gone already")
        known = {process.key for process in unit.processes}
        try:
            await supervisor.replace(unit.id, old)
        except _NOT_THE_RELEASE:
            raise
        except SupervisorError as error:
            run.unfit = await self._prover.why_not_begun(supervisor, run.before, error)
            return Outcome(done=False, detail=f"the new release is not fit: {run.unfit}; {_left(unit, (old,))}")
        new = await self._newcomer(unit.id, known, run)
        if new is None:
            run.unfit = f"nothing came in the place of {old.pid}"
            return Outcome(done=False, detail=f"{run.unfit}; {_left(unit, (old,))}")
        run.fresh.append(new)
        proof = await self._prover.prove(supervisor, new, run.before, ready_s=ready_s, canary=canary)
        if not proof.ok:
            run.unfit = proof.says
            run.fresh.remove(new)
            return Outcome(done=False, detail=f"the new release is not fit: {proof.says}; {_left(unit, (old,))}")
        return Outcome(done=True, detail=f"{new.pid} came in the place of {old.pid}: {proof.says}")

    async def _last(self, supervisor: Supervisor, unit: Unit) -> Outcome:
        """Let the canary go, now that every old instance is replaced."""
        run = self._runs.get(unit.id)
        if run is None or run.canary is None:
            dropped = await _drop_surplus(supervisor, unit, keep=())
            return Outcome(done=True, detail=f"{dropped} surplus instances ended" if dropped else "none is surplus")
        run.unfit = await self._did_not_stay_up(supervisor, run)
        if run.unfit:
            return Outcome(done=False, detail=run.unfit)
        canary = run.canary
        await self._end_canary(supervisor, unit, run)
        return Outcome(done=True, detail=f"the canary {canary.pid} has gone; {unit.instances} run the new release")

    # Their parts

    async def _did_not_stay_up(self, supervisor: Supervisor, run: _Run) -> str:
        dead = run.died()
        if dead is None:
            return ""
        return f"a new instance did not stay up: {await self._prover.why_ended(supervisor, dead, run.before)}"

    async def _surged(
        self, supervisor: Supervisor, unit: Unit, run: _Run, ready_s: float, *, canary: bool
    ) -> tuple[ProcessKey | None, Proof]:
        try:
            new = await self._surge(supervisor, unit, run)
        except _NOT_THE_RELEASE:
            raise
        except SupervisorError as error:
            return None, Proof(ok=False, says=await self._prover.why_not_begun(supervisor, run.before, error))
        run.unproved.add(new)
        silent = _never_said_ready(run.before.setup, age_s(new.pid) or 0.0)
        if silent and is_alive(new):
            proof = Proof(ok=False, says=silent)
        else:
            proof = await self._prover.prove(supervisor, new, run.before, ready_s=ready_s, canary=canary)
        run.unproved.discard(new)
        return new, proof

    async def _surge(self, supervisor: Supervisor, unit: Unit, run: _Run) -> ProcessKey:
        """Start one instance beside the others; one that comes while this is cancelled goes again."""
        surging = asyncio.ensure_future(supervisor.surge(unit.id))
        try:
            return await asyncio.shield(surging)
        except asyncio.CancelledError:
            with suppress(SupervisorError):
                run.unproved.add(await surging)
            raise

    async def _newcomer(self, unit: UnitId, known: set[ProcessKey], run: _Run) -> ProcessKey | None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _COMES_BACK_S
        while loop.time() < deadline:
            now = await self._checker.unit(unit)
            new = [one.key for one in now.processes if one.wanted and one.key not in known and one.key not in run.fresh]
            new = [key for key in new if key != run.canary]
            if new:
                return max(new, key=lambda key: key.started)
            await asyncio.sleep(_POLL_S)
        return None

    async def _end_canary(self, supervisor: Supervisor, unit: Unit, run: _Run) -> None:
        """End the canary, also where its supervisor has started it anew meanwhile; not where it is needed."""
        canary, run.canary = run.canary, None
        if canary is None:
            return
        if any(process.key == canary for process in unit.processes):
            if sum(process.wanted for process in unit.processes) <= unit.instances:
                _LOG.warning("%s: the canary %d stays: too few others are there", unit.name, canary.pid)
                return
            with suppress(SupervisorError):
                await supervisor.retire(unit.id, canary)
            return
        known = {process.key for process in run.before.unit.processes}
        await _drop_surplus(supervisor, unit, keep=tuple(known | set(run.fresh)))


async def _drop_surplus(supervisor: Supervisor, unit: Unit, *, keep: Sequence[ProcessKey]) -> int:
    """End what an interrupted reload left beside the wanted instances, newest first; return how many."""
    newest_first = sorted(unit.processes, key=lambda process: process.key.started, reverse=True)
    surplus = max(len(unit.processes) - unit.instances, 0)
    chosen = [process for process in newest_first if process.key not in keep][:surplus]
    for process in chosen:
        with suppress(SupervisorError):  # it may be gone by now
            await supervisor.retire(unit.id, process.key)
    return len(chosen)


def _never_said_ready(setup: UnitSetup | None, took_s: float) -> str:
    """A supervisor that waits for `ready` and gives up after a while goes on as if it had been said: its patience tells."""
    if setup is None or not setup.says_ready or setup.ready_timeout_s is None:
        return ""
    if took_s < setup.ready_timeout_s - _READY_SLACK_S:
        return ""
    return f"it did not say `ready` within {setup.ready_timeout_s:g} s"


def _bad(proof: Proof, unit: Unit) -> str:
    count = len(unit.processes)
    return f"the new release is not fit: {proof.says}; the {count} old instance{'s' * (count != 1)} serve on"


def _left(unit: Unit, gone: Sequence[ProcessKey]) -> str:
    staying = len({process.key for process in unit.processes} - set(gone))
    return f"{staying} of {len(unit.processes)} go on serving"


def _together(done: Sequence[Outcome]) -> Outcome:
    return done[0] if len(done) == 1 else Outcome(done=True, detail="; ".join(one.detail for one in done))


def _keys(action: Action) -> tuple[ProcessKey, ...]:
    """Return the old instances that a step is about: one (`pid`, `started`), or several (`batch`)."""
    batch = str(action.args.get("batch", ""))
    if batch:
        pairs = (one.split(":") for one in batch.split(","))
        return tuple(ProcessKey(int(pid), float(started)) for pid, started in pairs)
    if "pid" not in action.args:
        return ()
    return (ProcessKey(int(action.args["pid"]), float(action.args["started"])),)
