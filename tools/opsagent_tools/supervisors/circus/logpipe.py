"""The pipe that instances write their output into, and the lines that come out of it.

Instances also hold it open for reading. So they neither die of SIGPIPE nor see an error when the engine's daemon is
killed; they only wait, once the pipe is full, until they are ended or replaced.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import json
import os
from collections.abc import Callable
from datetime import datetime

from opsagent_tools.services.dateformat import date_format
from opsagent_tools.services.spec import ServiceSpec

Take = Callable[[bytes], None]
_CHUNK = 65536
_PIPE_BYTES = 256 * 1024
_LONGEST_LINE = 65536
_WAIT_FOR_END_S = 0.3
"""The beginning of a line (a prompt, say) is written after so long, whether its end has come or not."""


class LogPipe:
    """Both ends of the pipe. `drain` is called when there is something to read."""

    def __init__(self, take: Take) -> None:
        self._take = take
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
        """Take up to `limit` bytes out of the pipe; return whether there were any."""
        try:
            data = os.read(self._reader, limit)
        except BlockingIOError:
            return False
        if data:
            self._take(data)
        return bool(data)

    def close(self) -> None:
        """Take what is still in the pipe, then close both ends."""
        while self.drain():
            pass
        os.close(self._reader)
        os.close(self._writer)


class Lines:
    """Whole lines out of what comes in pieces, each shaped before it is written. Needs a running loop."""

    def __init__(self, shape: Callable[[bytes], bytes], write: Take) -> None:
        self._shape = shape
        self._write = write
        self._begun = b""
        self._timer: asyncio.TimerHandle | None = None

    def take(self, data: bytes) -> None:
        """Write the lines that are complete; keep the beginning of the next one for a moment."""
        *whole, self._begun = (self._begun + data).split(b"\n")
        if whole:
            self._write(b"".join(map(self._shape, whole)))
        if len(self._begun) > _LONGEST_LINE:
            self.flush()
        elif self._begun and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(_WAIT_FOR_END_S, self.flush)

    def flush(self) -> None:
        """Write the line that was begun, as if it ended here."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._begun:
            begun, self._begun = self._begun, b""
            self._write(self._shape(begun))


def shape_of(spec: ServiceSpec, number: int, stream: str, now: Callable[[], datetime]) -> Callable[[bytes], bytes]:
    """Return what makes a line of a log out of a line of output. `stream`: `out` or `err`; `number`: from 1."""
    dated = date_format(spec.log_date_format) if spec.log_date_format else None
    if spec.log_type == "json":

        def as_json(line: bytes) -> bytes:
            at = now()
            stamp = dated(at) if dated else at.isoformat(timespec="milliseconds")
            text = line.decode(errors="replace")
            fields = {"message": text, "timestamp": stamp, "type": stream}
            return json.dumps({**fields, "process_id": number - 1, "app_name": spec.name}).encode() + b"\n"

        return as_json
    if dated is not None:
        return lambda line: dated(now()).encode() + b": " + line + b"\n"
    return lambda line: line + b"\n"
