"""One call of the local API without its transport: what to send, what the answers mean, what to say when it fails.

The clients (`client.py` on asyncio, `call.py` blocking) move the bytes and leave the judging to this.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opsagent import __version__
from opsagent.api.errors import (
    ApiError,
    DaemonGone,
    DaemonNotRunning,
    NotTheOwner,
    RemoteError,
    RemoteLookup,
    VersionMismatch,
)
from opsagent.api.protocol import PROTOCOL, BadFrame, decode, encode
from opsagent_tools.peers import peer_uid

_NOBODY = (FileNotFoundError, ConnectionRefusedError, NotADirectoryError)


class Exchange:
    """One call to the daemon at `path`."""

    def __init__(self, path: Path, number: int, method: str, params: Mapping[str, Any] | None) -> None:
        self._path = path
        self._number = number
        self._method = method
        self._params = dict(params or {})

    def request(self) -> bytes:
        """Return the line to send."""
        return encode({"v": PROTOCOL, "id": self._number, "method": self._method, "params": self._params})

    def check_server(self, connection: socket.socket) -> None:
        """Raise NotTheOwner unless this user serves the socket."""
        uid = peer_uid(connection)
        if uid != os.geteuid():
            raise NotTheOwner(f"{self._path}: is served by user {uid}, not by you: remove it, or use your own home")

    def frame(self, line: bytes) -> dict[str, Any] | None:
        """Return the frame of an answer line, None if it is another call's. Raises what the daemon answered with."""
        try:
            frame = decode(line)
        except BadFrame as error:
            raise ApiError(f"{self._path}: the daemon's answer cannot be read: restart `opsagent watch`") from error
        _refuse_other_version(frame)
        if "error" in frame:
            raise _remote_error(frame["error"])
        return frame if frame.get("id") == self._number else None

    def unreachable(self, error: OSError) -> ApiError:
        """Return what to raise where connecting failed."""
        if isinstance(error, _NOBODY):
            return DaemonNotRunning(f"{self._path}: no daemon runs: start one with `opsagent watch`")
        return ApiError(f"{self._path}: cannot be reached ({error.strerror or error})")

    def gone(self) -> DaemonGone:
        """Return what to raise where the connection ended before the answer."""
        return DaemonGone(
            f"{self._path}: the daemon went away during `{self._method}`: start `opsagent watch`;"
            " `opsagent incidents list` says how far it came"
        )


def _refuse_other_version(frame: Mapping[str, Any]) -> None:
    theirs = frame.get("v")
    if theirs == PROTOCOL:
        return
    error = frame.get("error")
    other = error.get("version", "?") if isinstance(error, dict) else "?"
    raise VersionMismatch(
        f"the daemon speaks version {theirs} of the local API (opsagent {other}), this command version {PROTOCOL}"
        f" (opsagent {__version__}): restart `opsagent watch`"
    )


def _remote_error(error: Mapping[str, Any]) -> RemoteError:
    code, message = str(error.get("code", "internal")), str(error.get("message", ""))
    return (RemoteLookup if code == "LookupError" else RemoteError)(code, message)
