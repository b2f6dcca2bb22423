"""What a program printed last: why it ended, or why it shows no window."""

from __future__ import annotations

import contextlib
import os
import threading

_KEPT = 4096
"""Bytes."""


class LastWords:
    """The end of what a program prints, read all along, so that it never waits for a reader."""

    def __init__(self) -> None:
        self._tail = b""

    @property
    def text(self) -> str:
        """What was printed last, at most 4096 bytes of it."""
        return self._tail.decode("utf-8", "replace").strip()

    def catch(self, pipe: int) -> None:
        """Read a pipe until its other ends are closed, on a thread; then close it."""
        threading.Thread(target=self._read, args=(pipe,), name="opsagent-last-words", daemon=True).start()

    def _read(self, pipe: int) -> None:
        with contextlib.suppress(OSError):
            while more := os.read(pipe, 65536):
                self._tail = (self._tail + more)[-_KEPT:]
        os.close(pipe)
