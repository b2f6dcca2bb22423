"""One home of PM2: where its files are, whose they are, and the only way to its sockets.

The folder and the sockets must belong to the user that is expected, nobody else may write there, and the kernel must say
that a process of that user listens. What another user's daemon tells is for root only, and is acted on as that user.
"""

from __future__ import annotations

import contextlib
import os
import socket
from pathlib import Path

from opsagent_tools import trust
from opsagent_tools.supervisors.port import NotPermitted, SupervisorUnreachable

RPC, PUB = "rpc.sock", "pub.sock"
LOG = "pm2.log"
RELOAD_LOCK = "reload.lock"
MODULES = "module_conf.json"
_LONGEST_PATH = 107
"""unix(7): a socket's path, without the NUL."""


class Home:
    """One home, as paths; `connect` looks whether they may be trusted, each time."""

    def __init__(self, path: Path, uid: int | None = None) -> None:
        self.path = path
        self._uid = uid

    @property
    def uid(self) -> int:
        """Return whose it is: as expected, else who owns the folder now. Raises SupervisorUnreachable."""
        if self._uid is not None:
            return self._uid
        try:
            return self.path.lstat().st_uid
        except OSError as error:
            raise self._missing(error) from error

    def check(self) -> int:
        """Demand that the folder is what it should be, and return whose it is. Raises NotPermitted, SupervisorUnreachable."""
        uid = self.uid
        if os.geteuid() not in (0, uid):
            raise NotPermitted(f"{self.path} is uid {uid}'s: let an agent of that user keep it")
        try:
            trust.demand_folder(self.path, uid)
        except trust.NotTrusted as error:
            raise NotPermitted(str(error)) from error
        except OSError as error:
            raise self._missing(error) from error
        return uid

    def connect(self, name: str, timeout_s: float = 0.0) -> tuple[socket.socket, trust.Peer]:
        """Connect to a socket of the daemon and return it with who listens. `timeout_s` 0: do not wait at all.

        Raises NotPermitted where it may not be trusted, SupervisorUnreachable where nobody listens.
        """
        uid, path = self.check(), self.path / name
        if len(os.fsencode(path)) > _LONGEST_PATH:
            raise SupervisorUnreachable(
                f"{path} is longer than the {_LONGEST_PATH} bytes that a socket's path may have"
            )
        talk = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            trust.demand_socket(path, uid)
            talk.settimeout(timeout_s)
            talk.connect(str(path))
            return talk, trust.demand_peer(talk, path, uid)
        except trust.NotTrusted as error:
            talk.close()
            raise NotPermitted(str(error)) from error
        except PermissionError as error:
            talk.close()
            raise NotPermitted(f"{path} lets only uid {uid} and root in") from error
        except (FileNotFoundError, ConnectionRefusedError) as error:
            talk.close()
            raise SupervisorUnreachable(f"{self.path}: the daemon of PM2 does not run") from error
        except (TimeoutError, BlockingIOError) as error:
            talk.close()
            raise SupervisorUnreachable(f"{path}: the daemon of PM2 takes no connection (does it hang?)") from error
        except BaseException:
            talk.close()
            raise

    def said_goodbye(self) -> bool:
        """Tell whether the last daemon removed its pid file, as it does when it is told to end."""
        return not os.path.lexists(self.path / "pm2.pid")

    def _missing(self, error: OSError) -> SupervisorUnreachable:
        if isinstance(error, FileNotFoundError):
            return SupervisorUnreachable(f"{self.path}: there is no such home of PM2")
        return SupervisorUnreachable(f"{self.path} cannot be looked at: {error.strerror}")


def booted_at() -> float:
    """Return when the machine was started, seconds since the epoch; 0 where it does not say."""
    with contextlib.suppress(OSError, ValueError):
        for line in Path("/proc/stat").read_text().splitlines():
            if line.startswith("btime "):
                return float(line.split()[1])
    return 0.0
