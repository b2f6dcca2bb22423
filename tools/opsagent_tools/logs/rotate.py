"""Rotates a log that others go on writing to, and loses no line of it.

The whole lines are copied into an archive, and then cut off the front of the log in one step of the kernel, so that what
is appended meanwhile stays: on ext4, XFS and F2FS the range is collapsed; elsewhere (btrfs, tmpfs) a hole is punched, and
the log keeps its apparent size. Where neither can be done, the file is emptied between two lines that come some
microseconds apart: only with `gap`, and it is said. Renaming the log and having it opened anew is no better way: PM2
throws away what it has not written yet when it is told to (`reloadLogs`).

It is safe to be killed at any point: an archive is named as begun until the log is cut, and `recover` tells from the
contents which of the two holds (nothing lost, nothing twice).
"""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from opsagent_tools.logs.cuts import blank, data_begins, whole_blocks
from opsagent_tools.logs.rotate_archives import PART, new_name, parts, write_all
from opsagent_tools.logs.rotate_holders import Writer, writers
from opsagent_tools.logs.rotate_kernel import Unable, collapse, punch
from opsagent_tools.logs.rotate_place import Place

Method = Literal["collapsed", "punched", "emptied"]
LOSSLESS: tuple[Method, ...] = ("collapsed", "punched")
PUNCHED: tuple[Method, ...] = ("punched",)
"""Of the lossless ones, what is safe even under a writer that does not append: it finds its place where it was."""

_CHUNK = 1 << 20
_LONGEST_LINE = 8 << 20
RESERVE = 64 << 20
"""Bytes of the disk that rotation leaves to others."""
_LEAST = 1 << 20
"""A smaller piece is not worth an archive where the disk is nearly full."""


class NotRotated(Exception):
    """The log stays as it is; the text says why, in one line."""


