"""Whose process is at the other end of a unix socket, as the kernel says. A leaf: standard library only."""

from __future__ import annotations

import socket
import struct

_LOCAL_PEERCRED = 1
"""macOS, `sys/un.h`: level SOL_LOCAL (0); answers with `struct xucred` (version, uid, …)."""


def peer_uid(connection: socket.socket) -> int | None:
    """Return the user id of the process at the other end; None where the kernel does not say."""
    try:
        if hasattr(socket, "SO_PEERCRED"):
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            return int(struct.unpack("3i", found)[1])
        found = connection.getsockopt(0, _LOCAL_PEERCRED, 76)
        return int(struct.unpack_from("II", found)[1])
    except (OSError, struct.error):
        return None
