"""Follows log files through everything that rotation does to them, in bounded memory.

Plain polling (two system calls a look) works on every file system and needs nothing of the kernel. What it survives:
rename and recreate (the old file is read to its end first, and for a while after, because writers reopen late),
truncation and copy-then-truncate (the copy is found beside it and read from where we were), a beginning that is cut off
while it is written to (`rotate.py`), deletion, half lines, invalid UTF-8, NULs, lines without an end.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.logs.cuts import Resume, resume

_log = logging.getLogger(__name__)

_CHUNK = 256 * 1024
_MARK = 64
_COPIES_TRIED = 20
_OLD_KEPT = 2
_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # a FIFO in the place of a log must not block us


class _File:
    """One open file, and how far it was read."""

    def __init__(self, fd: int, info: os.stat_result) -> None:
        self.fd = fd
        self.id = (info.st_dev, info.st_ino)
        self.offset = 0
        self.mark = b""
        """The last bytes before `offset`: as long as they stand there, the file was not truncated meanwhile."""
        self.half = b""
        """A line whose end was not written yet."""
        self.cutting = False
        """True: drop what comes until the line's end."""
        self.touched_ns = -1
        self.until = float("inf")
        """When to let go of it, once another file stands under its name."""

    def untouched(self, info: os.stat_result) -> bool:
        return info.st_size == self.offset and info.st_mtime_ns == self.touched_ns

    def seek(self, offset: int) -> None:
        """Stand at `offset`; if that is within a line, at the end of that line."""
        start = max(0, offset - _MARK)
        self.mark = os.pread(self.fd, offset - start, start)
        self.offset = start + len(self.mark)
        self.half, self.cutting = b"", bool(self.mark) and not self.mark.endswith(b"\n")

    def read(self, limit: int) -> bytes | None:
        """Return what came after `offset`, at most `limit` bytes; None if the file was truncated."""
        raw = os.pread(self.fd, len(self.mark) + limit, self.offset - len(self.mark))
        if not raw.startswith(self.mark):
            return None
        if os.fstat(self.fd).st_size < self.offset - len(self.mark) + len(raw):
            return None  # it was cut while we read: what we have may be of both
        new = raw[len(self.mark) :]
        self.offset += len(new)
        self.mark = raw[-_MARK:]
        return new

    def cut(self, new: bytes, bound: int, lines: list[bytes]) -> None:
        """Cut `new` into lines of at most `bound` bytes; keep the half one at its end for the next time."""
        *whole, rest = new.split(b"\n")
        for at, line in enumerate(whole):
            if at or not self.cutting:
                lines.append(_clean((line if at else self.half + line)[:bound]))
        if whole:
            self.half, self.cutting = b"", False
        if self.cutting:
            return
        self.half += rest
        if len(self.half) > bound:
            lines.append(_clean(self.half[:bound]))
            self.half, self.cutting = b"", True

    def flush(self, lines: list[bytes]) -> None:
        """Nothing more will come here: the half line is a line."""
        if self.half:
            lines.append(_clean(self.half))
        self.half, self.cutting = b"", False


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


