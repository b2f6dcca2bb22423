"""How a call of the local API fails, each in one line.

ApiError
├── DaemonNotRunning    nobody serves the socket
├── DaemonGone          it went away in the middle of the call
├── VersionMismatch     the two ends are of different versions
├── AlreadyServing      a living daemon serves this socket
├── NotTheOwner         the other end belongs to another user
└── RemoteError         the daemon answered with an error (`code`, `message`)
    └── RemoteLookup    it knows no such thing; a LookupError too
"""

from __future__ import annotations


class ApiError(Exception):
    """A call did not work."""


class DaemonNotRunning(ApiError):
    """Nobody serves the socket."""


class DaemonGone(ApiError):
    """The daemon went away in the middle of a call."""


class VersionMismatch(ApiError):
    """The two ends are of different versions."""


class AlreadyServing(ApiError):
    """A living daemon serves this socket."""


class NotTheOwner(ApiError):
    """The other end belongs to another user."""


class RemoteError(ApiError):
    """The daemon answered with an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
        """`bad_request`, `bad_params`, `no_method`, `internal`, or the name of the exception over there."""


class RemoteLookup(RemoteError, LookupError):
    """The daemon knows no such thing."""
