"""One log in its folder, held by descriptors: whose it is, and that nobody is led elsewhere by a link.

Whoever moves or cuts logs by their paths, with more rights than their owner has, can be made to do it to another file.
Here the folder is opened once, must belong to who may own the log, and nobody else may put anything into it; the log is
a regular file with one link. A leaf: standard library and the other leaves only.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.rotate_kernel import rename_new
from opsagent_tools.trust import NotTrusted, demand_folder

_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY


@dataclass(frozen=True, slots=True)
class Place:
    """A folder with a log in it, open."""

    folder: int
    path: Path
    owners: frozenset[int]
    """User ids that the log, its folder and its archives may belong to."""

    @property
    def name(self) -> str:
        return self.path.name

    @classmethod
    @contextmanager
    def open(cls, path: Path, owners: frozenset[int], *, shared: bool = False) -> Iterator[Place]:
        """Open the folder of `path`. Raises UnsafeFile where it is not theirs alone, FileNotFoundError, OSError.

        `shared`: it may be root's, and one into which everybody puts files, but nobody takes another's away (sticky, as
        a fresh tmpfs is). For whoever makes no file there.
        """
        if not path.is_absolute() or path.name in {"", ".."}:
            raise UnsafeFile(f"{path} is no absolute path of a file")
        try:
            folder = os.open(path.parent, _FOLDER)
        except NotADirectoryError as error:
            raise UnsafeFile(f"{path.parent} is no folder, or a link") from error
        try:
            _demand_theirs(folder, path.parent, owners, shared=shared)
            yield cls(folder, path, owners)
        finally:
            os.close(folder)

    @contextmanager
    def file(self, name: str, flags: int = os.O_RDONLY) -> Iterator[int]:
        """Open a file of the folder: regular, one link, theirs. Raises UnsafeFile, FileNotFoundError, OSError."""
        try:
            descriptor = os.open(name, flags | _FILE, dir_fd=self.folder)
        except FileNotFoundError as error:
            raise FileNotFoundError(error.errno, error.strerror, str(self.path.with_name(name))) from error
        except OSError as error:
            if self.status(name) is None or error.errno in {13, 30, 26}:  # EACCES, EROFS, ETXTBSY
                raise OSError(error.errno, error.strerror, str(self.path.with_name(name))) from error
            raise UnsafeFile(f"{self.path.with_name(name)} is a link, or no regular file") from error
        try:
            self._demand_plain(descriptor, name)
            yield descriptor
        finally:
            os.close(descriptor)

    @contextmanager
    def fresh(self, name: str, like: os.stat_result) -> Iterator[int]:
        """Make a file that must not be there yet, with owner and mode of another; on an error it is gone again."""
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | _FILE
        descriptor = os.open(name, flags, 0o600, dir_fd=self.folder)
        try:
            if (like.st_uid, like.st_gid) != (os.geteuid(), os.getegid()):
                with contextlib.suppress(PermissionError):  # a group that we are not in
                    os.fchown(descriptor, like.st_uid if os.geteuid() == 0 else -1, like.st_gid)
            os.fchmod(descriptor, stat.S_IMODE(like.st_mode) & 0o666)
            yield descriptor
        except BaseException:
            self.remove(name)
            raise
        finally:
            os.close(descriptor)

    def status(self, name: str) -> os.stat_result | None:
        """Return what a name of the folder is, links not followed; None: there is none."""
        try:
            return os.stat(name, dir_fd=self.folder, follow_symlinks=False)
        except FileNotFoundError:
            return None

    def names(self) -> list[str]:
        """Return all names in the folder."""
        return os.listdir(self.folder)  # noqa: PTH208  # of a descriptor

    def rename(self, name: str, to: str) -> None:
        """Rename within the folder; UnsafeFile where the new name is taken."""
        try:
            rename_new(self.folder, name, to)
        except FileExistsError as error:
            raise UnsafeFile(f"{self.path.with_name(to)} is there already") from error
        self.sync()

    def remove(self, name: str) -> None:
        """Remove a name, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name, dir_fd=self.folder)

    def sync(self) -> None:
        """Have the names on the disk."""
        with contextlib.suppress(OSError):  # not every file system can
            os.fsync(self.folder)

    def room(self) -> int:
        """Return how many bytes we may still write here."""
        found = os.fstatvfs(self.folder)
        return (found.f_bfree if os.geteuid() == 0 else found.f_bavail) * found.f_frsize

    def is_plain(self, status: os.stat_result | None) -> bool:
        """Tell whether something is a regular file of theirs with one link."""
        return (
            status is not None
            and stat.S_ISREG(status.st_mode)
            and status.st_nlink == 1
            and status.st_uid in self.owners
        )

    def _demand_plain(self, descriptor: int, name: str) -> None:
        found, path = os.fstat(descriptor), self.path.with_name(name)
        if not stat.S_ISREG(found.st_mode):
            raise UnsafeFile(f"{path} is no regular file")
        if found.st_nlink != 1:
            raise UnsafeFile(f"{path} has {found.st_nlink} links")
        if found.st_uid not in self.owners:
            raise UnsafeFile(f"{path} belongs to uid {found.st_uid}, not to {_uids(self.owners)}")


def _demand_theirs(folder: int, path: Path, owners: frozenset[int], *, shared: bool) -> None:
    found = os.fstat(folder)
    if found.st_uid not in owners and not (shared and found.st_uid == 0):
        raise UnsafeFile(f"{path} belongs to uid {found.st_uid}, not to {_uids(owners)}")
    if not (shared and found.st_mode & stat.S_ISVTX):
        try:
            demand_folder(path, found.st_uid)
        except NotTrusted as error:
            raise UnsafeFile(str(error)) from error
    seen = path.lstat()
    if (seen.st_dev, seen.st_ino) != (found.st_dev, found.st_ino):
        raise UnsafeFile(f"{path} became another folder while it was looked at")


def _uids(owners: frozenset[int]) -> str:
    return " or ".join(map(str, sorted(owners)))
