"""Follows log files through everything that rotation does to them, in bounded memory, and over its own restarts.

Plain polling (three system calls a look, one where nothing came) works on every file system and needs nothing of the
kernel. What it survives: rename and recreate (the old file is read to its end first, and for a while after, because
writers reopen late), truncation and copy-then-truncate (the copy is found beside it and read from where we were), a
beginning that is cut off while it is written to (`rotate.py`), a link that is set to another file, deletion, half lines,
invalid UTF-8, NULs, lines without an end; and all of that while nobody looked (`FileTail.position`).
"""

from __future__ import annotations

import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsagent_tools.logs.cuts import Print, stands
from opsagent_tools.logs.tail_archives import Neighbours, open_file
from opsagent_tools.logs.tail_file import FilePosition, OpenFile

_log = logging.getLogger(__name__)

_CHUNK = 256 * 1024
_REMEMBERED = 16
"""Files that were read before, and are not to be read again."""
_OLD_POSITIONS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class TailLimits:
    """What a tail spends at most."""

    line_bytes: int = 16 * 1024
    """A longer line is cut here; the rest of it is dropped."""
    look_bytes: int = 1024 * 1024
    """Read in one look; the rest waits for the next one."""
    backlog_bytes: int = 8 * 1024 * 1024
    """Further behind than this, the middle is skipped (`FileTail.skipped` counts it)."""
    linger_s: float = 5.0
    """How long a renamed file is read on."""
    old_files: int = 8
    """Files that are read on at a time, once another one stands under the name."""