class FileTail:
    """The lines that are added to the file of one name. Not thread-safe; no call waits for anything but the disk."""

    def __init__(
        self,
        path: Path,
        *,
        uid: int | None = None,
        from_start: bool = False,
        limits: TailLimits | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`uid`: whose the file must be, no link and with one name only; None: whatever stands under that name."""
        self.path = path
        self.skipped = 0
        """Bytes that were never read because too much came at once."""
        self._limits = limits or TailLimits()
        self._clock = clock
        self._name = os.fspath(path)
        self._uid = uid
        self._file = self._open(self._name)
        self._old: list[_File] = []
        if self._file is not None and not from_start:
            self._file.seek(os.fstat(self._file.fd).st_size)

    def look(self) -> list[bytes]:
        """Return the whole lines added since the last look, without their ends. Raises OSError if it is unreadable."""
        info, file = self._stat(), self._file
        same = file is not None and info is not None and (info.st_dev, info.st_ino) == file.id
        if same and not self._old and file is not None and info is not None and file.untouched(info):
            return []
        lines: list[bytes] = []
        left = self._limits.look_bytes
        for old in list(self._old):
            left -= self._take(old, left, lines)
            if self._clock() >= old.until:
                self._let_go(old, lines)
        if file is not None:
            left -= self._take(file, left, lines)
            file.touched_ns = info.st_mtime_ns if info is not None and same else -1
        if info is not None and not same and left > 0:
            self._take_over(lines, left)
        return lines

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

    def _take(self, file: _File, limit: int, lines: list[bytes]) -> int:
        """Read on in `file`; return how many bytes were read."""
        behind = os.fstat(file.fd).st_size - file.offset
        if behind > self._limits.backlog_bytes:
            to = file.offset + behind - self._limits.look_bytes // 2
            self.skipped += to - file.offset
            file.seek(to)
        taken = 0
        while taken < limit:
            new = file.read(min(_CHUNK, limit - taken))
            if new is None:
                self._truncated(file, lines)
                continue
            if not new:
                break
            taken += len(new)
            file.cut(new, self._limits.line_bytes, lines)
        return taken

    def _let_go(self, old: _File, lines: list[bytes]) -> None:
        old.flush(lines)
        self._old.remove(old)
        os.close(old.fd)

    def _take_over(self, lines: list[bytes], limit: int) -> None:
        """Another file stands under our name: read that one from now on, the old one for a while longer."""
        fresh = self._open(self._name)
        if fresh is None:
            return
        if self._file is not None:
            self._take(self._file, limit, lines)  # what came between our reading and our looking at the name
            self._file.until = self._clock() + self._limits.linger_s
            self._old.append(self._file)
            if len(self._old) > _OLD_KEPT:
                self._let_go(self._old[0], lines)
        self._file = fresh
        self._take(fresh, limit, lines)

    def _truncated(self, file: _File, lines: list[bytes]) -> None:
        """Read the rest from the copy that was made, then go on behind what the file still has of it."""
        found = self._find_copy(file)
        if found is None:
            file.flush(lines)
            file.offset, file.mark = 0, b""
            return
        copy, at = found
        half, cutting = file.half, file.cutting
        if at.copy_at is None:
            file.seek(at.log_at)
            file.half, file.cutting = half, cutting
        else:
            copy.offset, copy.mark, copy.half, copy.cutting = at.copy_at, b"", half, cutting
            self._read_on(copy, lines)
            copy.flush(lines)
            file.offset, file.mark, file.half, file.cutting = at.log_at, b"", b"", False
        os.close(copy.fd)

    def _read_on(self, copy: _File, lines: list[bytes]) -> None:
        """Read what is left of a copy, as far as a backlog may be long."""
        left = self._limits.backlog_bytes
        while left > 0 and (new := copy.read(min(_CHUNK, left))):
            left -= len(new)
            copy.cut(new, self._limits.line_bytes, lines)
        self.skipped += max(0, os.fstat(copy.fd).st_size - copy.offset)

    def _find_copy(self, file: _File) -> tuple[_File, Resume] | None:
        """Return the neighbour (`name.1`, `name-20260101` …) that holds what stood in `file`, and where to go on."""
        if not file.mark:
            return None
        try:
            siblings = [entry for entry in os.scandir(self.path.parent) if entry.name.startswith(self.path.name)]
            siblings.sort(key=lambda entry: entry.stat(follow_symlinks=False).st_mtime, reverse=True)
        except OSError:
            return None
        for entry in siblings[:_COPIES_TRIED]:
            found = self._open(entry.path, os.O_NOFOLLOW)
            if found is None:
                continue
            at = resume(file.fd, found.fd, file.offset, file.mark) if found.id != file.id else None
            if at is not None:
                return found, at
            os.close(found.fd)
        return None

    def _open(self, name: str, flags: int = 0) -> _File | None:
        """Open a regular file; None if there is none (yet), or it is none. Raises OSError where we may not read it."""
        whose = os.O_NOFOLLOW if self._uid is not None else 0
        try:
            fd = os.open(name, _FLAGS | flags | whose)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError:
            if flags:
                return None
            raise
        info = os.fstat(fd)
        strange = self._uid is not None and (info.st_uid != self._uid or info.st_nlink != 1)
        if strange or not stat.S_ISREG(info.st_mode):
            os.close(fd)
            if strange and not flags:
                raise PermissionError(errno.EPERM, f"is not uid {self._uid}'s alone", name)
            return None
        return _File(fd, info)


def _clean(line: bytes) -> bytes:
    """Take away the CR of a foreign line end, and the NULs that a writer leaves after it was truncated under it."""
    return line.rstrip(b"\r").strip(b"\0")


def text_of(line: bytes) -> str:
    """Return a line as text; bytes that are no UTF-8 become replacement characters."""
    return line.decode("utf-8", "replace")
