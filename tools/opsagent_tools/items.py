"""Takes one item out of a spool and keeps it, whole, elsewhere; brings it back as it was. Nothing is ever deleted that
was not copied, and nothing is overwritten. Links are not followed. A leaf.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsagent_tools.files import UnsafeFile, read_owned, sha256_of

_NOTE = ".where"


def take_away(path: Path, to: Path, *, sha256: str, uid: int) -> None:
    """Move a file into a private folder (made 0700), on whatever file system; how it was is noted beside it.

    Raises UnsafeFile where it is not what was looked at, FileNotFoundError, OSError.
    """
    content, seen = read_owned(path, uid), path.lstat()
    if sha256_of(content) != sha256:
        raise UnsafeFile(f"{path} changed since it was looked at")
    for folder in (to.parent.parent, to.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    spool_is = path.parent.stat()
    note = {"uid": seen.st_uid, "gid": seen.st_gid, "mode": stat.S_IMODE(seen.st_mode), "mtime_ns": seen.st_mtime_ns}
    note |= {"folder_device": spool_is.st_dev, "folder_inode": spool_is.st_ino}
    _write(to.with_name(to.name + _NOTE), json.dumps({"path": str(path), **note}).encode())
    _write(to, content)
    spool = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        now = os.stat(path.name, dir_fd=spool, follow_symlinks=False)
        if (now.st_dev, now.st_ino, now.st_mtime_ns) != (seen.st_dev, seen.st_ino, seen.st_mtime_ns):
            to.unlink()
            raise UnsafeFile(f"{path} changed while it was moved")
        os.unlink(path.name, dir_fd=spool)
    finally:
        os.close(spool)


def bring_back(kept: Path, to: Path, *, sha256: str) -> None:
    """Put a kept item where it was, with owner, mode and time.

    Raises UnsafeFile where the name is taken, or where its folder is not the one that it was taken from; OSError.
    """
    content = read_owned(kept, os.geteuid())
    if sha256_of(content) != sha256:
        raise UnsafeFile(f"{kept} is not what was kept")
    note = json.loads(read_owned(kept.with_name(kept.name + _NOTE), os.geteuid()))
    beside = f".{to.name}.{os.getpid()}.new"
    spool = os.open(to.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        there = os.fstat(spool)
        if (there.st_dev, there.st_ino) != (note["folder_device"], note["folder_inode"]):
            raise UnsafeFile(f"{to.parent} is another folder than {to.name} was taken from")
        _write(Path(beside), content, folder=spool, note=note)
        # It fails where the name is taken: nothing is overwritten.
        os.link(beside, to.name, src_dir_fd=spool, dst_dir_fd=spool, follow_symlinks=False)
    except FileExistsError as error:
        raise UnsafeFile(f"{to} is there meanwhile") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(beside, dir_fd=spool)
        os.close(spool)
    kept.unlink()
    kept.with_name(kept.name + _NOTE).unlink(missing_ok=True)


def _write(path: Path, content: bytes, *, folder: int | None = None, note: Mapping[str, Any] | None = None) -> None:
    """Make a file, `note`: with that owner, mode and time, by its descriptor alone: the folder may be somebody else's."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags, 0o600, dir_fd=folder)
    except FileExistsError as error:
        raise UnsafeFile(f"{path} is there already") from error
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        if note is not None:
            if (int(note["uid"]), int(note["gid"])) != (os.geteuid(), os.getegid()):
                os.fchown(descriptor, int(note["uid"]), int(note["gid"]))
            os.fchmod(descriptor, int(note["mode"]) & 0o777)
            os.utime(descriptor, ns=(int(note["mtime_ns"]), int(note["mtime_ns"])))
        os.fsync(descriptor)
