"""Where to go on in a log that was cut while it was followed, given a file that may be the copy of what was cut off.

Three ways of cutting: emptied (everybody's copy-then-truncate), the first blocks collapsed, or punched out (`rotate.py`).
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from typing import Self

_NULS = 64 * 1024


@dataclass(frozen=True, slots=True)
class Print:
    """A fingerprint of some bytes of a log: what is kept of them over restarts, so that no secret is."""

    size: int
    digest: str

    @classmethod
    def of(cls, content: bytes) -> Self:
        """Return the fingerprint of these bytes."""
        return cls(len(content), hashlib.blake2b(content, digest_size=16).hexdigest())


Mark = bytes | Print
"""What stood before a place in a log when it was read last."""


def stands(file: int, offset: int, mark: Mark) -> bool:
    """Tell whether `mark` stands before `offset`. Raises OSError."""
    size = mark.size if isinstance(mark, Print) else len(mark)
    if offset < size:
        return False
    found = os.pread(file, size, offset - size)
    return Print.of(found) == mark if isinstance(mark, Print) else found == mark


def _last(mark: Mark, count: int) -> Mark | None:
    """Return the last `count` bytes of a mark; None where only its fingerprint is known, and that is of more."""
    if isinstance(mark, Print):
        return mark if mark.size <= count else None
    return mark[-count:]


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Where the next byte is that was not read yet."""

    copy_at: int | None
    """In the copy, to its end, and then in the log; None: in the log alone, in the middle of what was being read."""
    log_at: int


def whole_blocks(end: int, block: int) -> int:
    """Return how much can be cut off before `end` in whole blocks; at least one byte of the last line stays."""
    return max(0, end - 1) // block * block


def blank(length: int) -> bytes:
    """Return what stands at the beginning of a log where its first block was not cut off whole: one line of blanks."""
    return b" " * (length - 1) + b"\n" if length else b""


def data_begins(log: int) -> int:
    """Return where a log begins, after what was punched out of it."""
    size = os.fstat(log).st_size
    try:
        at = os.lseek(log, 0, os.SEEK_DATA)
    except OSError:  # no data at all, or no holes on this file system
        return size if os.fstat(log).st_blocks == 0 else 0
    while at and (head := os.pread(log, _NULS, at)):
        rest = head.lstrip(b"\0")
        at += len(head) - len(rest)
        if rest:
            break
    return at


def resume(log: int, copy: int, offset: int, mark: Mark) -> Resume | None:
    """Tell where to go on. `mark`: what stood before `offset` when it was read; None: `copy` is no copy of that.

    Raises OSError.
    """
    size = os.fstat(copy).st_size
    begins = data_begins(log)
    if begins:
        return _punched(log, copy, size, begins, offset, mark)
    return _collapsed(log, copy, size, offset, mark) or _emptied(copy, offset, mark)


def _punched(log: int, copy: int, size: int, begins: int, offset: int, mark: Mark) -> Resume | None:  # noqa: PLR0917
    if offset > begins:
        return Resume(copy_at=None, log_at=offset) if _stands(log, offset, _last(mark, offset - begins)) else None
    at = offset - (begins - size)
    return Resume(copy_at=at, log_at=begins) if at > 0 and _stands(copy, at, _last(mark, at)) else None


def _collapsed(log: int, copy: int, size: int, offset: int, mark: Mark) -> Resume | None:
    """What is left of the copy's last line at the beginning of the log is blanked, or about to be."""
    cut = whole_blocks(size, os.fstatvfs(log).f_bsize)
    rest = size - cut
    if not cut or os.pread(log, rest, 0) not in {blank(rest), os.pread(copy, rest, cut)}:
        return None
    if offset > size:
        found = _stands(log, offset - cut, _last(mark, offset - size))
        return Resume(copy_at=None, log_at=offset - cut) if found else None
    return Resume(copy_at=offset, log_at=rest) if stands(copy, offset, mark) else None


def _emptied(copy: int, offset: int, mark: Mark) -> Resume | None:
    return Resume(copy_at=offset, log_at=0) if stands(copy, offset, mark) else None


def _stands(file: int, offset: int, mark: Mark | None) -> bool:
    return mark is not None and stands(file, offset, mark)
