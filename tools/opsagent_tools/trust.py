"""Whether what is said to be somebody's really is: folders, sockets, files and processes of one user.

A supervisor of user U is read and acted on as U. Otherwise a socket that somebody put into his own folder could have
root read /etc/shadow as a "log", or end a process of another. Nothing here follows a link or changes anything, but for
`send_signal` and what is done with a descriptor of `open_owned`. A leaf: standard library only.
"""

from __future__ import annotations

import os
import signal
import socket
import stat
import struct
from dataclasses import dataclass
from pathlib import Path

from opsagent_tools.files import UnsafeFile
from opsagent_tools.peers import peer_uid
from opsagent_tools.processes.proc import HAS_PROC, is_same, read_stat
from opsagent_tools.units import ProcessKey


class NotTrusted(Exception):
    """It is not the user's whose it is said to be; nothing was done. The text says what, where and how to mend it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The process at the other end of a unix socket, as the kernel says."""

    uid: int
    pid: int | None
    """None where the kernel tells the user only."""


def peer_of(connection: socket.socket) -> Peer | None:
    """Return who listens at the other end; None where the kernel does not say (not connected, say)."""
    try:
        if hasattr(socket, "SO_PEERCRED"):
            found = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
            pid, uid, _ = struct.unpack("3i", found)
            return Peer(uid=uid, pid=pid) if pid > 0 else None
    except (OSError, struct.error):
        return None
    other = peer_uid(connection)
    return None if other is None else Peer(uid=other, pid=None)


def demand_peer(connection: socket.socket, path: Path, uid: int) -> Peer:
    """Return who listens on `path`, if that is `uid`. Raises NotTrusted."""
    peer = peer_of(connection)
    if peer is None:
        raise NotTrusted(f"the kernel does not say who listens on {path}")
    if peer.uid != uid:
        raise NotTrusted(
            f"a process of uid {peer.uid} listens on {path}, which is uid {uid}'s: it is not asked anything"
        )
    return peer


def demand_folder(path: Path, uid: int) -> None:
    """Demand that `path` is a folder of `uid` (no link) into which nobody else can put anything.

    Raises NotTrusted, FileNotFoundError.
    """
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise NotTrusted(f"{path} is no folder" + (" but a link" if stat.S_ISLNK(found.st_mode) else ""))
    if found.st_uid != uid:
        raise NotTrusted(f"{path} belongs to uid {found.st_uid}, not to {uid}")
    if found.st_mode & stat.S_IWOTH:
        raise NotTrusted(f"everybody may write to {path}: `chmod o-w {path}`")
    if found.st_mode & stat.S_IWGRP and not is_private_group(found.st_gid, uid):
        raise NotTrusted(f"a group may write to {path}: `chmod g-w {path}`")


def is_private_group(gid: int, uid: int) -> bool:
    """Tell whether the group is the user's alone (Debian and others make one per user, and let it write)."""
    import grp
    import pwd

    try:
        group, user = grp.getgrgid(gid), pwd.getpwuid(uid)
    except KeyError:
        return False
    return user.pw_gid == gid and group.gr_name == user.pw_name and set(group.gr_mem) <= {user.pw_name}


def demand_socket(path: Path, uid: int) -> None:
    """Demand that `path` itself, and not what a link leads to, is a socket of `uid`. Raises NotTrusted, FileNotFoundError.

    Its mode says who may connect, not who listens: that is `demand_peer`'s.
    """
    found = path.lstat()
    if not stat.S_ISSOCK(found.st_mode):
        raise NotTrusted(f"{path} is no socket" + (" but a link" if stat.S_ISLNK(found.st_mode) else ""))
    if found.st_uid != uid:
        raise NotTrusted(f"{path} belongs to uid {found.st_uid}, not to {uid}")


def file_problem(path: Path, uid: int) -> str:
    """Say why a file may not be taken for one of `uid`'s, as it is now; empty: it may, or is not there.

    A look only, for lists. Who opens it uses `open_owned`: the file may be another by then.
    """
    try:
        found = path.lstat()
    except FileNotFoundError:
        return ""
    except OSError as error:
        return f"{path} cannot be looked at: {error.strerror}"
    return _problem(path, found, uid)


def open_owned(path: Path, uid: int, flags: int = os.O_RDONLY) -> int:
    """Open a regular file of `uid` with one link, and return its descriptor. Links are not followed; nothing is created.

    Raises UnsafeFile, FileNotFoundError and other OSErrors.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOCTTY)
    except OSError as error:
        if path.is_symlink():
            raise UnsafeFile(f"{path} is a link") from error
        raise
    problem = _problem(path, os.fstat(descriptor), uid)
    if problem:
        os.close(descriptor)
        raise UnsafeFile(problem)
    return descriptor


def _problem(path: Path, found: os.stat_result, uid: int) -> str:
    if stat.S_ISLNK(found.st_mode):
        return f"{path} is a link"
    if not stat.S_ISREG(found.st_mode):
        return f"{path} is no regular file"
    if found.st_uid != uid:
        return f"{path} belongs to uid {found.st_uid}, not to {uid}"
    return f"{path} has {found.st_nlink} links" if found.st_nlink != 1 else ""


def uid_of(pid: int) -> int | None:
    """Return the real user id of a process; None: there is none of that pid."""
    if not HAS_PROC:
        import psutil

        try:
            return int(psutil.Process(pid).uids().real)
        except psutil.Error:
            return None
    try:
        with open(f"/proc/{pid}/status", "rb", buffering=0) as file:  # noqa: PTH123 (for every process of every list)
            found = file.read(4096)
    except (FileNotFoundError, ProcessLookupError):
        return None
    at = found.find(b"\nUid:")
    return int(found[at + 5 :].split(maxsplit=1)[0]) if at >= 0 else None


def send_signal(process: ProcessKey, signum: int, *, uid: int | None = None) -> None:
    """Send a signal to exactly this process, whatever has its pid by then; and only if it is `uid`'s, where that is given.

    Raises ProcessLookupError where it has ended, NotTrusted where it is another user's, PermissionError.
    """
    if not hasattr(os, "pidfd_open"):
        _demand_process(process, uid)
        os.kill(process.pid, signum)
        return
    descriptor = os.pidfd_open(process.pid)
    try:
        _demand_process(process, uid)
        signal.pidfd_send_signal(descriptor, signum)
    finally:
        os.close(descriptor)


def _demand_process(process: ProcessKey, uid: int | None) -> None:
    found = read_stat(process.pid) if HAS_PROC else None
    if HAS_PROC and (found is None or found.dead or not is_same(found, process)):
        raise ProcessLookupError(f"process {process.pid} has ended")
    owner = uid_of(process.pid)
    if uid is not None and owner != uid:
        raise NotTrusted(f"process {process.pid} is uid {owner}'s, not {uid}'s")
