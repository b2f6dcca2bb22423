"""One run of one scenario, in a process (and, where the host allows it, a room) of its own.

`python -P -m opsagent_evals.faults.case ROOT [KEEPER]`: ROOT was prepared by `run.py`. It ends early, and clears up, when its
standard input closes: so does Ctrl-C reach it, and so does the death of whoever started it.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from opsagent.store.errors import StoreError
from opsagent_evals.faults import isolation, observation
from opsagent_evals.faults.keepers import AGENT, Keeper
from opsagent_evals.faults.place import Place
from opsagent_evals.faults.programs import Programs
from opsagent_evals.faults.scenario import Scenario, load
from opsagent_evals.faults.score import OracleCall, Run
from opsagent_evals.faults.stage import Stage, StageError, strays
from opsagent_evals.faults.watching import is_over
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.supervisors.port import SupervisorError

_LOG = logging.getLogger(__name__)

_INJECT_S = 30.0
_CLEAR_S = 15.0
_ORACLE_S = 1.0
_ORACLE_EVERY_S = 0.2
_UP_WITHIN_S = 20.0
_CALM_WITHIN_S = 15.0


class Case:
    """Plays one scenario once, and writes down what it saw."""

    def __init__(self, scenario: Scenario, place: Place, kept_by: str = AGENT) -> None:
        self._scenario = scenario
        self._place = place
        self._begun_at = self._injected_at = datetime.now(UTC)
        supervisor = "pm2" if kept_by == "pm2" else scenario.supervisor
        self._stage = Stage(place, since=self._begun_at, supervisor=supervisor, kept_by=kept_by)
        self._programs = Programs(folder=place.scenario, env=place.env(os.environ), output=place.output)
        self._oracle: list[OracleCall] = []

    async def play(self, *, room: bool) -> Run:
        """Set up, break, watch, clear; never raises for what the scenario or the agent did."""
        error = ""
        try:
            keeper = await self._stage.set_up()
            await self._baseline(keeper)
            await self._break_and_watch(keeper)
        except (StageError, ServicesFileError, SupervisorError, StoreError) as problem:
            error = str(problem)
        except asyncio.CancelledError:
            error = "interrupted"
            if (task := asyncio.current_task()) is not None:
                task.uncancel()  # clearing up has time limits of its own
        except Exception as problem:  # noqa: BLE001 - whatever it is, what was broken has to be cleared
            _LOG.exception("the case broke off")
            error = f"{type(problem).__name__}: {problem}"
        run = self._seen(error)
        cleared = await self._clear_up(room=room)
        return self._with_strays(run, cleared)

    async def _baseline(self, keeper: Keeper) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + _UP_WITHIN_S
        while problem := await self._ask_oracle():
            if loop.time() > deadline:
                raise StageError(f"the oracle never held before the fault: {problem}")
            await asyncio.sleep(_ORACLE_EVERY_S)
        held = loop.time()
        # The agent may still have to close its books on an earlier run of this home: a fault begins in calm.
        while (past := loop.time() - held) < self._scenario.baseline_s or (
            past < _CALM_WITHIN_S and not keeper.is_calm()
        ):
            await asyncio.sleep(_ORACLE_EVERY_S)
            if problem := await self._ask_oracle():
                raise StageError(f"the oracle did not hold before the fault: {problem}")

    async def _break_and_watch(self, keeper: Keeper) -> None:
        await self._stage.write_services()
        self._injected_at = datetime.now(UTC)
        inject = asyncio.create_task(self._programs.call("inject", _INJECT_S))
        loop = asyncio.get_running_loop()
        due = loop.time()
        try:
            while True:
                at = datetime.now(UTC)
                problem = await self._ask_oracle()
                self._oracle.append(OracleCall(at=at, ok=not problem))
                now = datetime.now(UTC)
                run = keeper.read(self._injected_at, self._oracle, now)
                if inject.done() and (failed := inject.result()):
                    raise StageError(failed)
                if not keeper.lives():
                    raise StageError("who keeps the services ended by itself")
                if inject.done() and is_over(self._scenario, run, now, patient=keeper.patient):
                    return
                due = max(due + _ORACLE_EVERY_S, loop.time())
                await asyncio.sleep(due - loop.time())
        finally:
            inject.cancel()
            await asyncio.gather(inject, return_exceptions=True)

    async def _ask_oracle(self) -> str:
        await self._stage.write_services()
        return await self._programs.call("oracle", _ORACLE_S)

    def _seen(self, error: str) -> Run:
        now = datetime.now(UTC)
        try:
            if self._stage.keeper is not None:
                return self._stage.keeper.read(self._injected_at, self._oracle, now, error=error)
            problem: object = "the case was not set up"
        except StoreError as unreadable:
            problem = unreadable
        return Run(injected_at=self._injected_at, ended_at=now, oracle=self._oracle, error=error or str(problem))

    async def _clear_up(self, *, room: bool) -> tuple[list[str], str]:
        problem = ""
        if (self._place.scenario / "clear").exists():
            await self._stage.write_services()
            problem = await self._programs.call("clear", _CLEAR_S)
        try:
            await self._stage.take_down()
        except SupervisorError as error:
            problem = problem or f"the engine did not end: {error}"
        left, pids = strays(self._place.state, room=room)
        for pid in pids:
            with contextlib.suppress(OSError):
                os.kill(pid, signal.SIGKILL)
        return list(left), problem

    @staticmethod
    def _with_strays(run: Run, cleared: tuple[list[str], str]) -> Run:
        left, problem = cleared
        return replace(run, strays=left, error=run.error or problem)


async def _until_closed() -> None:
    """Return when standard input is closed."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    await reader.read()


async def _main(root: Path, kept_by: str, *, room: bool) -> None:
    place = Place(root)
    playing = asyncio.create_task(Case(load(place.scenario), place, kept_by).play(room=room))
    closed = asyncio.create_task(_until_closed())
    await asyncio.wait({playing, closed}, return_when=asyncio.FIRST_COMPLETED)
    if not playing.done():
        playing.cancel()
    observation.write(place.seen, await playing)
    closed.cancel()


def main() -> None:
    """Run the case whose folder is named on the command line."""
    room = isolation.settle_in()
    for signum in (signal.SIGINT, signal.SIGTERM):
        # The end of standard input is what ends a case. (A handler, since SIG_IGN would be inherited by the services.)
        signal.signal(signum, lambda *_: None)
    asyncio.run(_main(Path(sys.argv[1]), sys.argv[2] if len(sys.argv) > 2 else AGENT, room=room))


if __name__ == "__main__":
    main()
