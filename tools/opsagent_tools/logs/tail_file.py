"""One open log file: how far it was read, and its bytes as lines. Used by `tail.py`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

from opsagent_tools.logs.cuts import Mark, Print, data_begins, stands

MARK = 64
HEAD = 256
_HALF_MAX = 1 << 20
_OFFSET_MAX = (1 << 63) - 1
_NUL, _CR = b"\0", b"\r"


@dataclass(frozen=True, slots=True, kw_only=True)
class FilePosition:
    """How far a file was read, so that it is known again in the next life of the process."""

    id: tuple[int, int]
    """Device and inode."""
    offset: int
    """Where what was not read yet begins."""
    half: int
    """So many bytes before `offset` are of a line whose end was not written yet."""
    mark: Print
    """Of the last bytes before `offset`."""
    head: Print
    """Of the first bytes of the file: inodes are used again."""
    touched_ns: int
    """When it had been written last, when it was looked at last."""

    def as_dict(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "id": list(self.id),
            "offset": self.offset,
            "half": self.half,
            "mark": [self.mark.size, self.mark.digest],
            "head": [self.head.size, self.head.digest],
            "touched_ns": self.touched_ns,
        }

    @classmethod
    def of(cls, plain: Mapping[str, Any]) -> Self:
        """Read what `as_dict` gave. Raises ValueError, TypeError, KeyError for anything else."""
        (device, inode), (marked, mark), (headed, head) = plain["id"], plain["mark"], plain["head"]
        offset, half = int(plain["offset"]), int(plain["half"])
        if (
            not 0 <= int(marked) <= offset <= _OFFSET_MAX
            or not 0 <= half <= min(offset, _HALF_MAX)
            or not 0 <= int(headed) <= HEAD
        ):
            raise ValueError("not a position in a file")
        return cls(
            id=(int(device), int(inode)),
            offset=offset,
            half=half,
            mark=Print(int(marked), str(mark)),
            head=Print(int(headed), str(head)),
            touched_ns=int(plain["touched_ns"]),
        )

    def is_in(self, fd: int) -> bool:
        """Tell whether the open file holds what was read, up to `offset`; its beginning may be punched out. Raises OSError."""
        if not stands(fd, self.offset, self.mark):
            return False
        return stands(fd, self.head.size, self.head) or data_begins(fd) > 0


class OpenFile:
    """One open file, and how far it was read."""

    def __init__(self, fd: int, info: os.stat_result) -> None:
        self.fd = fd
        self.id = (info.st_dev, info.st_ino)
        self.offset = 0
        self.mark: Mark = b""
        """The last bytes before `offset`: as long as they stand there, the file was not truncated meanwhile."""
        self.half = b""
        """A line whose end was not written yet."""
        self.half_size = 0
        """So many bytes before `offset` are a half line that is to be read again once their place is known."""
        self.cutting = False
        """True: drop what comes until the line's end."""
        self.touched_ns = info.st_mtime_ns
        """When it had been written last, when it was looked at last."""
        self.until = float("inf")
        """When to let go of it, once another file stands under its name."""
        self._head: Print | None = None

    def untouched(self, info: os.stat_result) -> bool:
        """Tell whether nothing was written since it was read."""
        return info.st_size == self.offset and info.st_mtime_ns == self.touched_ns

    def seek(self, offset: int) -> None:
        """Stand at `offset`; if that is within a line, at the end of that line."""
        start = max(0, offset - MARK)
        mark = os.pread(self.fd, offset - start, start)
        self.mark, self.offset = mark, start + len(mark)
        self.half, self.cutting, self._head = b"", bool(mark) and not mark.endswith(b"\n"), None

    def go_on(self, offset: int, half: int) -> None:
        """Stand at `offset`, after `half` bytes of a half line."""
        self.seek(offset)
        if half:
            self.half, self.cutting = os.pread(self.fd, half, offset - half), False

    def begin(self, offset: int = 0, *, cutting: bool = False, half: bytes = b"") -> None:
        """Stand at `offset`, whatever stands before it."""
        self.offset, self.mark, self.half, self.cutting, self._head = offset, b"", half, cutting, None
        self.half_size = 0

    def read(self, limit: int) -> bytes | None:
        """Return what came after `offset`, at most `limit` bytes; None if the file was truncated."""
        mark = self.mark
        if isinstance(mark, Print):
            return None
        raw = os.pread(self.fd, len(mark) + limit, self.offset - len(mark))
        if not raw.startswith(mark):
            return None
        if os.fstat(self.fd).st_size < self.offset - len(mark) + len(raw):
            return None  # it was cut while we read: what we have may be of both
        new = raw[len(mark) :]
        self.offset += len(new)
        self.mark = raw[-MARK:]
        return new

    def cut(self, new: bytes, bound: int, lines: list[bytes]) -> None:
        """Cut `new` into lines of at most `bound` bytes; keep the half one at its end for the next time."""
        *whole, rest = new.split(b"\n")
        if whole:
            if self.cutting:
                del whole[0]
            elif self.half:
                whole[0] = self.half + whole[0]
            if (
                _NUL in new
                or _CR in new
                or _NUL in self.half
                or _CR in self.half
                or len(max(whole, key=len, default=b"")) > bound
            ):
                whole = [_clean(line, bound) for line in whole]
            lines += whole
            self.half, self.cutting = b"", False
        if self.cutting or not rest:
            return
        self.half = (self.half + rest).lstrip(_NUL)
        if len(self.half) > bound:
            lines.append(_clean(self.half, bound))
            self.half, self.cutting = b"", True

    def flush(self, bound: int, lines: list[bytes]) -> None:
        """Nothing more will come here: the half line is a line."""
        if self.half:
            lines.append(_clean(self.half, bound))
        self.half, self.cutting = b"", False

    def position(self) -> FilePosition:
        """Return how far it was read. Raises OSError."""
        if self._head is None or self._head.size < HEAD:
            self._head = Print.of(os.pread(self.fd, HEAD, 0))
            if not stands(self.fd, self.offset, self.mark):  # emptied since it was read: that is another file's head
                self._head = Print.of(b"")
        return FilePosition(
            id=self.id,
            offset=self.offset,
            half=len(self.half) or self.half_size,
            mark=self.mark if isinstance(self.mark, Print) else Print.of(self.mark),
            head=self._head,
            touched_ns=self.touched_ns,
        )


def _clean(line: bytes, bound: int) -> bytes:
    """Take away the CR of a foreign line end, and the NULs that a writer leaves after it was truncated under it."""
    return line.lstrip(_NUL)[:bound].rstrip(_CR).strip(_NUL)
