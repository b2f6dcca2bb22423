"""Whose process is at the other end of a unix socket, as the kernel says. A leaf: standard library only."""

from __future__ import annotations

import socket
import struct
from pathlib import Path

_LOCAL_PEERCRED = 1
"""macOS, `sys/un.h`: level SOL_LOCAL (0); answers with `struct xucred` (version, uid, …)."""


_NOBODY_LOGGED_IN = 0xFFFFFFFF


def peer_uid(connection: socket.socket) -> int | None:
    """Return the user id of the process at the other end; None where the kernel does not say."""
    return peer_of(connection)[0]


def peer_of(connection: socket.socket) -> tuple[int | None, int | None]:
    """Return user id and process id of the other end; None for what the kernel does not say."""
    try:
        if hasattr(socket, "SO_PEERCRED"):
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid, uid, _gid = struct.unpack("3i", found)
            return int(uid), int(pid) or None
        found = connection.getsockopt(0, _LOCAL_PEERCRED, 76)
        return int(struct.unpack_from("II", found)[1]), None
    except (OSError, struct.error):
        return None, None


def person_of(uid: int, pid: int | None = None) -> str:
    """Return the name of the person behind a process.

    For root it is who logged in (`/proc/PID/loginuid`, proc(5)), where somebody did; whoever became another user after
    logging in is both, `deploy (kim)`: `sudo` does not make a second person of anybody (`same_person`). The name of an
    unknown user is `uid N`.
    """
    logged_in = login_uid(pid) if pid is not None else None
    if logged_in is None or logged_in == uid:
        return _name_of(uid)
    return _name_of(logged_in) if uid == 0 else f"{_name_of(uid)} ({_name_of(logged_in)})"


def same_person(one: str, other: str) -> bool:
    """Tell whether two names, as `person_of` gives them, may be one person's: they have a user in common."""
    return bool(_users(one) & _users(other))


def _users(name: str) -> set[str]:
    plain, _, logged_in = name.partition(" (")
    return {plain, logged_in.removesuffix(")")} - {""}


def _name_of(uid: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def login_uid(pid: int) -> int | None:
    """Return the user id with which the session of a process was logged in; None: with none, or nobody says."""
    try:
        found = int(Path(f"/proc/{pid}/loginuid").read_text())
    except (OSError, ValueError):
        return None
    return None if found == _NOBODY_LOGGED_IN else found
