"""A guard that keeps tests on this machine: only loopback and unix sockets may be reached."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class NetworkForbidden(RuntimeError):
    """A test tried to reach something beyond this machine."""


@contextmanager
def loopback_only() -> Iterator[list[str]]:
    """Refuse connections and look-ups beyond this machine; yield the list of those that were tried."""
    tried: list[str] = []
    connect, connect_ex, lookup = socket.socket.connect, socket.socket.connect_ex, socket.getaddrinfo

    def check(family: int, address: Any) -> None:
        if family in {socket.AF_INET, socket.AF_INET6} and not _is_local(str(address[0])):
            tried.append(str(address))
            raise NetworkForbidden(f"tests stay on this machine, but one asked for {address}")

    def guarded_connect(self: socket.socket, address: Any) -> None:
        check(self.family, address)
        connect(self, address)

    def guarded_connect_ex(self: socket.socket, address: Any) -> int:
        check(self.family, address)
        return connect_ex(self, address)

    def guarded_lookup(host: Any, *args: Any, **kwargs: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name and not _is_local(str(name)):
            tried.append(str(name))
            raise NetworkForbidden(f"tests stay on this machine, but one looked up {name}")
        return lookup(host, *args, **kwargs)

    patched: Any = socket
    patched.socket.connect, patched.socket.connect_ex = guarded_connect, guarded_connect_ex
    patched.getaddrinfo = guarded_lookup
    try:
        yield tried
    finally:
        patched.socket.connect, patched.socket.connect_ex = connect, connect_ex
        patched.getaddrinfo = lookup


def _is_local(host: str) -> bool:
    if host in {"localhost", "", socket.gethostname()} or host.endswith((".localhost", ".invalid")):
        return True
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified
