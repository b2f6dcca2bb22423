"""Asks the world the questions that steps and verdicts are made of. Reads only.

The world decides, not the journal: every answer comes fresh from the supervisor, the kernel or the health probe.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import psutil

from opsagent.model import Check, CheckKind
from opsagent.naming import is_daemon
from opsagent.world import World
from opsagent_tools.files import UnsafeFile
from opsagent_tools.probes.health import ask
from opsagent_tools.processes.proc import is_alive
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import (
    Redefines,
    Supervisor,
    SupervisorError,
    SupervisorUnreachable,
    UnknownUnit,
)
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup, UnitState

_LOG = logging.getLogger(__name__)
_POLL_S = 0.1
_NEED_A_RUNNING_UNIT = (CheckKind.RUNNING, CheckKind.HEALTHY, CheckKind.REPLACED)


class Checker:
    """Answers checks; True, False, or None where it cannot tell."""

    def __init__(
        self, supervisors: Mapping[str, Supervisor], world: World, *, last_good_dir: Path | None = None
    ) -> None:
        self._supervisors = supervisors
        self._world = world
        self._last_good_dir = last_good_dir
        self._answers: Mapping[CheckKind, Callable[[Check], Awaitable[bool | None]]] = {
            CheckKind.ALWAYS: self._always,
            CheckKind.RUNNING: self._running,
            CheckKind.DOWN: self._down,
            CheckKind.HEALTHY: self._healthy,
            CheckKind.REPLACED: self._replaced,
            CheckKind.RESUMED: self._resumed,
            CheckKind.PATH_GONE: self._path_gone,
            CheckKind.FILE_IS: self._file_is,
            CheckKind.MODES_ARE: self._modes_are,
            CheckKind.LET_GO: self._let_go,
            CheckKind.DEFINITION_IS: self._definition_is,
            CheckKind.RELEASE_IS: self._release_is,
            CheckKind.LOG_ROTATED: self._log_rotated,
            CheckKind.PROCESS_GONE: self._process_gone,
            CheckKind.NICED: self._niced,
            CheckKind.COMMAND_RAN: self._command_ran,
            CheckKind.PROCEDURE_RAN: self._procedure_ran,
            CheckKind.SUPERVISOR_UP: self._supervisor_up,
        }

    async def holds(self, check: Check) -> bool | None:
        """Answer one check now."""
        answer = self._answers.get(check.kind)
        if answer is None:
            return None
        try:
            return await answer(check)
        except UnknownUnit:
            return False
        except (SupervisorError, OSError) as error:
            _LOG.debug("cannot tell %s of %s: %s", check.kind, check.unit, error)
            return None

    async def wait(self, check: Check, timeout_s: float) -> bool | None:
        """Ask until it holds, at most for `timeout_s` and not once it cannot come true; return the last answer."""
        deadline = asyncio.get_running_loop().time() + timeout_s
        while True:
            answer = await self.holds(check)
            if answer or asyncio.get_running_loop().time() >= deadline or await self._is_hopeless(check):
                return answer
            await asyncio.sleep(_POLL_S)

    async def _is_hopeless(self, check: Check) -> bool:
        """A unit that has ended, and that its supervisor will not start again, does not come up by waiting."""
        if check.kind not in _NEED_A_RUNNING_UNIT:
            return False
        try:
            return (await self.unit(check.unit)).state is UnitState.EXITED
        except SupervisorError:
            return False

    async def unit(self, unit: UnitId) -> Unit:
        """Return the unit as its supervisor sees it now. Raises SupervisorError."""
        supervisor = self._supervisors.get(unit.supervisor)
        if supervisor is None:
            raise SupervisorUnreachable(f"no supervisor of kind {unit.supervisor} is watched")
        return await supervisor.describe(unit)

    async def setup(self, unit: UnitId) -> UnitSetup | None:
        """Return how its supervisor was told to run the unit; None where it does not say."""
        supervisor = self._supervisors.get(unit.supervisor)
        try:
            return await supervisor.setup(unit) if supervisor is not None else None
        except SupervisorError:
            return None

    def spec(self, unit: UnitId) -> ServiceSpec | None:
        """Return how a person described the unit, if anyone did."""
        return self._world.spec(unit)

    async def _always(self, check: Check) -> bool:
        return True

    async def _running(self, check: Check) -> bool:
        unit = await self.unit(check.unit)
        if "instances" in check.args:
            wanted = int(check.args["instances"])
            return _runs(unit, wanted) and sum(process.wanted for process in unit.processes) == wanted
        return _runs(unit, unit.instances)

    async def _down(self, check: Check) -> bool:
        return not (await self.unit(check.unit)).processes

    async def _healthy(self, check: Check) -> bool:
        if is_daemon(check.unit):
            return await self._supervisor_up(check)
        unit = await self.unit(check.unit)
        if not _runs(unit, unit.instances) or any(is_stopped_by_signal(process.pid) for process in unit.processes):
            return False
        spec = self._world.spec(check.unit)
        if spec is None or spec.health is None:
            return True
        return (await ask(spec.health)).ok

    async def _replaced(self, check: Check) -> bool:
        before = {int(pid) for pid in str(check.args.get("pids", "")).split(",") if pid}
        now = {process.pid for process in (await self.unit(check.unit)).processes}
        return not (before & now) and await self._healthy(check)

    async def _resumed(self, check: Check) -> bool:
        unit = await self.unit(check.unit)
        return bool(unit.processes) and not any(is_stopped_by_signal(process.pid) for process in unit.processes)

    async def _path_gone(self, check: Check) -> bool:
        return not Path(str(check.args["path"])).exists()

    async def _file_is(self, check: Check) -> bool:
        path = Path(str(check.args["path"]))
        if not check.args["sha256"]:
            return not path.exists()
        content = await asyncio.to_thread(path.read_bytes)
        return hashlib.sha256(content).hexdigest() == check.args["sha256"]

    async def _modes_are(self, check: Check) -> bool | None:
        from opsagent_tools import modes  # few checks need it

        try:
            return await asyncio.to_thread(modes.stands, modes.read(str(check.args["files"])))
        except ValueError:
            return None

    async def _let_go(self, check: Check) -> bool:
        from opsagent.own_files import open_files  # few checks need it
        from opsagent_tools.processes.family import parents, with_descendants

        pids = [process.pid for process in (await self.unit(check.unit)).processes]
        below = await asyncio.to_thread(lambda: with_descendants(pids, parents()))
        found = await asyncio.to_thread(lambda: [file for pid in below for file in open_files(pid) if file.deleted])
        return not any(file.path == check.args["path"] for file in found)

    async def _definition_is(self, check: Check) -> bool | None:
        supervisor: object = self._supervisors.get(check.unit.supervisor)
        if not isinstance(supervisor, Redefines):
            return None
        return hashlib.sha256(await supervisor.definition(check.unit)).hexdigest() == check.args["sha256"]

    async def _release_is(self, check: Check) -> bool | None:
        if self._last_good_dir is None:
            return None
        from opsagent.releases.hands import stands  # few checks need it

        uid = (await self.unit(check.unit)).uid
        try:
            return await asyncio.to_thread(stands, str(check.args["release"]), self._last_good_dir, check.unit, uid)
        except UnsafeFile:
            return None

    async def _log_rotated(self, check: Check) -> bool:
        from opsagent_tools.logs.rotate_archives import newest  # few checks need it

        return await asyncio.to_thread(newest, Path(str(check.args["path"]))) > str(check.args["after"])

    async def _process_gone(self, check: Check) -> bool:
        return not is_alive(ProcessKey(int(check.args["pid"]), float(check.args["started"])))

    async def _niced(self, check: Check) -> bool:
        from opsagent_tools.processes import priority  # few checks need it

        keys = [one.process for one in priority.parse(str(check.args["were"]))]
        found = await asyncio.to_thread(priority.read, [key for key in keys if is_alive(key)])
        return found is not None and all(one.nice >= int(check.args["nice"]) for one in found)

    async def _command_ran(self, check: Check) -> bool | None:
        if self._last_good_dir is None:
            return None
        from opsagent.command_receipts import folder_in, read_receipt  # few checks need it

        return await asyncio.to_thread(read_receipt, folder_in(self._last_good_dir.parent), str(check.args["run"]))

    async def _procedure_ran(self, check: Check) -> bool | None:
        if self._last_good_dir is None:
            return None
        from opsagent.screens.afterwards import came_about  # few checks need it

        return await came_about(self._last_good_dir.parent, str(check.args["run"]))

    async def _supervisor_up(self, check: Check) -> bool:
        supervisor = self._supervisors.get(check.unit.supervisor)
        if supervisor is None:
            return False
        try:
            await supervisor.list()
        except SupervisorUnreachable:
            return False
        return not (await supervisor.daemon()).trouble


def _runs(unit: Unit, instances: int) -> bool:
    return unit.state is UnitState.RUNNING and sum(process.wanted for process in unit.processes) >= instances


def is_stopped_by_signal(pid: int) -> bool:
    """Tell whether the kernel has the process in state T (SIGSTOP and its kin; not a debugger's stop)."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_STOPPED)
    except psutil.Error:
        return False
