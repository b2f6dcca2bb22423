"""A wall around a process that talks to the outside: it reaches what is named, and nothing else. Standard library only.

An audit hook that cannot be taken off refuses any other host, program or socket before anything is said to it. It is for
processes that are there for one errand (`opsagent.egress`, `opsagent.brain.worker`): what is armed stays armed.

Refused   what is not named is not reached
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "DBUS_SESSION_BUS_ADDRESS")


def bare_environment() -> dict[str, str]:
    """Return what such a process may know of the environment: no proxy, key, `.netrc`, tracing or base-url variable."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    package = str(Path(__file__).resolve().parent.parent)
    return {**kept, "PYTHONPATH": package, "NETRC": os.devnull, "HOME": "/nonexistent", "NO_PROXY": "*"}


class Refused(OSError):
    """What the configuration does not name is not reached."""


class Wall:
    """Lets this process reach what is named, and counts what it says there."""

    def __init__(self, hosts: Iterable[str], proxy: str = "", *, local: bool = False) -> None:
        """`local`: sockets of this machine are reached, too: a message to the desktop goes over its bus."""
        hosts = tuple(hosts)
        self._local = local
        self._hosts = _ports_by_name(hosts)
        self._allowed = _ports_by_name([*hosts, *([proxy.partition("://")[2].rstrip("/")] if proxy else [])])
        self._proxied = bool(proxy)
        self._addresses: dict[str, str] = {}
        """Of names that are allowed, as they were looked up."""
        self.refused: list[str] = []
        self.reached: set[str] = set()
        self.size = 0
        self.armed = False

    def arm(self) -> None:
        """Watch from now on, for good."""
        import socket

        lookup = socket.getaddrinfo

        def watched(host: Any, *args: Any, **kwargs: Any) -> Any:
            found = lookup(host, *args, **kwargs)
            name = _text(host)
            for one in found:
                self._addresses[str(one[4][0])] = name
            return found

        socket.getaddrinfo = watched
        for name in ("send", "sendall"):
            setattr(socket.socket, name, self._counting(getattr(socket.socket, name)))
        import ssl

        for name in ("send", "sendall"):
            setattr(ssl.SSLSocket, name, self._counting(getattr(ssl.SSLSocket, name)))
        if self._proxied:
            self._watch_requests()
        self.armed = True
        sys.addaudithook(self.hear)

    def _watch_requests(self) -> None:
        """Behind a proxy, which is all that a socket knows of, the address of each request is looked at, and each redirect's."""
        import importlib

        adapter: Any = importlib.import_module("requests.adapters").HTTPAdapter
        send = adapter.send

        def watched(this: Any, request: Any, *args: Any, **kwargs: Any) -> Any:
            self.ask(str(request.url))
            return send(this, request, *args, **kwargs)

        adapter.send = watched

    def ask(self, url: str) -> None:
        """Refuse what a proxy may not be asked for."""
        from urllib.parse import urlsplit

        parts = urlsplit(url)
        name, port = (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
        self._reach(name, port, self._hosts)

    def _counting(self, original: Any) -> Any:
        depth = [0]

        def counted(sock: Any, data: Any, *args: Any) -> Any:
            depth[0] += 1
            try:
                result = original(sock, data, *args)
            finally:
                depth[0] -= 1
            if depth[0] == 0 and sock.family.name != "AF_UNIX":
                self.size += result if isinstance(result, int) else len(data)
            return result

        return counted

    def hear(self, event: str, args: tuple[Any, ...]) -> None:
        """Refuse what is not named: other hosts, datagrams to them, sockets of this machine (the agent's among them), programs."""
        if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
            self._name(_text(args[0]))
        elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"}:
            if isinstance(args[1], tuple):
                self._connect(str(args[1][0]), int(args[1][1]))
            elif args[1] is not None and not self._local:
                self._refuse("a local socket")
        elif event in _NEVER:
            self._refuse(f"a program ({event})")

    def _name(self, name: str) -> None:
        if name and name not in self._allowed and name not in _NOWHERE:
            self._refuse(name)

    def _connect(self, host: str, port: int) -> None:
        self._reach(self._addresses.get(host, host).lower(), port, self._allowed)

    def _reach(self, name: str, port: int, allowed: Mapping[str, set[int]]) -> None:
        ports = allowed.get(name)
        if ports is None or (ports and port not in ports):
            self._refuse(f"{name}:{port}")
        self.reached.add(f"{name}:{port}")

    def _refuse(self, what: str) -> None:
        self.refused.append(what)
        raise Refused(f"not named in the configuration: {what}")


_NEVER = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "pty.spawn"})
_NOWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # what a socket is bound to before it is used
"""Looked up by libraries to see what the machine can do."""


def _text(host: object) -> str:
    return (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")).lower()


def _ports_by_name(hosts: Iterable[str]) -> dict[str, set[int]]:
    """Return the ports that are named with each; none: any."""
    found: dict[str, set[int]] = {}
    for host in hosts:
        name, port = _parts(host)
        found.setdefault(name, set()).update({port} if port else ())
    return found


def _parts(host: str) -> tuple[str, int]:
    """Return name and port of `name`, `name:port` or `[address]:port`; 0: any port."""
    host = host.lower()
    if host.startswith("["):
        name, _, port = host[1:].partition("]")
        return name, int(port[1:] or 0) if port else 0
    name, _, port = host.partition(":")
    return name, int(port or 0)
