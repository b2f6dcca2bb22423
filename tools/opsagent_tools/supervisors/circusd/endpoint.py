"""Where a circusd is asked, and who listens there, as the kernel says. circus asks for no name and no password."""

from __future__ import annotations

import os
import socket
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from opsagent_tools.processes.listening import listening
from opsagent_tools.supervisors.port import NotPermitted, SupervisorUnreachable
from opsagent_tools.trust import Peer, peer_of

_SOCKET_PATH_MAX = 107
_CONNECT_S = 1.0
_ANY = frozenset({"0.0.0.0", "::", "*"})  # noqa: S104  # what it may be bound to; nothing is bound here
_LOOPBACK = frozenset({"localhost", "127.0.0.1"})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A unix socket, or a port of this machine."""

    path: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """Read `ipc:///path` or `tcp://127.0.0.1:5555`. Raises ValueError, also for another machine."""
        parts = urlsplit(text)
        if parts.scheme == "ipc" and not parts.netloc and parts.path.startswith("/"):
            if len(os.fsencode(parts.path)) > _SOCKET_PATH_MAX:
                raise ValueError(f"longer than a unix socket's path can be ({_SOCKET_PATH_MAX} bytes): {text}")
            return cls(path=os.path.normpath(parts.path))
        host, _, port = parts.netloc.rpartition(":")
        if parts.scheme == "tcp" and port.isdecimal() and 0 < int(port) < 65536 and parts.path in {"", "/"}:
            if host not in _LOOPBACK | _ANY:
                raise ValueError(f"{host} is not this machine: whoever listens on the way could command circusd")
            return cls(port=int(port))
        raise ValueError(f"neither ipc:///path nor tcp://127.0.0.1:port: {text!r}")

    def __str__(self) -> str:
        return f"ipc://{self.path}" if self.path else f"tcp://127.0.0.1:{self.port}"

    def whose(self) -> Peer:
        """Return who listens there. Raises SupervisorUnreachable where nobody does, NotPermitted where that is no one's own."""
        return self._of_path(Path(self.path)) if self.path else self._of_port()

    def _of_port(self) -> Peer:
        for one in listening():
            if one.port == self.port and one.address in {"127.0.0.1", "0.0.0.0", "::", "::ffff:127.0.0.1"}:  # noqa: S104
                return Peer(uid=one.uid, pid=None)
        raise SupervisorUnreachable(f"circusd at {self} is not running (nobody listens there)")

    def _of_path(self, path: Path) -> Peer:
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
                talk.settimeout(_CONNECT_S)
                talk.connect(self.path)
                peer = peer_of(talk)
            owner, folder = path.lstat(), path.parent.stat()
        except PermissionError:
            raise NotPermitted(
                f"{self}: this user (uid {os.geteuid()}) may not open the socket: run the agent as its owner, or set "
                "`endpoint_owner` in [circus] and restart circusd"
            ) from None
        except OSError as error:
            raise SupervisorUnreachable(f"circusd at {self} is not running ({error.strerror or error})") from None
        # root may have given the socket to us (`endpoint_owner`): who listens is the kernel's word
        if (
            peer is None
            or owner.st_uid not in {peer.uid, 0, os.geteuid()}
            or folder.st_uid not in {peer.uid, 0}
            or (folder.st_mode & stat.S_IWOTH and not folder.st_mode & stat.S_ISVTX)
        ):
            raise NotPermitted(
                f"{path}: user {peer.uid if peer else 'unknown'} listens on a socket of user {owner.st_uid} in a folder "
                f"of user {folder.st_uid} (mode {stat.S_IMODE(folder.st_mode):o}): not trusted"
            )
        return peer
