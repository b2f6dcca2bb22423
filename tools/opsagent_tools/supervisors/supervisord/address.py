"""Where a supervisord is asked, and with which name and password. Reads secrets late, and only from private files."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from opsagent_tools.supervisors.port import NotPermitted

_SOCKET_PATH_MAX = 107
_SECRET_MAX = 4096


@dataclass(frozen=True, slots=True)
class Address:
    """A unix socket, or a host and port."""

    path: str = ""
    host: str = ""
    port: int = 0

    @classmethod
    def parse(cls, text: str, *, beyond_loopback: bool = False) -> Address:
        """Read `unix:///path` or `http://host:port`. Raises ValueError, also for a host that is not this machine.

        `beyond_loopback`: the configuration says that the password may cross the network in the clear.
        """
        parts = urlsplit(text)
        if parts.username is not None or parts.password is not None:
            raise ValueError("a password in an address ends up in logs: put it into a file of mode 0600")
        if parts.scheme == "unix" and not parts.netloc and parts.path.startswith("/"):
            if len(os.fsencode(parts.path)) > _SOCKET_PATH_MAX:
                raise ValueError(f"longer than a unix socket's path can be ({_SOCKET_PATH_MAX} bytes): {text}")
            return cls(path=parts.path)
        if parts.scheme == "http" and parts.hostname and parts.port and parts.path in {"", "/", "/RPC2"}:
            if not beyond_loopback and not _is_loopback(parts.hostname):
                raise ValueError(f"{parts.hostname} is not this machine: http would carry the password in the clear")
            return cls(host=parts.hostname, port=parts.port)
        raise ValueError(f"neither unix:///path nor http://host:port: {text!r}")

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"unix://{self.path}" if self.path else f"http://{host}:{self.port}"

    @property
    def host_header(self) -> str:
        return "localhost" if self.path else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Credentials:
    """A user name, and where its password is kept."""

    username: str
    password_file: Path
    """A file of mode 0600 with the password in its first line."""

    def header(self) -> str:
        """Return the value of an `Authorization` header. Raises NotPermitted where the file is missing or not private."""
        import base64

        password = read_secret(self.password_file)
        return "Basic " + base64.b64encode(f"{self.username}:{password}".encode()).decode("ascii")


def read_secret(path: Path) -> str:
    """Return the first line of a private file of this user (or root's). Raises NotPermitted."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with os.fdopen(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if not stat.S_ISREG(status.st_mode) or status.st_uid not in {os.geteuid(), 0} or status.st_mode & 0o077:
                raise NotPermitted(f"{path}: a password's file must be yours and private: chmod 600 {path}")
            return file.read(_SECRET_MAX).decode(errors="replace").partition("\n")[0].rstrip("\r")
    except OSError as error:
        raise NotPermitted(f"{path}: the password cannot be read: {error.strerror or error}") from None


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    import ipaddress

    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
