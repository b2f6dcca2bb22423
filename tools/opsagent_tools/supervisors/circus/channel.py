"""Node's message channel between the engine and an instance: `process.send` there, lines of JSON on a socket here.

Only two messages matter: `ready` from the instance, and `shutdown` to it. Whatever else it sends is read and dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable

READY = "ready"
SHUTDOWN = "shutdown"
_CHUNK = 65536
_LONGEST = 65536
"""A message longer than that is none of ours."""


class Channel:
    """Our end of the channel. `child` is the descriptor that the instance inherits."""

    def __init__(self, on_ready: Callable[[], None]) -> None:
        self._on_ready = on_ready
        self._begun = b""
        self._too_long = False
        self._ours, self._theirs = socket.socketpair()
        self._ours.setblocking(False)
        self.child = self._theirs.fileno()

    def started(self) -> None:
        """Read, now that the instance has its end. Needs a running loop."""
        self._theirs.close()
        asyncio.get_running_loop().add_reader(self._ours, self._read)

    def send(self, message: str) -> bool:
        """Send a message; return whether the channel took it."""
        with contextlib.suppress(OSError):
            data = json.dumps(message).encode() + b"\n"
            return self._ours.send(data) == len(data)
        return False

    def close(self) -> None:
        """Hang up. Harmless when called twice."""
        self._theirs.close()
        if self._ours.fileno() >= 0:
            with contextlib.suppress(RuntimeError):  # no loop any more
                asyncio.get_running_loop().remove_reader(self._ours)
            self._ours.close()

    def _read(self) -> None:
        try:
            data = self._ours.recv(_CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self.close()
            return
        *whole, self._begun = (self._begun + data).split(b"\n")
        for line in whole:
            if self._too_long:
                self._too_long = False  # the end of what was too long
            elif _is_ready(line):
                self._on_ready()
        if len(self._begun) > _LONGEST:
            self._begun, self._too_long = b"", True


def _is_ready(line: bytes) -> bool:
    try:
        return bool(json.loads(line) == READY)
    except (ValueError, RecursionError):
        return False
