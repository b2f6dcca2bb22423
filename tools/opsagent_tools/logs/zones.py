"""Which moment a time without an offset means: inferred for each source, and told.

What is known of a source is when it was last written (the file's time) and what its last line says. The difference is the
offset, if it is one that clocks have. Where the machine's own zone has that offset then, its rules hold for the whole
source, over the change to and from daylight saving time.
"""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from pathlib import Path
from typing import Literal
from zoneinfo import ZoneInfo

_QUARTER = 900
_LARGEST = 14 * 3600
_LATE_S = 240.0
"""A last line and the last write of its file lie closer together than this, if the offset is one to be expected …"""
_LATE_ODD_S = 2.0
"""… or this, if it is another one: a copied file has a time of its own, and must not make up a zone."""
_SPAN = 1800
"""Offsets change at half hours of the wall clock at most."""

From = Literal["file", "machine"]


@dataclass(slots=True)
class Zone:
    """Turns wall-clock seconds (a time as it is written, taken for UTC) into seconds since the epoch."""

    rules: tzinfo
    said_by: From
    """`file`: inferred from when the file was written; `machine`: taken for this machine's own, nothing tells."""
    _known: dict[int, tuple[float, float]] = field(default_factory=dict, repr=False)

    def epoch(self, wall: float, after: float | None = None) -> float:
        """Return the moment. Of an hour that comes twice, the earlier one that is not before `after` (an hour's grace)."""
        span = int(wall // _SPAN)
        offsets = self._known.get(span)
        if offsets is None:
            if len(self._known) > 100_000:
                self._known.clear()
            offsets = self._known[span] = self._offsets(span * _SPAN)
        first, second = offsets
        if first == second or after is None or wall - first >= after - 5.0:
            return wall - first
        return wall - second

    def _offsets(self, wall: int) -> tuple[float, float]:
        """Return the offset of the first time round, and of the second."""
        naive = datetime(1970, 1, 1) + timedelta(seconds=wall)  # noqa: DTZ001  # it is given its zone below
        return tuple(_seconds(naive.replace(tzinfo=self.rules, fold=fold).utcoffset()) for fold in (0, 1))  # type: ignore[return-value]

    def describe(self, at: float) -> str:
        """Return the offset at that moment as it is written, `+09:00`."""
        return written(_seconds(datetime.fromtimestamp(at, self.rules).utcoffset()))


def infer(wall: float | None, written_at: float, local: tzinfo | None = None) -> Zone:
    """Return the zone of a source whose last line says `wall`, in a file that was written last at `written_at`.

    `local`: this machine's zone.
    """
    local = local or machine_zone()
    if wall is None:
        return Zone(local, "machine")
    offset = round((wall - written_at) / _QUARTER) * _QUARTER
    late = written_at + offset - wall
    here = _seconds(datetime.fromtimestamp(written_at, local).utcoffset())
    if abs(offset) > _LARGEST or not -1.0 <= late <= (_LATE_S if offset in {0, here} else _LATE_ODD_S):
        return Zone(local, "machine")
    if offset == here:
        return Zone(local, "file")
    return Zone(UTC if offset == 0 else timezone(timedelta(seconds=offset)), "file")


def machine_zone() -> tzinfo:
    """Return this machine's zone with its rules; the offset of now where they cannot be had."""
    named = os.environ.get("TZ", "").removeprefix(":")
    try:
        if named and not named.startswith("/"):
            return ZoneInfo(named)
        with (Path(named) if named else Path("/etc/localtime")).open("rb") as file:
            return ZoneInfo.from_file(file, key="localtime")
    except (OSError, ValueError, KeyError):  # POSIX rules, say, or a zone that is not installed
        return datetime.now().astimezone().tzinfo or UTC


def written(seconds: float) -> str:
    """Return an offset as it is written, `+09:00`."""
    sign, minutes = "-" if seconds < 0 else "+", round(abs(seconds) / 60)
    return f"{sign}{minutes // 60:02}:{minutes % 60:02}"


def _seconds(offset: timedelta | None) -> float:
    return offset.total_seconds() if offset is not None else 0.0
