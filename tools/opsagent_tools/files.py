"""Careful changes to files: moved aside or given an earlier content, never followed through links, never deleted."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import stat
from pathlib import Path
from typing import BinaryIO

_READ_LIMIT = 16 * 1024 * 1024


class UnsafeFile(Exception):
    """The file is not what it was taken for; nothing was changed."""


def read_owned(path: Path, uid: int) -> bytes:
    """Return the content of a regular file with one link that `uid` owns. Raises UnsafeFile, FileNotFoundError."""
    content, _ = _read(path, uid)
    return content


def sha256_of(content: bytes) -> str:
    """Return the SHA-256 of `content` in hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def move_aside(path: Path, to: Path, *, sha256: str, uid: int) -> None:
    """Rename `path` to `to` in the same folder, if its content still is what was looked at.

    `to` must not exist: nothing is overwritten. Raises UnsafeFile, FileNotFoundError.
    """
    content, _ = _read(path, uid)
    if sha256_of(content) != sha256:
        raise UnsafeFile(f"{path} changed since it was looked at")
    if to.parent != path.parent:
        raise UnsafeFile(f"{to} is not in the folder of {path}")
    # A hard link fails where the target exists; a rename would silently replace it.
    os.link(path, to, follow_symlinks=False)
    path.unlink()


def replace_content(path: Path, content: bytes, *, replaces: str, uid: int) -> None:
    """Give `path` another content in one atomic step; mode and owner stay. `replaces`: SHA-256 of what goes.

    Raises UnsafeFile, FileNotFoundError.
    """
    before, status = _read(path, uid)
    if sha256_of(before) != replaces:
        raise UnsafeFile(f"{path} changed since it was looked at")
    beside = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fchmod(file.fileno(), stat.S_IMODE(status.st_mode))
            if (status.st_uid, status.st_gid) != (os.geteuid(), os.getegid()):
                os.fchown(file.fileno(), status.st_uid, status.st_gid)
            os.fsync(file.fileno())
        beside.replace(path)
    except BaseException as error:
        beside.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.errno == errno.EBUSY:
            _write_in_place(path, content, before, status)  # a file that is mounted there cannot be replaced
            return
        raise


def _write_in_place(path: Path, content: bytes, before: bytes, seen: os.stat_result) -> None:
    """Write over the very file that was read; what stood there is written again where that fails."""
    descriptor = os.open(path, os.O_RDWR | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "r+b") as file:
        status = os.fstat(file.fileno())
        if (status.st_dev, status.st_ino, status.st_mtime_ns) != (seen.st_dev, seen.st_ino, seen.st_mtime_ns):
            raise UnsafeFile(f"{path} changed since it was looked at")
        try:
            _overwrite(file, content)
        except OSError:
            _overwrite(file, before)
            raise


def _overwrite(file: BinaryIO, content: bytes) -> None:
    file.seek(0)
    file.write(content)
    file.truncate()
    file.flush()
    os.fsync(file.fileno())


def write_missing(path: Path, content: bytes, *, mode: int, uid: int) -> None:
    """Make a file that is not there, whole or not at all, in a folder of the user's. Raises UnsafeFile, FileNotFoundError."""
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    beside = f".{path.name}.{os.getpid()}.new"
    try:
        status = os.fstat(folder)
        if status.st_uid != uid:
            raise UnsafeFile(f"{path.parent} belongs to uid {status.st_uid}, not to {uid}")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        with os.fdopen(os.open(beside, flags, 0o600, dir_fd=folder), "wb") as file:
            file.write(content)
            file.flush()
            if os.geteuid() != uid:
                os.fchown(file.fileno(), uid, status.st_gid)
            os.fchmod(file.fileno(), stat.S_IMODE(mode) & 0o777)
            os.fsync(file.fileno())
        # A hard link fails where the name is taken meanwhile; a rename would silently replace it.
        os.link(beside, path.name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError as error:
        raise UnsafeFile(f"{path} is there meanwhile") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=folder)
        os.close(folder)


def remove_written(path: Path, *, sha256: str, uid: int) -> None:
    """Take back a file that `write_missing` made, if its content still is that one. Raises UnsafeFile, FileNotFoundError."""
    content, _ = _read(path, uid)
    if sha256_of(content) != sha256:
        raise UnsafeFile(f"{path} changed since it was looked at")
    path.unlink()


def _open_unseen(path: Path) -> int:
    """Open a file for reading without a trace: when others read it last (atime) is evidence."""
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        return os.open(path, flags | getattr(os, "O_NOATIME", 0))
    except PermissionError:  # only its owner, and root, may ask for that
        return os.open(path, flags)


def _read(path: Path, uid: int) -> tuple[bytes, os.stat_result]:
    descriptor = _open_unseen(path)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise UnsafeFile(f"{path} is no regular file")
        if status.st_nlink != 1:
            raise UnsafeFile(f"{path} has {status.st_nlink} links")
        if status.st_uid != uid:
            raise UnsafeFile(f"{path} belongs to uid {status.st_uid}, not to {uid}")
        content = file.read(_READ_LIMIT + 1)
    if len(content) > _READ_LIMIT:
        raise UnsafeFile(f"{path} is larger than {_READ_LIMIT} bytes")
    return content, status
