"""Does one action, and says what came of it. Called by act only, after the guard and the journal.

Act is reached by typed actions only, so that this module can move behind a smaller, privileged process.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from opsagent.check import Checker
from opsagent.command_hands import CommandHands
from opsagent.file_hands import FileHands
from opsagent.log_hands import LogHands
from opsagent.naming import is_daemon
from opsagent.process_hands import ProcessHands
from opsagent.releases.hands import redefine, roll_back, roll_back_config
from opsagent.reloading import Reloading
from opsagent.restarting import Restarting
from opsagent.runbooks.own import OwnRunbooks
from opsagent_tools.actions import Action, ActionName, Outcome
from opsagent_tools.files import UnsafeFile, move_aside
from opsagent_tools.processes.ending import end_process
from opsagent_tools.supervisors.port import Busy, NotSupported, Supervisor, SupervisorError
from opsagent_tools.units import ProcessKey, UnitId, UnitState

if TYPE_CHECKING:
    from opsagent.screens.hand import ScreenHands

_ORPHAN_GRACE_S = 5.0


Say = Callable[[str, str], None]


def _nobody_hears(text: str, approval: str) -> None:
    """Whoever follows no step is told nothing meanwhile."""


class Hands:
    """Every action that can be carried out here, by name."""

    def __init__(
        self,
        supervisors: Mapping[str, Supervisor],
        checker: Checker,
        *,
        last_good_dir: Path,
        own: OwnRunbooks | None = None,
        screens: ScreenHands | None = None,
    ) -> None:
        """`own`: people's own runbooks, whose commands can be run; as they stand beside `last_good_dir` where not given.

        `screens`: plays procedures on screens; without it none can be played.
        """
        self._screens = screens
        self._supervisors = supervisors
        self._checker = checker
        self._last_good_dir = last_good_dir
        self._reloading = Reloading(self._supervisor_of, checker)
        self._restarting = Restarting(checker)
        logs = LogHands(self._supervisor_of, checker)
        processes = ProcessHands(checker)
        commands = CommandHands(checker, last_good_dir.parent, own)
        self._logs, self._files = logs, FileHands(self._supervisor_of, checker, last_good_dir.parent)
        self._doing: Mapping[ActionName, Callable[[Action], Awaitable[Outcome]]] = {
            ActionName.START: self._start,
            ActionName.STOP: self._stop,
            ActionName.RESTART: self._restart,
            ActionName.RELOAD: self._reload,
            ActionName.SCALE: self._scale,
            ActionName.CONTINUE: self._continue,
            ActionName.STOP_ORPHAN: self._stop_orphan,
            ActionName.QUARANTINE: self._quarantine,
            ActionName.ROTATE_LOG: self._rotate_log,
            ActionName.TRUNCATE_LOG: logs.truncate,
            ActionName.REOPEN_LOG: self._reopen_log,
            ActionName.SET_LOG_LEVEL: self._files.set_log_level,
            ActionName.RESTORE_MODE: self._files.restore_mode,
            ActionName.ROLLBACK: self._rollback,
            ActionName.ROLLBACK_CONFIG: self._rollback_config,
            ActionName.RENICE: processes.renice,
            ActionName.SIGNAL: processes.signal,
            ActionName.END_SESSION: processes.end_session,
            ActionName.FREE_PORT: processes.free_port,
            ActionName.RUN_RUNBOOK_COMMAND: commands.run,
        }

    async def do(self, action: Action, say: Say = _nobody_hears) -> Outcome:
        """Carry out `action`. Expected failures are an Outcome, not an exception.

        `say(text, approval)`: told what happens meanwhile, where an action takes longer than a moment.
        """
        if action.name is ActionName.RUN_GUI_PROCEDURE and self._screens is not None:
            return await self._screens.run(action, say)
        doing = self._doing.get(action.name)
        if doing is None:
            return Outcome(done=False, detail=f"{action.name} cannot be carried out here yet")
        try:
            return await doing(action)
        except FileNotFoundError as error:
            return Outcome(done=False, detail=f"{error.filename} is not there")
        except (Busy, NotSupported) as error:
            refused = "busy" if isinstance(error, Busy) else "not supported"
            return Outcome(done=False, detail=f"{type(error).__name__}: {error}", refused=refused)
        except (SupervisorError, UnsafeFile, OSError) as error:
            return Outcome(done=False, detail=f"{type(error).__name__}: {error}")

    def _supervisor(self, action: Action) -> Supervisor:
        return self._supervisor_of(action.unit)

    def _supervisor_of(self, unit: UnitId) -> Supervisor:
        try:
            return self._supervisors[unit.supervisor]
        except KeyError:
            raise NotSupported(f"no supervisor of kind {unit.supervisor} is watched") from None

    async def _start(self, action: Action) -> Outcome:
        if is_daemon(action.unit):
            return Outcome(done=True, detail=await self._supervisor(action).revive())
        await self._supervisor(action).start(action.unit)
        return Outcome(done=True, detail=f"started {action.unit.name}")

    async def _stop(self, action: Action) -> Outcome:
        await self._supervisor(action).stop(action.unit)
        return Outcome(done=True, detail=f"stopped {action.unit.name}")

    async def _restart(self, action: Action) -> Outcome:
        return await self._restarting.step(self._supervisor(action), action)

    async def _scale(self, action: Action) -> Outcome:
        instances = int(action.args["instances"])
        if action.args.get("gently"):
            return await self._reloading.scaled_down(self._supervisor(action), action)
        await self._supervisor(action).scale(action.unit, instances)
        return Outcome(done=True, detail=f"{action.unit.name} runs {instances}")

    async def _reload(self, action: Action) -> Outcome:
        return await self._reloading.step(action)

    async def why_not(self, action: Action, seen: str) -> str:
        """Return why an action that was carried out did not lead to its goal; `seen` says that, if nothing tells more."""
        return await self._restarting.why_not(self._supervisor(action), action, seen)

    async def left_over(self, unit: UnitId) -> int:
        """End instances that a reload of an earlier life of the agent left beside the wanted ones; return how many."""
        return await self._reloading.left_over(self._supervisor_of(unit), unit)

    async def finished(self, unit: UnitId) -> str:
        """Clean up what a plan for this unit leaves behind, however it ended; return why a new release is not fit."""
        restarted = self._restarting.finished(unit)
        return await self._reloading.finished(unit) or restarted

    async def _continue(self, action: Action) -> Outcome:
        await self._supervisor(action).signal(action.unit, signal.SIGCONT)
        return Outcome(done=True, detail=f"sent SIGCONT to {action.unit.name}")

    async def _stop_orphan(self, action: Action) -> Outcome:
        key = ProcessKey(int(action.args["pid"]), float(action.args["started"]))
        ended = await end_process(key, grace_s=_ORPHAN_GRACE_S)
        return Outcome(done=ended, detail=f"process {key.pid} {'ended' if ended else 'could not be ended'}")

    async def _rotate_log(self, action: Action) -> Outcome:
        """Beside itself, or (`shelf`) away from a disk that is full."""
        return await (self._files.carry_away(action) if action.args.get("shelf") else self._logs.rotate(action))

    async def _reopen_log(self, action: Action) -> Outcome:
        """By its supervisor, or (`signal`) by the process itself."""
        return await (self._files.reopen(action) if action.args.get("signal") else self._logs.reopen(action))

    async def _quarantine(self, action: Action) -> Outcome:
        if action.args.get("item"):
            return await self._files.set_item_aside(action)
        path, aside = Path(str(action.args["path"])), Path(str(action.args["to"]))
        uid = (await self._checker.unit(action.unit)).uid
        await asyncio.to_thread(move_aside, path, aside, sha256=str(action.args["sha256"]), uid=uid)
        return Outcome(
            done=True, detail=f"moved {path} to {aside.name}", undo_args={"path": str(aside), "to": str(path)}
        )

    async def _rollback_config(self, action: Action) -> Outcome:
        if "definition" in action.args:
            return await redefine(self._supervisor(action), action, self._last_good_dir)
        uid = (await self._checker.unit(action.unit)).uid
        return await asyncio.to_thread(roll_back_config, action, self._last_good_dir, uid)

    async def _rollback(self, action: Action) -> Outcome:
        """Put the files of a release back; `then_restart`: and have the unit run with them, where it runs."""
        unit = await self._checker.unit(action.unit)
        outcome = await asyncio.to_thread(roll_back, action, self._last_good_dir, unit.uid)
        if action.args.get("then_restart") and unit.state is not UnitState.STOPPED:
            await self._supervisor(action).restart(action.unit)
        return outcome