class NothingToRotate(NotRotated):
    """There is too little in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rotated:
    """What was done."""

    archive: str
    """Name of the archive, beside the log or on the shelf."""
    moved: int
    """Bytes that went from the log to the archive."""
    method: Method
    left: int = 0
    """Bytes that the disk had no room for: they stay in the log until the next time."""
    gap_s: float = 0.0
    """With `emptied`: how long a line may have been lost."""


def demand_held(place: Place, descriptor: int, pids: Collection[int]) -> tuple[Writer, ...]:
    """Demand that one of these processes writes to this very file; return all that do. Raises NotRotated."""
    found = writers(os.fstat(descriptor))
    if not any(one.pid in pids for one in found):
        others = f" (process {found[0].pid} does)" if found else ""
        raise NotRotated(f"no process of the service holds {place.path} open{others}: it is left alone")
    return found


def cut_off(
    place: Place,
    pids: Collection[int],
    now: datetime,
    *,
    methods: Collection[Method] = LOSSLESS,
    gap: bool = False,
    shelf: Place | None = None,
    most: int | None = None,
    declared: bool = False,
) -> Rotated:
    """Move the whole lines of a log into an archive, while it is written to. `pids`: the service's and its supervisor's.

    `shelf`: where the archive goes instead of beside the log (its disk is full); `most`: bytes that are moved at most;
    `declared`: a person named it as a log, so that it need not be held open (some open it for each line).
    Raises NotRotated, UnsafeFile, OSError; the log is as it was then.
    """
    kept = shelf if shelf is not None else place
    with place.file(place.name, os.O_RDWR) as log:
        found = writers(os.fstat(log)) if declared else demand_held(place, log, pids)
        strangers = [one.pid for one in found if not one.appends]
        if strangers and methods != PUNCHED:
            raise NotRotated(
                f"process {strangers[0]} writes to {place.path} at a place of its own and not at the end (no O_APPEND): "
                "cutting it would leave a hole; have it append (`>>`), or let its supervisor rotate it"
            )
        recover(place, log, shelf=shelf)
        begin, end, left = _lines(place, log, kept, most)
        part = f"{new_name(kept, now)}{PART}"
        _copy(kept, log, begin, end, part)
        cut = _Cut(place, log, begin, end, part, kept)
        try:
            method, gap_s = cut.make((*methods, "emptied") if gap else methods)
        except BaseException:
            if _is_prefix(kept, log, part, begin):
                kept.remove(part)
            raise
    archive = part.removesuffix(PART)
    kept.rename(part, archive)
    return Rotated(archive=archive, moved=cut.end - begin, method=method, left=left, gap_s=gap_s)


def size_of(place: Place) -> int:
    """Return how many bytes the log holds, a hole at its beginning not counted. Raises UnsafeFile, OSError."""
    with place.file(place.name) as log:
        return os.fstat(log).st_size - data_begins(log)


def recover(place: Place, log: int, *, shelf: Place | None = None) -> None:
    """End what a killed rotation began: an archive whose log was not cut goes, one whose log was cut counts."""
    kept = shelf if shelf is not None else place
    for part in parts(kept):
        if part.endswith(f".gz{PART}") or _is_prefix(kept, log, part, data_begins(log)):
            kept.remove(part)
            continue
        with kept.file(part) as archive:
            _blank_rest(log, archive)
        kept.rename(part, part.removesuffix(PART))


def _lines(place: Place, log: int, kept: Place, most: int | None) -> tuple[int, int, int]:
    """Return from where to where the whole lines go that there is room for, and how many bytes have to wait."""
    size, begin = os.fstat(log).st_size, data_begins(log)
    room = kept.room() - RESERVE
    until = min(size, begin + max(0, room if most is None else min(room, most)))
    if until < size and until - begin < _LEAST:
        raise NotRotated(
            f"the disk of {kept.path} has no room for an archive ({max(0, room + RESERVE) >> 20} MiB are free, "
            f"{RESERVE >> 20} of them reserved): the log stays as it is"
        )
    end = _last_line(log, begin, until)
    if end - begin < os.fstatvfs(log).f_bsize:
        raise NothingToRotate(f"{place.path} has {end - begin} bytes of whole lines: too little to rotate")
    return begin, end, size - until


def _last_line(log: int, begin: int, until: int) -> int:
    """Return the end of the last whole line before `until`."""
    at = until
    while at > max(begin, until - _LONGEST_LINE):
        start = max(begin, at - _CHUNK)
        newline = os.pread(log, at - start, start).rfind(b"\n")
        if newline >= 0:
            return start + newline + 1
        at = start
    return begin


def _copy(kept: Place, log: int, begin: int, end: int, part: str) -> None:
    like = os.fstat(log)
    with kept.fresh(part, like if like.st_uid in kept.owners else os.fstat(kept.folder)) as archive:
        _append(log, archive, begin, end)
        os.fsync(archive)
    kept.sync()


def _append(log: int, archive: int, begin: int, end: int) -> None:
    at = begin
    while at < end:
        chunk = os.pread(log, min(_CHUNK, end - at), at)
        if not chunk:
            raise NotRotated("the log shrank while it was copied: somebody else rotates it")
        write_all(archive, chunk)
        at += len(chunk)


@dataclass(slots=True)
class _Cut:
    """The cut that an archive was copied for."""

    place: Place
    log: int
    begin: int
    end: int
    part: str
    kept: Place
    """Where the archive is."""

    def make(self, methods: Collection[Method]) -> tuple[Method, float]:
        """Cut by the first method that can be had; return it, and how long its gap was. Raises NotRotated, OSError."""
        tries: dict[Method, Callable[[], float]] = {
            "collapsed": self._collapse,
            "punched": self._punch,
            "emptied": self._empty,
        }
        for method in (method for method in tries if method in methods):
            try:
                return method, tries[method]()
            except Unable:
                continue
            except OSError as error:  # even a cut needs a block of a full disk, sometimes
                if error.errno != errno.ENOSPC:
                    raise
        raise NotRotated(
            f"the file system of {self.place.path} can neither collapse nor punch: emptying the log could lose a line, "
            "and is done only for somebody who asks for it (`opsagent logs UNIT --rotate`)"
        )

    def _collapse(self) -> float:
        """Cut whole blocks off, then blank what is left of the archive's last line: it would stand in both."""
        length = whole_blocks(self.end, os.fstatvfs(self.log).f_bsize)
        if not length:
            raise Unable("less than a block")
        collapse(self.log, length)
        _blank(self.log, self.end - length)
        return 0.0

    def _punch(self) -> float:
        start = self.begin - self.begin % os.fstatvfs(self.log).f_bsize  # what is left of the last hole's last block
        punch(self.log, start, self.end - start)
        return 0.0

    def _empty(self) -> float:
        """Copy until nothing comes any more, then empty the file at once; return how long the gap was."""
        with self.kept.file(self.part, os.O_WRONLY | os.O_APPEND) as archive:
            while True:
                at = time.perf_counter()
                size = os.fstat(self.log).st_size
                if size == self.end:
                    os.ftruncate(self.log, 0)
                    return time.perf_counter() - at
                _append(self.log, archive, self.end, size)
                self.end = size


def _blank(log: int, length: int) -> None:
    if length:
        os.pwrite(log, blank(length), 0)


def _is_prefix(place: Place, log: int, part: str, begin: int) -> bool:
    """Tell whether the log still holds all that an archive holds, at its beginning: it was not cut."""
    with place.file(part) as archive:
        at = 0
        while chunk := os.pread(archive, _CHUNK, at):
            if os.pread(log, len(chunk), begin + at) != chunk:
                return False
            at += len(chunk)
    return True


def _blank_rest(log: int, archive: int) -> None:
    """Blank the end of an archive's last line where the cut log begins with it."""
    size, block = os.fstat(archive).st_size, os.fstatvfs(log).f_bsize
    length = size - whole_blocks(size, block)
    if length < size and os.pread(log, length, 0) == os.pread(archive, length, size - length):
        _blank(log, length)
