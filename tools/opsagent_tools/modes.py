"""Gives files their owner and mode back: through a descriptor of the very inode, links not followed. A leaf."""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.files import UnsafeFile

_PATH = getattr(os, "O_PATH", os.O_RDONLY)
_MOST = 500


@dataclass(frozen=True, slots=True)
class Rights:
    """Mode (permission bits, with set-id and sticky), owner and group."""

    mode: int
    uid: int
    gid: int

    @classmethod
    def of(cls, status: os.stat_result) -> Rights:
        """Return what stat(2) says."""
        return cls(stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid)


@dataclass(frozen=True, slots=True)
class Wanted:
    """One file: which inode it must be, what it is to have, and what it has now."""

    path: Path
    device: int
    inode: int
    to: Rights
    from_: Rights


def read(text: str, *, back: bool = False) -> tuple[Wanted, ...]:
    """Read what `action_of(RESTORE_MODE)` carries; `back`: the other way round. Raises ValueError."""
    rows = json.loads(text)
    if not isinstance(rows, list) or not 0 < len(rows) <= _MOST:
        raise ValueError("no list of files")
    found = []
    for path, device, inode, was, now in rows:
        to, from_ = Rights(*map(int, was)), Rights(*map(int, now))
        found.append(Wanted(Path(path), int(device), int(inode), from_ if back else to, to if back else from_))
    return tuple(found)


def restore(wanted: Sequence[Wanted]) -> None:
    """Give all of them what they are to have, or none: what was done is taken back where a later one fails.

    Raises UnsafeFile where a file is another one, or has other rights than were looked at; FileNotFoundError, OSError.
    """
    for one in wanted:
        with _held(one):
            pass
    done: list[Wanted] = []
    try:
        for one in wanted:
            _give(one)
            done.append(one)
    except BaseException:
        for one in reversed(done):
            with contextlib.suppress(OSError, UnsafeFile):
                _give(Wanted(one.path, one.device, one.inode, one.from_, one.to))
        raise


def stands(wanted: Sequence[Wanted]) -> bool:
    """Tell whether all of them have what they are to have, by their paths. OSError: one is not there."""
    return all(Rights.of(one.path.lstat()) == one.to for one in wanted)


def _give(one: Wanted) -> None:
    with _held(one) as descriptor:
        link = f"/proc/self/fd/{descriptor}"
        if (one.to.uid, one.to.gid) != (one.from_.uid, one.from_.gid):
            os.chown(link, one.to.uid, one.to.gid)
        os.chmod(link, one.to.mode)  # noqa: PTH101  # chown clears set-id bits: the mode comes last


@contextmanager
def _held(one: Wanted) -> Iterator[int]:
    """Hold the very inode that was looked at, without needing the right to read it."""
    try:
        descriptor = os.open(one.path, _PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise FileNotFoundError(error.errno, error.strerror, str(one.path)) from error
    try:
        found = os.fstat(descriptor)
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise UnsafeFile(f"{one.path} is neither a file nor a folder")
        if stat.S_ISREG(found.st_mode) and found.st_nlink != 1:
            raise UnsafeFile(f"{one.path} has {found.st_nlink} links")
        if (found.st_dev, found.st_ino) != (one.device, one.inode):
            raise UnsafeFile(f"{one.path} is another file than when it was looked at")
        if Rights.of(found) != one.from_:
            raise UnsafeFile(f"owner or mode of {one.path} changed since it was looked at")
        yield descriptor
    finally:
        os.close(descriptor)
