"""Opens a log for reading, so that a link, a pipe or another user's file in its place does no harm. Standard library only."""

from __future__ import annotations

import os
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY  # a FIFO in the place of a log must not block us


def open_log(path: Path, uid: int | None = None) -> int:
    """Return a descriptor. `uid`: whose it must be (no link, one name only) where its supervisor is another user's.

    Raises OSError; UnsafeFile where it is not that user's.
    """
    if uid is None:
        return os.open(path, _FLAGS)
    from opsagent_tools.trust import open_owned

    return open_owned(path, uid)
