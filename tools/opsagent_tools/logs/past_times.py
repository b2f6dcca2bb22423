"""When the lines of an old log were written: its zone is inferred once, from the newest file that tells, and told."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, tzinfo

from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.opening import open_log
from opsagent_tools.logs.past import PastFile, Reading, read
from opsagent_tools.logs.reading import EventReader, LineReader
from opsagent_tools.logs.stamps import StampKind, zone_offset
from opsagent_tools.logs.when import Moments
from opsagent_tools.logs.zones import Zone, infer

_LOOK = 64 * 1024
_LINES = 200
"""So many lines are looked at for a time."""
_LARGE = 8 * 1024 * 1024
"""A smaller file is read from its beginning."""
_CLOSE = 1024 * 1024
_PACKED = (".gz", ".bz2", ".xz")


class PastMoments(Moments):
    """Times of one old file: nothing is learnt from when lines are read; what states no zone is of `zone`."""

    def __init__(self, zone: Zone, written_at: float) -> None:
        """`written_at`: when the file was written last; it completes what has no year."""
        super().__init__(lambda: written_at)
        self.offset_s = 0
        self.zone = zone
        self.zoneless = False
        """Whether a time stated no zone."""
        self._before: float | None = None

    def _settle(self, kind: StampKind, text: str, zone: str | None) -> float | None:
        at = super()._settle(kind, text, zone)
        if at is None or (zone and not kind.year_behind and zone_offset(zone) is not None) or _is_epoch(text):
            return at
        self.zoneless = True
        self._before = self.zone.epoch(at, self._before)
        return self._before

    def _compare(self, ahead: float) -> None:
        """Learn nothing."""


def _is_epoch(text: str) -> bool:
    return len(text) == 10 and text.isdigit()


@dataclass(slots=True)
class PastTimes:
    """How the times of one log are read."""

    zone: Zone
    written_at: float
    moments: list[PastMoments] = field(default_factory=list, repr=False)

    @property
    def zoneless(self) -> bool:
        """Tell whether any time stated no zone so far."""
        return any(one.zoneless for one in self.moments)

    def reader(self, file: PastFile) -> EventReader:
        """Return a reader for one file."""
        reader = EventReader(lambda: file.mtime)
        moments = PastMoments(self.zone, file.mtime)
        reader.lines.moments = moments
        self.moments = [*self.moments[-1:], moments] if not self.zoneless else self.moments
        return reader


def look(files: Sequence[PastFile], uid: int | None, local: tzinfo | None = None) -> PastTimes:
    """Infer the zone of a log from its files (oldest first). Where none tells, it is this machine's."""
    for file in reversed(files):
        if file.path.name.endswith(_PACKED) or not file.size:
            continue
        zone = infer(_last_wall(_tail(file, uid), file.mtime), file.mtime, local)
        if zone.said_by == "file":
            return PastTimes(zone, file.mtime)
    return PastTimes(infer(None, 0.0, local), files[-1].mtime if files else 0.0)


def first_time(file: PastFile, uid: int | None, zone: Zone) -> float | None:
    """Return the first time that a file states, within its first lines; None: it states none."""
    reader = LineReader(lambda: file.mtime)
    reader.moments = PastMoments(zone, file.mtime)
    for lines in read(file, uid, Reading()):
        times = (reader.read(line).at for line in lines[:_LINES])
        return next((at for at in times if at is not None), None)
    return None


def begins_at(file: PastFile, uid: int | None, zone: Zone, since: float) -> int:
    """Return a byte of a large file before which all lines are older than `since`; 0 where that cannot be told.

    By halving: it is right for a log whose times rise, and reads a little too much otherwise.
    """
    if file.size < _LARGE or file.path.name.endswith(_PACKED):
        return 0
    low, high = 0, file.size
    while high - low > _CLOSE:
        middle = (low + high) // 2
        at = _time_behind(file, uid, zone, middle)
        if at is None:
            return low
        if at < since:
            low = middle
        else:
            high = middle
    return low


def _time_behind(file: PastFile, uid: int | None, zone: Zone, start: int) -> float | None:
    """Return the first time that is stated behind a byte of a file."""
    reader = LineReader(lambda: file.mtime)
    reader.moments = PastMoments(zone, file.mtime)
    for lines in read(file, uid, Reading(), start=start):
        times = (reader.read(line).at for line in lines[1 : _LINES + 1])  # the first line is cut
        return next((at for at in times if at is not None), None)
    return None


def in_order(files: Sequence[PastFile], uid: int | None, zone: Zone) -> list[PastFile]:
    """Put the files of a log in the order of the first times in them, where all of them state one; else as they are."""
    if len(files) < 2:
        return list(files)
    first = [first_time(file, uid, zone) for file in files]
    if any(at is None for at in first):
        return list(files)
    order = sorted(range(len(files)), key=lambda number: (first[number] or 0.0, number))
    return [files[number] for number in order]


def _tail(file: PastFile, uid: int | None) -> list[bytes]:
    try:
        descriptor = open_log(file.path, uid)
    except (OSError, UnsafeFile):
        return []
    try:
        size = os.fstat(descriptor).st_size
        raw = os.pread(descriptor, _LOOK, max(0, size - _LOOK))
    except OSError:
        return []
    finally:
        os.close(descriptor)
    return raw.split(b"\n")[-_LINES:]


def _last_wall(lines: Sequence[bytes], written_at: float) -> float | None:
    """Return the last time without a zone, taken for UTC."""
    zone = Zone(UTC, "machine")
    for line in reversed(lines):
        reader = LineReader(lambda: written_at)
        reader.moments = moments = PastMoments(zone, written_at)
        at = reader.read(line).at if line else None
        if at is not None:
            return at if moments.zoneless else None
    return None
