"""The pid file of an instance: written when it was started, removed when it has ended."""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)


def partial_of(path: Path) -> Path:
    """Return what the file is called while it is written."""
    return path.with_name(f"{path.name}.{os.getpid()}.new")


def write(path: Path, pid: int) -> None:
    """Replace the file by one that names this pid. Never raises: a service does not fail for want of it."""
    partial = partial_of(path)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        fd = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
        with os.fdopen(fd, "w") as file:
            file.write(f"{pid}\n")
        partial.replace(path)
    except OSError as error:
        logger.error("%s: cannot be written: %s", path, error)  # noqa: TRY400
        with contextlib.suppress(OSError):
            partial.unlink()


def remove(path: Path, pid: int) -> None:
    """Remove the file if it still names this pid: a successor's is left alone."""
    with contextlib.suppress(OSError, ValueError):
        if int(path.read_text()[:32]) == pid:
            path.unlink()
