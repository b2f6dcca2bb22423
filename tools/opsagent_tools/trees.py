"""Files below one folder of one user, reached step by step without following a link. A leaf: standard library only.

Whoever reads or writes in somebody else's folder by a path can be led elsewhere by a link that appears in between
(CVE-2017-7501 and its kin). Here every folder on the way is opened by its descriptor, and it, and the file, must belong to
the user in question.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from opsagent_tools.files import UnsafeFile

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
STAGED = ".opsagent-new"
"""Ending of a file that is about to take another's place; one that is left over is from a killed attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A regular file below the folder."""

    path: str
    """Relative to the folder, with `/`."""
    status: os.stat_result

    @property
    def changed_at(self) -> float:
        """Return when its content, name or mode changed last, seconds since the epoch."""
        return max(self.status.st_mtime, self.status.st_ctime)


class TooMuch(UnsafeFile):
    """There is more below the folder than anybody wants to look at."""


class Tree:
    """One open folder of one user. Raises UnsafeFile for what belongs to others, OSError."""

    def __init__(self, descriptor: int, root: Path, uid: int) -> None:
        self._descriptor = descriptor
        self.root = root
        self.uid = uid

    @classmethod
    @contextmanager
    def open(cls, root: Path, uid: int) -> Iterator[Tree]:
        """Open the folder, which must be the user's own and no link."""
        descriptor = os.open(root, _FOLDER)
        try:
            _demand_owner(descriptor, uid, root)
            yield cls(descriptor, root, uid)
        finally:
            os.close(descriptor)

    def files(self, enter: Callable[[str, int], bool], *, limit: int) -> Iterator[Entry]:
        """Yield the user's regular files, folders in order; `enter` says which folders to look into (path, descriptor).

        Raises TooMuch when more than `limit` names were seen.
        """
        seen = 0
        waiting = [""]
        while waiting:
            folder = waiting.pop()
            entries, below = self._list(folder, enter)
            seen += len(entries) + len(below)
            if seen > limit:
                raise TooMuch(f"more than {limit} files below {self.root}")
            yield from entries
            waiting.extend(reversed(below))

    def _list(self, folder: str, enter: Callable[[str, int], bool]) -> tuple[list[Entry], list[str]]:
        """Return the files and the folders right in a folder; nothing where it went away meanwhile."""
        entries: list[Entry] = []
        below: list[str] = []
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), self._folder(folder) as descriptor:
            if folder and not enter(folder, descriptor):
                return [], []
            for name in sorted(os.listdir(descriptor)):  # noqa: PTH208  # of a descriptor
                with contextlib.suppress(FileNotFoundError):
                    status = os.stat(name, dir_fd=descriptor, follow_symlinks=False)
                    path = f"{folder}/{name}" if folder else name
                    if status.st_uid != self.uid:
                        continue
                    if stat.S_ISDIR(status.st_mode):
                        below.append(path)
                    elif stat.S_ISREG(status.st_mode) and not name.endswith(STAGED):
                        entries.append(Entry(path=path, status=status))
        return entries, below

    def read(self, path: str, *, limit: int) -> tuple[bytes, os.stat_result]:
        """Return the content of a regular file with one link, at most `limit` bytes. Raises UnsafeFile, OSError."""
        folder, name = _split(path)
        with _named(self.root / path), self._folder(folder) as descriptor:
            return _read(name, descriptor, self.uid, self.root / path, limit)

    def stage(self, path: str, content: bytes, mode: int) -> None:
        """Write a content beside `path`, on the disk when this returns; `put` has it take the place."""
        folder, name = _split(path)
        beside = f".{name}{STAGED}"
        with _named(self.root / path), self._folder(folder, make=True) as descriptor:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(beside, dir_fd=descriptor)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            with os.fdopen(os.open(beside, flags, 0o600, dir_fd=descriptor), "wb") as file:
                file.write(content)
                file.flush()
                if os.geteuid() != self.uid:
                    group = os.fstat(descriptor).st_gid
                    os.fchown(file.fileno(), self.uid, group)
                os.fchmod(file.fileno(), stat.S_IMODE(mode) & 0o777)
                os.fsync(file.fileno())

    def put(self, path: str) -> None:
        """Have what was staged take the place of `path` in one atomic step."""
        folder, name = _split(path)
        with _named(self.root / path), self._folder(folder) as descriptor:
            os.rename(f".{name}{STAGED}", name, src_dir_fd=descriptor, dst_dir_fd=descriptor)
            os.fsync(descriptor)

    def drop_staged(self, path: str) -> None:
        """Take back what was staged for `path`, if it is there."""
        folder, name = _split(path)
        with contextlib.suppress(OSError, UnsafeFile), self._folder(folder) as descriptor:
            os.unlink(f".{name}{STAGED}", dir_fd=descriptor)

    def remove(self, path: str) -> None:
        """Remove a file. Its content must be kept elsewhere: the caller sees to that."""
        folder, name = _split(path)
        with _named(self.root / path), self._folder(folder) as descriptor:
            os.unlink(name, dir_fd=descriptor)
            os.fsync(descriptor)

    def link_target(self, name: str) -> str:
        """Return where a link of the user's right in this folder leads. Raises UnsafeFile where it is none."""
        status = os.stat(name, dir_fd=self._descriptor, follow_symlinks=False)
        if not stat.S_ISLNK(status.st_mode):
            raise UnsafeFile(f"{self.root / name} is no link")
        if status.st_uid != self.uid:
            raise UnsafeFile(f"{self.root / name} belongs to uid {status.st_uid}, not to {self.uid}")
        return os.readlink(name, dir_fd=self._descriptor)

    def switch_link(self, name: str, to: str, *, replaces: str) -> None:
        """Let a link right in this folder lead elsewhere, in one atomic step."""
        if self.link_target(name) != replaces:
            raise UnsafeFile(f"{self.root / name} changed since it was looked at")
        beside = f".{name}{STAGED}"
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=self._descriptor)
        os.symlink(to, beside, dir_fd=self._descriptor)
        if os.geteuid() != self.uid:
            os.chown(beside, self.uid, -1, dir_fd=self._descriptor, follow_symlinks=False)
        os.rename(beside, name, src_dir_fd=self._descriptor, dst_dir_fd=self._descriptor)
        os.fsync(self._descriptor)

    @contextmanager
    def _folder(self, path: str, *, make: bool = False) -> Iterator[int]:
        """Open a folder below the root, one name at a time."""
        descriptor = os.dup(self._descriptor)
        try:
            for name in PurePosixPath(path).parts:
                if make:
                    self._make(name, descriptor)
                below = os.open(name, _FOLDER, dir_fd=descriptor)
                os.close(descriptor)
                descriptor = below
                _demand_owner(descriptor, self.uid, self.root / path)
            yield descriptor
        finally:
            os.close(descriptor)

    def _make(self, name: str, parent: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, stat.S_IMODE(os.fstat(parent).st_mode), dir_fd=parent)
            if os.geteuid() != self.uid:
                os.chown(name, self.uid, os.fstat(parent).st_gid, dir_fd=parent, follow_symlinks=False)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """Have what goes wrong say where: the system's own errors name what was opened last, or a number."""
    try:
        yield
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise UnsafeFile(f"{path} is a link") from error
        if error.errno is None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _split(path: str) -> tuple[str, str]:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path:
        raise UnsafeFile(f"{path!r} is no path below a folder")
    return "/".join(parts[:-1]), parts[-1]


def _demand_owner(descriptor: int, uid: int, path: Path) -> None:
    owner = os.fstat(descriptor).st_uid
    if owner != uid:
        raise UnsafeFile(f"{path} belongs to uid {owner}, not to {uid}")


def _open_unseen(name: str, folder: int) -> int:
    """Open a file for reading without a trace: when others read it last (atime) is evidence."""
    try:
        return os.open(name, _FILE | getattr(os, "O_NOATIME", 0), dir_fd=folder)
    except PermissionError:  # only its owner, and root, may ask for that
        return os.open(name, _FILE, dir_fd=folder)


def _read(name: str, folder: int, uid: int, path: Path, limit: int) -> tuple[bytes, os.stat_result]:
    with os.fdopen(_open_unseen(name, folder), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnsafeFile(f"{path} is no regular file")
        if status.st_nlink != 1:
            raise UnsafeFile(f"{path} has {status.st_nlink} links")
        if status.st_uid != uid:
            raise UnsafeFile(f"{path} belongs to uid {status.st_uid}, not to {uid}")
        content = file.read(limit + 1)
    if len(content) > limit:
        raise UnsafeFile(f"{path} is larger than {limit} bytes")
    return content, status
