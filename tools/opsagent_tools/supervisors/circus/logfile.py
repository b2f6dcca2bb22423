"""One file that output is kept in: rotated by size where it is the engine's own, followed where others rotate it.

Who rotates it needs no signal: it renames the file, and the next output begins a new one. To be sure that nothing is
written to the renamed one any more (before it is compressed, say), it has `reopen` called; or it empties the file, which is
only ever appended to.
"""

from __future__ import annotations

import contextlib
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 3


class LogFile:
    """A file that grows at its end. `max_bytes` None: somebody else sees to its size."""

    def __init__(self, path: Path, *, max_bytes: int | None = MAX_BYTES, backups: int = BACKUPS) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._file: int | None = None
        self._failing = False

    def append(self, data: bytes) -> None:
        """Write at the end. Never raises: a full disk must not stop the service, its output is dropped, and said once."""
        try:
            size = self.open()
            if self._max_bytes is not None and size and size + len(data) > self._max_bytes:
                head = data.find(b"\n") + 1  # a line that was begun ends in the file that has its beginning
                self._write(data[:head])
                data = data[head:]
                self._rotate()
            self._write(data)
            self._failing = False
        except OSError as error:
            if not self._failing:
                logger.error("%s: output is dropped: %s", self.path, error)  # noqa: TRY400
            self._failing = True
            self.close()

    def open(self) -> int:
        """Have the file of that name open, and return its size. Raises OSError; a link in its place is not followed."""
        if self._file is not None:
            found = os.fstat(self._file)
            if self._is_in_place(found):
                return found.st_size
            self.close()  # it was removed or renamed: begin anew
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        return os.fstat(self._file).st_size

    def close(self) -> None:
        """Let go of the file; the next output opens the one that has its name then."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _is_in_place(self, opened: os.stat_result) -> bool:
        try:
            there = os.lstat(self.path)
        except FileNotFoundError:
            return False
        return (there.st_dev, there.st_ino) == (opened.st_dev, opened.st_ino)

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._file is not None:
            view = view[os.write(self._file, view) :]

    def _rotate(self) -> None:
        self.close()
        for number in range(self._backups, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        self.open()
