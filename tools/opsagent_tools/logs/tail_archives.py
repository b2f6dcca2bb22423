"""Files beside a log that hold what it held once: renamed, copied, packed. Found by what they are, not by their names alone.

Used by `tail.py`. Everything is opened as the log itself is: no link where its owner is known, nobody else's file.
"""

from __future__ import annotations

import errno
import os
import re
import stat
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from opsagent_tools.logs.cuts import Resume, resume
from opsagent_tools.logs.tail_file import FilePosition, OpenFile

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # a FIFO in the place of a log must not block us
_COPIES_TRIED = 20
_BETWEEN = 8
_NAMES = 5000
"""Names of one folder that are looked at."""
_PACKED = ".gz"
_PACKED_MAX = 8 * 1024 * 1024
_UNPACKED_MAX = 64 * 1024 * 1024
_GZIP = 16 + zlib.MAX_WBITS
_CHUNK = 1 << 18


def open_file(name: str, uid: int | None, *, beside: bool = False) -> OpenFile | None:
    """Open a regular file; None if there is none (yet), or it is none. Raises OSError where we may not read it.

    `uid`: whose it must be, no link and with one name only. `beside`: it is only a neighbour; what is wrong is not told.
    """
    flags = _FLAGS | (os.O_NOFOLLOW if beside or uid is not None else 0)
    try:
        fd = os.open(name, flags)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError:
        if beside:
            return None
        raise
    info = os.fstat(fd)
    strange = uid is not None and (info.st_uid != uid or info.st_nlink != 1)
    if strange or not stat.S_ISREG(info.st_mode):
        os.close(fd)
        if strange and not beside:
            raise PermissionError(errno.EPERM, f"is not uid {uid}'s alone", name)
        return None
    return OpenFile(fd, info)


class Neighbours:
    """The files beside one log."""

    def __init__(self, path: Path, uid: int | None) -> None:
        self._path = path
        self._uid = uid
        self.left_out = 0
        """Archives that were too many to be read."""

    def copy_of(self, file: OpenFile) -> tuple[OpenFile, Resume] | None:
        """Return the neighbour (`name.1`, `name-20260101` …) that holds what stood in `file`, and where to go on."""
        if not file.mark:
            return None
        siblings = [entry for entry in self._entries() if entry.name.startswith(self._path.name)]
        siblings.sort(key=_written, reverse=True)
        for entry in siblings[:_COPIES_TRIED]:
            if entry.name.endswith(_PACKED) and _written(entry) < file.touched_ns:
                continue
            found = self._open(entry.path)
            if found is None:
                continue
            at = resume(file.fd, found.fd, file.offset, file.mark) if found.id != file.id else None
            if at is not None:
                return found, at
            os.close(found.fd)
        return None

    def old(self, position: FilePosition) -> OpenFile | None:
        """Return the file that was read up to `position`, wherever it stands now."""
        by_inode = [entry for entry in self._entries() if entry.inode() == position.id[1]]
        by_name = sorted(self._archives(position.touched_ns - 1), key=_written)
        for entry in [*by_inode, *by_name[:_COPIES_TRIED]]:
            found = self._open(entry.path)
            if found is None:
                continue
            if position.is_in(found.fd):
                found.go_on(position.offset, position.half)
                return found
            os.close(found.fd)
        return None

    def between(self, after_ns: int, until_ns: int | None, known: Collection[tuple[int, int]]) -> Iterator[OpenFile]:
        """Yield the archives that were written last after `after_ns`, but not after `until_ns`, and are not `known`, oldest
        first: whole files that nobody looked at under the log's own name. Of very many only the newest.
        """
        entries = sorted(self._archives(after_ns), key=_written)
        self.left_out += max(0, len(entries) - _BETWEEN)
        for entry in entries[-_BETWEEN:]:
            if until_ns is not None and _written(entry) > until_ns:
                break
            if any(entry.inode() == inode for _, inode in known):
                continue
            found = self._open(entry.path)
            if found is not None:
                yield found

    def _archives(self, after_ns: int) -> list[os.DirEntry[str]]:
        named = _archive_names(self._path)
        return [entry for entry in self._entries() if named(entry.name) and _written(entry) > after_ns]

    def _entries(self) -> list[os.DirEntry[str]]:
        """Return what is in the log's folder, and in that of the file which it is a link to."""
        found: list[os.DirEntry[str]] = []
        for folder in dict.fromkeys((self._path.parent, _real(self._path).parent)):
            try:
                with os.scandir(folder) as entries:
                    found += [entry for entry, _ in zip(entries, range(_NAMES), strict=False)]
            except OSError:
                continue
        return found

    def _open(self, name: str) -> OpenFile | None:
        found = open_file(name, self._uid, beside=True)
        if found is None or not name.endswith(_PACKED):
            return found
        try:
            return _unpacked(found)
        finally:
            os.close(found.fd)


def _archive_names(path: Path) -> Callable[[str], bool]:
    """Return what tells whether a name is that of an archive: `app.log.1`, `app.log-20261128.gz`, `app-2026-11-28.log`.

    A single number before the ending (`app-1.log`) is none: that may be the log of another instance.
    """
    name, stem, ending = re.escape(path.name), re.escape(path.stem), re.escape(path.suffix)
    ways = [
        rf"{name}[.-]\d[\dTZ.:_-]*(?:\.gz)?",
        rf"{stem}[._-]{{1,2}}(?:19|20)\d\d-?\d\d-?\d\d[\dTZ.:_-]*{ending}(?:\.gz)?",
    ]
    real = _real(path)
    if real.name != path.name:  # a link to the file of today: those of other days are named alike
        ways.append(r"\d+".join(re.escape(part) for part in re.split(r"\d+", real.name)) + r"(?:\.gz)?")
    pattern = re.compile("|".join(ways))
    return lambda other: other not in {path.name, real.name} and pattern.fullmatch(other) is not None


def _real(path: Path) -> Path:
    try:
        return path.resolve() if path.is_symlink() else path
    except OSError:
        return path


def _written(entry: os.DirEntry[str]) -> int:
    try:
        return entry.stat(follow_symlinks=False).st_mtime_ns
    except OSError:
        return -1


def _unpacked(packed: OpenFile) -> OpenFile | None:
    """Return what a packed file holds, as a file without a name; None if it is too much, or broken."""
    if os.fstat(packed.fd).st_size > _PACKED_MAX:
        return None
    unpack, at = zlib.decompressobj(_GZIP), 0
    with tempfile.TemporaryFile() as plain:
        try:
            while raw := os.pread(packed.fd, _CHUNK, at):
                at += len(raw)
                while raw:
                    plain.write(unpack.decompress(raw, _CHUNK))
                    raw = unpack.unconsumed_tail
                    if plain.tell() > _UNPACKED_MAX:
                        return None
            plain.flush()
        except (zlib.error, OSError):
            return None
        return OpenFile(os.dup(plain.fileno()), os.fstat(packed.fd))