class FileTail:
    """The lines that are added to the file of one name. Not thread-safe; no call waits for anything but the disk."""

    def __init__(
        self,
        path: Path,
        *,
        uid: int | None = None,
        from_start: bool = False,
        resume: Mapping[str, Any] | None = None,
        limits: TailLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`uid`: whose the file must be, no link and with one name only; None: whatever stands under that name.

        `resume`: a `position` of before: what was written since is read first, wherever it stands now.
        """
        self.path = path
        self.skipped = 0
        """Bytes that were never read because too much came at once."""
        self.missed = ""
        """What cannot be read any more of what was written since the position given; empty: nothing is missing."""
        self._limits = limits or TailLimits()
        self._clock = clock
        self._name = os.fspath(path)
        self._uid = uid
        self._neighbours = Neighbours(path, uid)
        self._file = open_file(self._name, uid)
        self._old: list[OpenFile] = []
        self._read: dict[tuple[int, int], FilePosition] = {}
        """Files that were let go of, and how far they were read."""
        self.past = False
        """The lines of the last look were written before this tail began."""
        before = None if resume is None else _positions(resume)
        self._catching_up = before is not None
        if before is not None:
            self._resume(*before)
        elif self._file is not None and not from_start:
            self._file.seek(os.fstat(self._file.fd).st_size)

    def look(self) -> list[bytes]:
        """Return the whole lines added since the last look, without their ends. Raises OSError if it is unreadable."""
        info, file = self._stat(), self._file
        same = file is not None and info is not None and (info.st_dev, info.st_ino) == file.id
        if same and not self._old and file is not None and info is not None and file.untouched(info):
            self._catching_up = self.past = False
            return []
        lines: list[bytes] = []
        if file is not None and file.offset == 0:
            self._copied_unseen(file, file.touched_ns)
        left = self._read_old(lines, self._limits.look_bytes)
        if file is not None and left > 0:
            size = info.st_size if info is not None and same else None
            left -= self._take(file, left, lines, size)
            file.touched_ns = info.st_mtime_ns if info is not None and same else file.touched_ns
        if info is not None and not same and left > 0:
            left = self._take_over(lines, left)
        self.past, self._catching_up = self._catching_up, self._catching_up and left <= 0
        return lines

    def position(self) -> dict[str, Any]:
        """Return how far it has read, as plain values for `resume`; no text of the log is in it."""
        files = [*self._old[-_OLD_POSITIONS:], *([self._file] if self._file is not None else [])]
        try:
            positions = [file.position().as_dict() for file in files]
        except OSError:
            positions = []
        return {"files": positions, "read": [known.as_dict() for known in self._read.values()]}

    def close(self) -> None:
        """Let go of the files."""
        for file in [*self._old, *([self._file] if self._file else [])]:
            os.close(file.fd)
        self._old, self._file = [], None

    def _stat(self) -> os.stat_result | None:
        try:
            return os.stat(self._name)  # noqa: PTH116  ten times a second for every log
        except OSError:
            return None

    def _read_old(self, lines: list[bytes], limit: int) -> int:
        """Read what is no longer under the name, in order; return what is left of `limit`: 0 while there is more."""
        for old in list(self._old):
            limit -= self._take(old, limit, lines)
            if limit <= 0:
                return 0
            if self._clock() >= old.until:
                self._let_go(old, lines)
        return limit

    def _take(self, file: OpenFile, limit: int, lines: list[bytes], size: int | None = None) -> int:
        """Read on in `file`; return how many bytes were read. `size`: what it was a moment ago; None: not asked yet."""
        behind = (os.fstat(file.fd).st_size if size is None else size) - file.offset
        if behind > self._limits.backlog_bytes and stands(file.fd, file.offset, file.mark):
            to = file.offset + behind - self._limits.look_bytes // 2
            self.skipped += to - file.offset
            file.seek(to)
        taken = 0
        while taken < limit:
            asked = min(_CHUNK, limit - taken)
            new = file.read(asked)
            if new is None:
                taken += limit - taken - self._truncated(file, lines, limit - taken)
                continue
            taken += len(new)
            if new:
                file.cut(new, self._limits.line_bytes, lines)
            if len(new) < asked:
                break
        return taken

    def _let_go(self, old: OpenFile, lines: list[bytes]) -> None:
        old.flush(self._limits.line_bytes, lines)
        self._old.remove(old)
        self._remember(old)
        os.close(old.fd)

    def _remember(self, file: OpenFile) -> None:
        self._read.pop(file.id, None)
        self._read[file.id] = file.position()
        while len(self._read) > _REMEMBERED:
            del self._read[next(iter(self._read))]

    def _take_over(self, lines: list[bytes], left: int) -> int:
        """Another file stands under our name: read that one from now on, the old one for a while longer."""
        fresh = open_file(self._name, self._uid)
        if fresh is None:
            return left
        if self._file is not None:
            before = self._file.touched_ns
            self._file.until = self._clock() + self._limits.linger_s
            self._old.append(self._file)
            known = self._read.get(fresh.id)
            if known is not None and known.is_in(fresh.fd):  # a link that was set back
                fresh.go_on(known.offset, known.half)
            elif before >= 0:
                self._old += self._unseen(before, fresh)
            self._thin_out(lines)
        self._file = fresh
        left = self._read_old(lines, left)  # what came between our reading and our looking at the name
        return left - self._take(fresh, left, lines) if left > 0 else left

    def _thin_out(self, lines: list[bytes]) -> None:
        while len(self._old) > self._limits.old_files:
            self._take(self._old[0], self._limits.backlog_bytes, lines)
            self._let_go(self._old[0], lines)

    def _copied_unseen(self, file: OpenFile, since_ns: int) -> None:
        """It was empty when we looked last, and nothing tells whether it was cut since: see whether there are copies."""
        info = os.fstat(file.fd)
        if info.st_size:
            self._old += self._unseen(since_ns, file, info.st_mtime_ns)

    def _unseen(self, after_ns: int, current: OpenFile, until_ns: int | None = None) -> list[OpenFile]:
        """Return the archives of what was renamed or copied away since `after_ns` without our seeing it."""
        known = {current.id, *(file.id for file in self._old)}
        known |= {self._file.id} if self._file is not None else set()
        read = {(position.head, position.offset) for position in self._read.values() if position.offset}
        found = []
        for file in self._neighbours.between(after_ns, until_ns, known):
            before = self._read.get(file.id)  # or what has the inode of an archive that was deleted since
            known_again = before is not None and before.is_in(file.fd)
            if known_again or (file.position().head, os.fstat(file.fd).st_size) in read:  # packed or copied since
                os.close(file.fd)
                continue
            file.until = self._clock()
            found.append(file)
        return found

    def _truncated(self, file: OpenFile, lines: list[bytes], left: int) -> int:
        """Read the rest from the copy that was made, then go on behind what the file still has of it.

        Returns what is left to read now.
        """
        if file is not self._file:  # an archive that somebody emptied: there is nothing to go on with
            file.seek(os.fstat(file.fd).st_size)
            return left
        found = self._neighbours.copy_of(file)
        if found is None:
            file.flush(self._limits.line_bytes, lines)
            file.begin()
            return left
        copy, at = found
        half, cutting, before = file.half, file.cutting, isinstance(file.mark, Print)
        if at.copy_at is None:
            copy.seek(os.fstat(copy.fd).st_size)
            self._remember(copy)
            os.close(copy.fd)
            file.go_on(at.log_at, file.half_size)
            if not before:
                file.half, file.cutting = half, cutting
            return left
        if before:
            copy.go_on(at.copy_at, file.half_size)
        else:
            copy.begin(at.copy_at, half=half, cutting=cutting)
        copy.until = self._clock()
        self._old.append(copy)
        self._old += self._unseen(copy.touched_ns, file, os.fstat(file.fd).st_mtime_ns)
        file.begin(at.log_at)
        self._thin_out(lines)
        return self._read_old(lines, left)

    def _resume(self, files: list[FilePosition], read: list[FilePosition]) -> None:
        """Stand where the last life of this process stood; what was moved meanwhile comes first."""
        self._read = {position.id: position for position in read[-_REMEMBERED:]}
        current, seen_ns = self._file, max((each.touched_ns for each in files), default=-1)
        for position in files:
            if current is not None and position.id == current.id and position.is_in(current.fd):
                current.go_on(position.offset, position.half)
                current.touched_ns, seen_ns = position.touched_ns, -1  # it never left its name
            elif current is not None and position.id == current.id and position is files[-1]:
                if position.offset:
                    current.offset, current.mark = position.offset, position.mark  # truncated: `read` will say so
                    current.half_size = position.half
                current.touched_ns, seen_ns = position.touched_ns, -1
            elif not position.offset and not position.head.size:
                continue  # it was empty: it is among the archives that nobody looked at, if anything came
            elif (old := self._neighbours.old(position)) is not None:
                old.until = self._clock() + self._limits.linger_s
                if not position.offset:
                    self._copied_unseen(old, position.touched_ns)
                self._old.append(old)
            elif position is files[-1]:
                self.missed = f"the rest of what stood in it at byte {position.offset} is not there any more"
        if seen_ns >= 0 and current is not None:
            self._old += self._unseen(seen_ns, current)
        if self._neighbours.left_out:
            self.missed = f"{self._neighbours.left_out} older archives of it are not read any more"


def _positions(plain: Mapping[str, Any]) -> tuple[list[FilePosition], list[FilePosition]] | None:
    """Read a position; None where it is none."""
    try:
        files, read = ([FilePosition.of(one) for one in plain[name]] for name in ("files", "read"))
    except (ValueError, TypeError, KeyError, OverflowError):
        return None
    return files, read


def text_of(line: bytes) -> str:
    """Return a line as text; bytes that are no UTF-8 become replacement characters."""
    return line.decode("utf-8", "replace")
