"""The past of one PM2: its apps, also those that its daemon forgot, and what its own log says of them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from opsagent.replay.lines import Totals, Window
from opsagent.replay.words import Happened, SourceRead, Unread
from opsagent_tools.logs.past import PastFile, Reading, family, read
from opsagent_tools.logs.zones import Zone, infer
from opsagent_tools.supervisors.found import Found
from opsagent_tools.supervisors.past import PastEvent, PastKind, in_order
from opsagent_tools.supervisors.pm2 import past
from opsagent_tools.supervisors.pm2.leftover import by_app_name, default_logs, named_units, saved_units
from opsagent_tools.supervisors.pm2.units import unit_name
from opsagent_tools.units import Unit, UnitId

_EVENTS_MOST = 2_000_000


class Pm2Past:
    """Read once, when it is made: a daemon's log is small beside those of its apps."""

    def __init__(self, found: Found, listed: Sequence[Unit], window: Window, totals: Totals, uid: int | None) -> None:
        """`uid`: whose its files must be, where that is another user; `listed`: what its daemon lists, where it runs."""
        self._kind, self._home = found.kind, Path(found.address)
        self.read = SourceRead(name=os.fspath(self._home / "pm2.log"), what="supervisor", unit=None)
        self.events = self._events(window, totals, uid)
        self.units = self._units(listed, found.uid)
        self._ids = by_app_name(self.units)

    def happened(self) -> Iterator[Happened]:
        """Give what happened, in order."""
        for event in self.events:
            yield Happened(event, self._kind, self._id(event.name) if event.name else None)

    def deaths(self) -> Mapping[UnitId, list[float]]:
        """Return when each unit died of itself with an exit code: as programs do that trip over something."""
        found: dict[UnitId, list[float]] = {}
        for event in self.events:
            if event.kind is PastKind.DIED and (event.exit_code or 0) > 0:
                found.setdefault(self._id(event.name), []).append(event.at)
        return found

    def _id(self, name: str) -> UnitId:
        known = self._ids.get(name)
        return known if known is not None else UnitId.local(self._kind, unit_name(name, ""))

    def _units(self, listed: Sequence[Unit], uid: int) -> tuple[Unit, ...]:
        known = {unit.id: unit for unit in saved_units(self._home, uid, self._kind)} | {
            unit.id: unit for unit in listed
        }
        apps = set(by_app_name(known.values())) | {unit.name.rpartition("/")[2] for unit in known.values()}
        told = sorted({event.name for event in self.events if event.name} - apps)
        return (*map(self._with_old_logs, known.values()), *named_units(self._home, uid, self._kind, told))

    def _with_old_logs(self, unit: Unit) -> Unit:
        """Add the logs of instances that are gone."""
        from dataclasses import replace

        folders = dict.fromkeys([*(path.parent for path in unit.logs), self._home / "logs"])
        old = [path for folder in folders for path in default_logs(folder, unit.name.rpartition("/")[2])]
        return replace(unit, logs=tuple(dict.fromkeys([*unit.logs, *old])))

    def _events(self, window: Window, totals: Totals, uid: int | None) -> list[PastEvent]:
        files = family(Path(self.read.name), since=window.since)
        zone = _zone(files, uid)
        found: list[PastEvent] = []
        for event in in_order(past.events(self._text(files, uid, totals), zone.epoch)):
            if window.since <= event.at < window.until:
                found.append(event)
            if len(found) > _EVENTS_MOST:
                totals.unread.append(Unread(self.read.name, "has too many events: the later ones are left out"))
                break
        if found:
            self.read.first, self.read.last, self.read.times = found[0].at, found[-1].at, "own"
            self.read.offset, self.read.offset_from = zone.describe(found[-1].at), zone.said_by
        self.read.errors = sum(event.kind is PastKind.DIED for event in found)
        return found

    def _text(self, files: Sequence[PastFile], uid: int | None, totals: Totals) -> Iterator[str]:
        for file in files:
            reading = Reading()
            for lines in read(file, uid, reading):
                for line in lines:
                    yield line.decode("utf-8", "replace")
            self.read.files += 1
            self.read.lines += reading.lines
            self.read.bytes += reading.bytes
            totals.progress(file.size, reading.lines)
            if reading.problem:
                totals.unread.append(Unread(os.fspath(file.path), reading.problem))


def _zone(files: Sequence[PastFile], uid: int | None) -> Zone:
    """Infer the offset of the daemon's own stamps from the end of its newest file."""
    for file in reversed(files):
        last = None
        for lines in read(file, uid, Reading()):
            for line in lines:
                wall = past.wall_of(line[:64].decode("utf-8", "replace"))
                last = wall if wall is not None else last
        if last is not None:
            return infer(last, file.mtime)
    return infer(None, 0.0)
