"""One owner: two processes that write to one Chroma folder break it for good, and so do two folders for one truth."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from opsagent_memory.errors import MemoryOwned, MemoryStoreError

_IN_INDEX = "owner.lock"
_BESIDE_DATABASE = ".owner"


class OwnerLock:
    """Locks on an index folder and, where it is a file, on the database that it is an index of.

    Each is an flock on a file of its own. The kernel frees it when the owner dies, however it dies.
    """

    def __init__(self, index_dir: Path, database: Path | None = None) -> None:
        self._descriptors: list[int] = []
        try:
            self._take(index_dir / _IN_INDEX, index_dir)
            if database is not None:
                database = Path(os.path.realpath(database))
                self._take(database.with_name(f"{database.name}{_BESIDE_DATABASE}"), database)
        except BaseException:
            self.release()
            raise

    def _take(self, path: Path, owned: Path) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise MemoryStoreError(f"{path}: the memory cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            owner = os.pread(descriptor, 32, 0).strip()
            os.close(descriptor)
            raise MemoryOwned(owned, int(owner) if owner.isdigit() else None) from None
        except OSError as error:
            os.close(descriptor)
            raise MemoryStoreError(f"{path}: the memory cannot be locked: {error.strerror}") from error
        self._descriptors.append(descriptor)
        _sign(descriptor)

    def release(self) -> None:
        """Let the next owner in. The files stay: unlinking them would let two owners lock two files."""
        while self._descriptors:
            os.close(self._descriptors.pop())


def _sign(descriptor: int) -> None:
    """Write down who owns it, for the message that others get. On a full disk the lock holds without a name."""
    try:
        os.truncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    except OSError:
        return
