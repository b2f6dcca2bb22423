"""One owner: two processes that write to one Chroma folder break it for good."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from opsagent_memory.errors import MemoryOwned, MemoryStoreError

_NAME = "owner.lock"


class OwnerLock:
    """An flock on a file in the index folder. The kernel frees it when the owner dies, however it dies."""

    def __init__(self, index_dir: Path) -> None:
        path = index_dir / _NAME
        try:
            index_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise MemoryStoreError(f"{path}: the memory cannot be opened: {error.strerror}") from error
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.truncate(self._descriptor, 0)
            os.pwrite(self._descriptor, f"{os.getpid()}\n".encode(), 0)
        except BlockingIOError:
            owner = os.pread(self._descriptor, 32, 0).strip()
            os.close(self._descriptor)
            raise MemoryOwned(index_dir, int(owner) if owner.isdigit() else None) from None
        except OSError as error:
            os.close(self._descriptor)
            raise MemoryStoreError(f"{path}: the memory cannot be locked: {error.strerror}") from error

    def release(self) -> None:
        """Let the next owner in. The file stays: unlinking it would let two owners lock two files."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
