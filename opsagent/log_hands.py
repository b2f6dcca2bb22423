"""The actions on logs: rotate, empty, have opened anew. Each looks again at whose log it is, just before it touches it."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from opsagent.check import Checker
from opsagent.rotators import rotated_by
from opsagent_tools.actions import Action, Outcome
from opsagent_tools.logs.rotate import (
    LOSSLESS,
    NothingToRotate,
    NotRotated,
    Rotated,
    cut_off,
    demand_held,
)
from opsagent_tools.logs.rotate_archives import pack, prune
from opsagent_tools.logs.rotate_place import Place
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.redact import redact
from opsagent_tools.supervisors.port import NotSupported, Supervisor
from opsagent_tools.units import Unit, UnitId

LEFT_ALONE = "left alone, as it should be: "
"""How the reason begins where there was nothing to do: no failure for who asked."""


class LogHands:
    """What `Hands` can do to logs."""

    def __init__(self, supervisor_of: Callable[[UnitId], Supervisor], checker: Checker) -> None:
        self._supervisor_of = supervisor_of
        self._checker = checker

    async def rotate(self, action: Action) -> Outcome:
        """Move a log's lines into an archive beside it, then pack and let go what is too much of the old ones."""
        supervisor, log = self._supervisor_of(action.unit), await self._log(action)
        rotator = await rotated_by(supervisor, log.unit, log.path)
        if rotator:
            return _refused(
                f"{LEFT_ALONE}{rotator} rotates {log.path} already: a second one would move what it just made"
            )
        try:
            done = await asyncio.to_thread(_cut, log, bool(action.args.get("gap")))
        except NothingToRotate as error:
            return _refused(f"{LEFT_ALONE}{error}")
        except NotRotated as error:
            return _refused(str(error))
        said = f"moved {_mb(done.moved)} of {log.path.name} to {done.archive} ({done.method})"
        if done.left:
            said += f"; {_mb(done.left)} stay, for want of room"
        if done.gap_s:
            said += f"; a line that came within {done.gap_s * 1e6:.0f} µs may be lost"
        return Outcome(done=True, detail=said + await asyncio.to_thread(_tidy, log, action))

    async def truncate(self, action: Action) -> Outcome:
        """Empty a log: what it holds is lost."""
        log = await self._log(action)
        try:
            size = await asyncio.to_thread(_emptied, log)
        except NotRotated as error:
            return _refused(str(error))
        return Outcome(done=True, detail=f"emptied {log.path.name}: {_mb(size)} are gone")

    async def reopen(self, action: Action) -> Outcome:
        """Have the supervisor open its log files anew."""
        reopen: Callable[[], Awaitable[Any]] | None = getattr(self._supervisor_of(action.unit), "reload_logs", None)
        if reopen is None:
            raise NotSupported(f"{action.unit.supervisor} cannot be told to open its logs anew")
        await reopen()
        return Outcome(done=True, detail=f"{action.unit.supervisor} opened its logs anew")

    async def _log(self, action: Action) -> _Log:
        """Return the log that an action means. NotSupported: it is none of the unit's."""
        unit, path = await self._checker.unit(action.unit), Path(str(action.args["path"]))
        spec = self._checker.spec(action.unit)
        if path not in (*unit.logs, *(spec.logs if spec is not None else ())):
            raise NotSupported(f"{path} is no log of {unit.name}")
        daemon = await self._supervisor_of(action.unit).daemon()
        tree = await asyncio.to_thread(parents)
        pids = {*with_descendants([process.pid for process in unit.processes], tree), daemon.pid or 0}
        return _Log(path, unit, frozenset({unit.uid, daemon.uid}), frozenset(pids))


class _Log:
    """One log, whose it may be, and who may write to it."""

    def __init__(self, path: Path, unit: Unit, owners: frozenset[int], pids: frozenset[int]) -> None:
        self.path = path
        self.unit = unit
        self.owners = owners
        self.pids = pids


def _cut(log: _Log, gap: bool) -> Rotated:
    with Place.open(log.path, log.owners) as place:
        return cut_off(place, log.pids, datetime.now(UTC), methods=LOSSLESS, gap=gap)


def _emptied(log: _Log) -> int:
    with Place.open(log.path, log.owners) as place, place.file(place.name, os.O_RDWR) as file:
        demand_held(place, file, log.pids)
        size = os.fstat(file).st_size
        os.ftruncate(file, 0)
    return size


def _tidy(log: _Log, action: Action) -> str:
    """Pack and prune the archives; what does not work out is said, and lost is nothing."""
    keep, total = int(action.args.get("keep", 10)), int(action.args.get("total", 1 << 30))
    return tidy(log.path, log.owners, keep=keep, total=total, compress=bool(action.args.get("compress", True)))


def tidy(path: Path, owners: frozenset[int], *, keep: int, total: int, compress: bool) -> str:
    """Pack a log's archives, and let the oldest go; return what was done, as the end of a sentence."""
    said = ""
    with Place.open(path, owners) as place:
        try:
            packed = pack(place) if compress else []
            said += f", {len(packed)} packed" if packed else ""
        except OSError as error:
            said += f"; not packed: {error.strerror or error}"
        gone = prune(place, keep=keep, total=total)
        said += f", {len(gone)} of the oldest let go" if gone else ""
    return said


def _refused(why: str) -> Outcome:
    return Outcome(done=False, detail=redact(why))


def _mb(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
