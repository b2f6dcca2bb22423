"""A lock between processes that is let go when its holder dies."""

from __future__ import annotations

import asyncio
import fcntl
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from opsagent_tools.supervisors.circus.errors import EngineError

_RETRY_S = 0.05


@asynccontextmanager
async def held(path: Path, timeout_s: float) -> AsyncIterator[None]:
    """Hold the lock on `path`; waits for its holder. Raises EngineError after `timeout_s`."""
    fd = await _take(path, time.monotonic() + timeout_s)
    try:
        yield
    finally:
        os.close(fd)


async def _take(path: Path, deadline: float) -> int:
    while True:
        try:
            fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise EngineError(f"{path}: cannot be locked: {error.strerror or error}") from None
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if _still_there(fd, path):
                return fd
            os.close(fd)
        except BlockingIOError:
            os.close(fd)
            if time.monotonic() > deadline:
                raise EngineError(f"{path}: somebody else is starting or ending this engine") from None
            await asyncio.sleep(_RETRY_S)


def _still_there(fd: int, path: Path) -> bool:
    """Return whether `path` still names the locked file: its last holder may have removed it."""
    try:
        return os.path.samestat(os.fstat(fd), path.stat())
    except FileNotFoundError:
        return False
