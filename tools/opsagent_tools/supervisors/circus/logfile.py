"""One service's log: what its instances write, kept in a file that is rotated by size.

The instances write into a pipe that they also hold open for reading. So they neither die of SIGPIPE nor see an
error when the engine's daemon is killed; they only wait, once the pipe is full, until they are ended or replaced.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from pathlib import Path

logger = logging.getLogger(__name__)

MAX_BYTES = 10 * 1024 * 1024
BACKUPS = 3
_CHUNK = 65536
_PIPE_BYTES = 256 * 1024


class LogFile:
    """The reading end of the pipe and the file behind it. `drain` is called when there is something to read."""

    def __init__(self, path: Path, *, max_bytes: int = MAX_BYTES, backups: int = BACKUPS) -> None:
        self.path = path
        self._max_bytes = max_bytes
        self._backups = backups
        self._file: int | None = None
        self._failing = False
        self._reader, self._writer = os.pipe()
        os.set_blocking(self._reader, False)
        if hasattr(fcntl, "F_SETPIPE_SZ"):
            with contextlib.suppress(OSError):  # beyond the user's share of pipe buffers
                fcntl.fcntl(self._writer, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    def fileno(self) -> int:
        """Return the descriptor to watch for reading."""
        return self._reader

    def open_for_child(self) -> int:
        """Return a new descriptor to write to; the caller closes it after the fork.

        Each instance gets an open file of its own: one that makes its output non-blocking (Node does) must not
        do so for its siblings.
        """
        try:
            return os.open(f"/proc/self/fd/{self._writer}", os.O_RDWR | os.O_CLOEXEC)
        except OSError:
            return os.dup(self._writer)

    def drain(self, limit: int = _CHUNK) -> bool:
        """Move up to `limit` bytes from the pipe into the file; return whether there were any."""
        try:
            data = os.read(self._reader, limit)
        except BlockingIOError:
            return False
        if data:
            self._append(data)
        return bool(data)

    def close(self) -> None:
        """Take what is still in the pipe, then close everything."""
        while self.drain():
            pass
        os.close(self._reader)
        os.close(self._writer)
        self._close_file()

    def _append(self, data: bytes) -> None:
        try:
            size = self._open_size()
            if size and size + len(data) > self._max_bytes:
                head = data.find(b"\n") + 1  # a line that was begun ends in the file that has its beginning
                self._write(data[:head])
                data = data[head:]
                self._rotate()
            self._write(data)
            self._failing = False
        except OSError as error:
            # A full disk must not stop the service: its output is dropped, and said once.
            if not self._failing:
                logger.error("%s: output is dropped: %s", self.path, error)  # noqa: TRY400
            self._failing = True
            self._close_file()

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view and self._file is not None:
            view = view[os.write(self._file, view) :]

    def _open_size(self) -> int:
        if self._file is not None:
            found = os.fstat(self._file)
            if found.st_nlink:
                return found.st_size
            self._close_file()  # somebody removed it: begin anew
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        self._file = os.open(self.path, flags, 0o600)
        return os.fstat(self._file).st_size

    def _rotate(self) -> None:
        self._close_file()
        for number in range(self._backups, 0, -1):
            older = self.path.with_name(f"{self.path.name}.{number}")
            newer = self.path.with_name(f"{self.path.name}.{number - 1}") if number > 1 else self.path
            with contextlib.suppress(FileNotFoundError):
                newer.replace(older)
        self._open_size()

    def _close_file(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None
