"""Does one action, and says what came of it. Called by act only, after the guard and the journal.

Act is reached by typed actions only, so that this module can move behind a smaller, privileged process.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from opsagent.check import Checker
from opsagent.guard import ENGINE
from opsagent.last_good import content_path, keep
from opsagent.model import Check, CheckKind
from opsagent_tools.actions import Action, ActionName, Outcome
from opsagent_tools.files import UnsafeFile, move_aside, read_owned, replace_content, sha256_of
from opsagent_tools.processes.ending import end_process
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.supervisors.port import NotSupported, Supervisor, SupervisorError
from opsagent_tools.units import ProcessKey, Unit

_ORPHAN_GRACE_S = 5.0
_HEALTH_PATIENCE_S = 10.0


class Hands:
    """Every action that can be carried out here, by name."""

    def __init__(
        self,
        supervisors: Mapping[str, Supervisor],
        checker: Checker,
        *,
        last_good_dir: Path,
    ) -> None:
        self._supervisors = supervisors
        self._checker = checker
        self._last_good_dir = last_good_dir
        self._doing: Mapping[ActionName, Callable[[Action], Awaitable[Outcome]]] = {
            ActionName.START: self._start,
            ActionName.STOP: self._stop,
            ActionName.RESTART: self._restart,
            ActionName.RELOAD: self._reload,
            ActionName.SCALE: self._scale,
            ActionName.CONTINUE: self._continue,
            ActionName.STOP_ORPHAN: self._stop_orphan,
            ActionName.QUARANTINE: self._quarantine,
            ActionName.ROLLBACK_CONFIG: self._rollback_config,
        }

    async def do(self, action: Action) -> Outcome:
        """Carry out `action`. Expected failures are an Outcome, not an exception."""
        doing = self._doing.get(action.name)
        if doing is None:
            return Outcome(done=False, detail=f"{action.name} cannot be carried out here yet")
        try:
            return await doing(action)
        except FileNotFoundError as error:
            return Outcome(done=False, detail=f"{error.filename} is not there")
        except (SupervisorError, UnsafeFile, OSError) as error:
            return Outcome(done=False, detail=f"{type(error).__name__}: {error}")

    def _supervisor(self, action: Action) -> Supervisor:
        try:
            return self._supervisors[action.unit.supervisor]
        except KeyError:
            raise NotSupported(f"no supervisor of kind {action.unit.supervisor} is watched") from None

    async def _start(self, action: Action) -> Outcome:
        if action.unit.name == ENGINE:
            return Outcome(done=True, detail=await self._supervisor(action).revive())
        await self._supervisor(action).start(action.unit)
        return Outcome(done=True, detail=f"started {action.unit.name}")

    async def _stop(self, action: Action) -> Outcome:
        await self._supervisor(action).stop(action.unit)
        return Outcome(done=True, detail=f"stopped {action.unit.name}")

    async def _restart(self, action: Action) -> Outcome:
        await self._supervisor(action).restart(action.unit)
        return Outcome(done=True, detail=f"restarted {action.unit.name}")

    async def _scale(self, action: Action) -> Outcome:
        instances = int(action.args["instances"])
        await self._supervisor(action).scale(action.unit, instances)
        return Outcome(done=True, detail=f"{action.unit.name} runs {instances}")

    async def _reload(self, action: Action) -> Outcome:
        """Replace one instance: the new one first, and the old one ended only once the new one has proved itself."""
        supervisor = self._supervisor(action)
        unit = await supervisor.describe(action.unit)
        old = ProcessKey(int(action.args["pid"]), float(action.args["started"]))
        if not any(process.pid == old.pid for process in unit.processes):
            return Outcome(done=True, detail=f"instance {old.pid} is gone already")
        await self._drop_surplus(supervisor, unit, old)
        new = await supervisor.surge(action.unit)
        if not await self._proves_itself(action, new):
            await supervisor.retire(action.unit, new)
            return Outcome(done=False, detail=f"the new instance {new.pid} did not stay up; {old.pid} goes on serving")
        await supervisor.retire(action.unit, old)
        return Outcome(done=True, detail=f"{new.pid} took over from {old.pid}")

    async def _drop_surplus(self, supervisor: Supervisor, unit: Unit, keep_pid: ProcessKey) -> None:
        """End what an interrupted reload left beside the old instances, newest first."""
        newest_first = sorted(unit.processes, key=lambda process: process.key.started, reverse=True)
        surplus = len(unit.processes) - unit.instances
        for process in [process for process in newest_first if process.key != keep_pid][: max(surplus, 0)]:
            await supervisor.retire(unit.id, process.key)

    async def _proves_itself(self, action: Action, new: ProcessKey) -> bool:
        loop = asyncio.get_running_loop()
        ready_at = loop.time() + float(action.args.get("ready_s", 1.0))
        while loop.time() < ready_at:
            if not is_alive(new):
                return False
            await asyncio.sleep(0.05)
        healthy = await self._checker.wait(Check(kind=CheckKind.HEALTHY, unit=action.unit), _HEALTH_PATIENCE_S)
        return healthy is True and is_alive(new)

    async def _continue(self, action: Action) -> Outcome:
        await self._supervisor(action).signal(action.unit, signal.SIGCONT)
        return Outcome(done=True, detail=f"sent SIGCONT to {action.unit.name}")

    async def _stop_orphan(self, action: Action) -> Outcome:
        key = ProcessKey(int(action.args["pid"]), float(action.args["started"]))
        ended = await end_process(key, grace_s=_ORPHAN_GRACE_S)
        return Outcome(done=ended, detail=f"process {key.pid} {'ended' if ended else 'could not be ended'}")

    async def _quarantine(self, action: Action) -> Outcome:
        path, aside = Path(str(action.args["path"])), Path(str(action.args["to"]))
        uid = (await self._checker.unit(action.unit)).uid
        await asyncio.to_thread(move_aside, path, aside, sha256=str(action.args["sha256"]), uid=uid)
        return Outcome(
            done=True, detail=f"moved {path} to {aside.name}", undo_args={"path": str(aside), "to": str(path)}
        )

    async def _rollback_config(self, action: Action) -> Outcome:
        path = Path(str(action.args["path"]))
        uid = (await self._checker.unit(action.unit)).uid
        await asyncio.to_thread(self._write_content, path, action, uid)
        return Outcome(done=True, detail=f"{path.name} has its content {str(action.args['sha256'])[:12]} again")

    def _write_content(self, path: Path, action: Action, uid: int) -> None:
        good = content_path(self._last_good_dir, str(action.args["sha256"])).read_bytes()
        if sha256_of(good) != action.args["sha256"]:
            raise UnsafeFile(f"the kept content of {path} is damaged")
        keep(self._last_good_dir, read_owned(path, uid))  # so that the undo has it
        replace_content(path, good, replaces=str(action.args["replaces"]), uid=uid)
