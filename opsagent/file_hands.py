"""What is done to files for a service that they keep from serving: owners and modes put back, logs of a full disk carried
away, an item of a spool set aside, logs opened anew. Each looks again at what was looked at, and refuses where it changed.

Called by `opsagent.hands` only.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path, PurePath

from opsagent import kept_modes, shelves
from opsagent.check import Checker
from opsagent.own_files import OwnLog, caught_log, own_folders, own_logs
from opsagent_tools import items, modes
from opsagent_tools.actions import Action, Outcome
from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.rotate import LOSSLESS, PUNCHED, NotRotated, Rotated, cut_off
from opsagent_tools.logs.rotate_archives import pack, prune
from opsagent_tools.logs.rotate_holders import writers
from opsagent_tools.logs.rotate_place import Place
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.handling import handling
from opsagent_tools.processes.openers import who_writes
from opsagent_tools.redact import redact
from opsagent_tools.supervisors.port import NotSupported, Supervisor
from opsagent_tools.trust import send_signal
from opsagent_tools.units import ProcessKey, Unit, UnitId

_SLICE = 64 << 20
"""A log is carried away in pieces of this size, each packed before the next one is cut."""
_SLICES = 64
_CAUGHT_S = 3.0
"""So long it is waited for the service to write to a log that it opens for each line."""
QUARANTINE = "quarantine"
"""Folder of the home."""


class FileHands:
    """Hands for files. Expected failures are an Outcome."""

    def __init__(self, supervisor_of: Callable[[UnitId], Supervisor], checker: Checker, home: Path) -> None:
        self._supervisor_of = supervisor_of
        self._checker = checker
        self._home = home

    async def restore_mode(self, action: Action) -> Outcome:
        """Give files the owner and mode back that they had when the unit was last well; `back`: take that back."""
        back = bool(action.args.get("back"))
        try:
            wanted = modes.read(str(action.args["files"]), back=back)
        except ValueError as error:
            return Outcome(done=False, detail=f"it cannot be read which files are meant: {error}")
        if not back:
            kept = {
                one.was.path: modes.Rights(one.was.mode, one.was.uid, one.was.gid)
                for one in await asyncio.to_thread(kept_modes.changed, self._home, action.unit)
            }
            strangers = [one.path for one in wanted if kept.get(one.path) != one.to]
            if strangers:
                return Outcome(
                    done=False, detail=f"{strangers[0]} had other rights when {action.unit.name} was last well"
                )
        await asyncio.to_thread(modes.restore, wanted)
        more = f" and {len(wanted) - 1} more" if len(wanted) > 1 else ""
        first = wanted[0]
        said = f"{first.path}{more}: {first.to.uid}:{first.to.gid}, {first.to.mode:04o}"
        return Outcome(done=True, detail=redact(f"put back {said}" if not back else f"as it was: {said}"))

    async def carry_away(self, action: Action) -> Outcome:
        """Move the lines of a log that fills its disk to the shelf in the home, packed, and cut the log in place."""
        unit, log = await self._own_log(action)
        shelf = shelves.shelf_of(self._home, unit.id, log.path)
        if str(action.args["shelf"]) != shelves.named(self._home, shelf):
            return Outcome(done=False, detail=f"{action.args['shelf']} is no shelf of {log.path}")
        daemon = await self._supervisor_of(unit.id).daemon()
        owners = frozenset({unit.uid, daemon.uid, *_became(self._home, unit)})
        pids = {*_family(unit), daemon.pid or 0}
        keep, total = int(action.args.get("keep", 10)), int(action.args.get("total", 1 << 30))
        try:
            moved, slices, left = await asyncio.to_thread(self._carried, log, shelf, owners, pids)
        except NotRotated as error:
            return Outcome(done=False, detail=redact(str(error)))
        with shelves.opened(shelf) as place:
            gone = prune(place, keep=max(keep, slices), total=total)
        said = f"moved {moved / 1e6:.1f} MB of {log.path} to {shelf.parent}, packed"
        said += f"; {left / 1e6:.1f} MB stay, for want of room" if left else ""
        said += f", {len(gone)} of the oldest archives let go" if gone else ""
        return Outcome(done=True, detail=redact(said))

    def _carried(self, log: OwnLog, shelf: Path, owners: frozenset[int], pids: set[int]) -> tuple[int, int, int]:
        """Carry a log away piece by piece. Raises NotRotated where not even the first piece could be."""
        moved, slices, left = 0, 0, 0
        with Place.open(log.path, owners, shared=True) as place, shelves.opened(shelf) as kept:
            while slices < _SLICES:
                room = shelves.room_for(self._home, log.device)
                try:
                    done = self._one(place, kept, log, pids, min(room, _SLICE))
                except (NotRotated, OSError):
                    if not slices:
                        raise
                    break
                moved, slices, left = moved + done.moved, slices + 1, done.left
                pack(kept, now=datetime.now(UTC).timestamp() + 3600.0)
                if done.left < os.fstatvfs(place.folder).f_bsize:
                    break
        return moved, slices, left

    def _one(self, place: Place, kept: Place, log: OwnLog, pids: set[int], most: int) -> Rotated:
        with place.file(place.name) as file:
            appends = all(one.appends for one in writers(os.fstat(file)))
        return cut_off(
            place,
            pids,
            datetime.now(UTC),
            methods=LOSSLESS if appends else PUNCHED,
            shelf=kept,
            most=most,
            declared=log.declared or not log.held,
        )

    async def _own_log(self, action: Action) -> tuple[Unit, OwnLog]:
        """Return the log that an action means, as it is now. NotSupported: it is none of the unit's own."""
        unit, path = await self._checker.unit(action.unit), Path(str(action.args["path"]))
        spec = self._checker.spec(action.unit)
        found = await asyncio.to_thread(
            lambda: own_logs(
                unit,
                spec,
                pids=_family(unit),
                folders=own_folders(spec, self._home),
                remembered=kept_modes.logs_of(self._home, unit.id),
            )
        )
        log = next((one for one in found if one.path == path), None)
        if log is None:
            log = await asyncio.to_thread(caught_log, path, own_folders(spec, self._home))
            pids = await asyncio.to_thread(who_writes, path, _CAUGHT_S) if log is not None else frozenset()
            log = log if pids and pids <= _family(unit) else None
        if log is None:
            raise NotSupported(f"{path} is no log of {unit.name}")
        return unit, log

    async def reopen(self, action: Action) -> Outcome:
        """Send the signal that has a process open its logs anew, if it catches it."""
        return await self._signalled(action, "opens its logs anew")

    async def set_log_level(self, action: Action) -> Outcome:
        """Send the signal that a person named as the wish to log less, if the process catches it."""
        spec = self._checker.spec(action.unit)
        named = spec.log_level_signal if spec is not None else ""
        if named != f"SIG{action.args['signal']}":
            return Outcome(done=False, detail=f"SIG{action.args['signal']} is not what {action.unit.name} is told by")
        return await self._signalled(action, "was told to log less")

    async def _signalled(self, action: Action, what: str) -> Outcome:
        unit = await self._checker.unit(action.unit)
        name, pid = str(action.args["signal"]), int(action.args["pid"])
        number = getattr(signal, f"SIG{name}", None)
        if pid not in _family(unit) or number is None:
            return Outcome(done=False, detail=f"process {pid} is none of {unit.name}'s")
        caught = handling(pid)
        if caught is None or int(number) not in caught.caught:
            return Outcome(done=False, detail=f"process {pid} does not catch SIG{name}: it would end of it")
        key = ProcessKey(pid, float(action.args["started"]))
        await asyncio.to_thread(send_signal, key, int(number))
        return Outcome(done=True, detail=f"sent SIG{name} to process {pid}: {unit.name} {what}")

    async def set_item_aside(self, action: Action) -> Outcome:
        """Move one item of a spool into the private quarantine of the home; `back`: put it where it was."""
        back = bool(action.args.get("back"))
        names = [str(action.args["path"]), str(action.args["to"])]
        kept = PurePath(names[0] if back else names[1])
        if len(kept.parts) != 3 or kept.parts[0] != QUARANTINE or ".." in kept.parts:
            return Outcome(done=False, detail=f"{kept} is not in the quarantine")
        path, to = (self._home / name if PurePath(name) == kept else Path(name) for name in names)
        sha256, uid = str(action.args["sha256"]), int(action.args["uid"])
        try:
            if back:
                await asyncio.to_thread(items.bring_back, path, to, sha256=sha256)
                return Outcome(done=True, detail=redact(f"moved {path.name} back to {to}"))
            unit = await self._checker.unit(action.unit)
            if uid not in {unit.uid, os.geteuid()}:
                return Outcome(done=False, detail=f"{path} belongs to uid {uid}")
            await asyncio.to_thread(items.take_away, path, to, sha256=sha256, uid=uid)
        except UnsafeFile as error:
            return Outcome(done=False, detail=redact(str(error)))
        undo: dict[str, str | int | float | bool] = {
            "path": str(kept),
            "to": str(path),
            "sha256": sha256,
            "uid": uid,
            "item": True,
            "back": True,
        }
        return Outcome(done=True, detail=redact(f"moved {path} to {to}"), undo_args=undo)


def _family(unit: Unit) -> frozenset[int]:
    return frozenset(with_descendants([process.pid for process in unit.processes], parents()))


def _became(home: Path, unit: Unit) -> frozenset[int]:
    """Return as whom root's own service ran when it was well: many give up their rights once they are started."""
    return frozenset(one.uid for one in kept_modes.who_ran(home, unit.id)) if unit.uid == 0 else frozenset()
