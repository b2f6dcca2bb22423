"""The own log of a supervisor, read whole with what was rotated away of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from opsagent.replay.lines import Totals, Window
from opsagent.replay.words import SourceRead, Unread
from opsagent_tools.logs.past import PastFile, Reading, family, read
from opsagent_tools.logs.zones import Zone, infer
from opsagent_tools.supervisors.past import PastEvent, PastKind, in_order

_EVENTS_MOST = 2_000_000
Clock = Callable[[float, float | None], float]


class DaemonLog:
    """Read once, when it is made: it is small beside the logs of what it runs."""

    def __init__(self, path: Path, uid: int | None) -> None:
        """`uid`: whose its files must be, where that is another user."""
        self.read = SourceRead(name=os.fspath(path), what="supervisor", unit=None)
        self.events: list[PastEvent] = []
        self._path, self._uid = path, uid

    def load(
        self,
        window: Window,
        totals: Totals,
        *,
        tell: Callable[[Iterable[str], Clock], Iterator[PastEvent]],
        wall_of: Callable[[str], float | None],
    ) -> None:
        """Take in what it says of the window. `wall_of`: the time of a line, taken for UTC."""
        files = family(self._path, since=window.since)
        zone = self._zone(files, wall_of)
        for event in in_order(tell(self._text(files, totals), zone.epoch)):
            if window.since <= event.at < window.until:
                self.events.append(event)
            if len(self.events) > _EVENTS_MOST:
                totals.unread.append(Unread(self.read.name, "has too many events: the later ones are left out"))
                break
        if self.events:
            self.read.first, self.read.last, self.read.times = self.events[0].at, self.events[-1].at, "own"
            self.read.offset, self.read.offset_from = zone.describe(self.events[-1].at), zone.said_by
        self.read.errors = sum(event.kind is PastKind.DIED for event in self.events)

    def _text(self, files: Sequence[PastFile], totals: Totals) -> Iterator[str]:
        for file in files:
            reading = Reading()
            for lines in read(file, self._uid, reading):
                for line in lines:
                    yield line.decode("utf-8", "replace")
            self.read.files += 1
            self.read.lines += reading.lines
            self.read.bytes += reading.bytes
            totals.progress(0, reading.lines)
            if reading.problem:
                totals.unread.append(Unread(os.fspath(file.path), reading.problem))

    def _zone(self, files: Sequence[PastFile], wall_of: Callable[[str], float | None]) -> Zone:
        """Infer the offset of its stamps from the end of its newest file."""
        for file in reversed(files):
            last = None
            for lines in read(file, self._uid, Reading()):
                walls = (wall_of(line[:80].decode("utf-8", "replace")) for line in reversed(lines))
                last = next((wall for wall in walls if wall is not None), last)
            if last is not None:
                return infer(last, file.mtime)
        return infer(None, 0.0)
