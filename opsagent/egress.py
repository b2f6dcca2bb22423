"""The one door by which the agent's own messages leave the machine, and the only module that knows Apprise.

`send` runs this very module as a short-lived process of its own (`python -m opsagent.egress`): a service that hangs is
ended, nothing of the environment is heeded (no proxy, key, `.netrc` or tracing variable), and what the process may reach
is what the configuration names, watched by an audit hook that cannot be taken off: any other host, program or socket is
refused before anything is said to it. The address comes over standard input, never as an argument.

EgressError
"""

from __future__ import annotations

import asyncio
import json
import os
import stat
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

TIMEOUT_S = 20.0
_ENDS_S = 5.0
_ANSWER_MAX = 64 * 1024
_URL_MAX = 8192
_KEPT = ("PATH", "LANG", "LC_ALL", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "DBUS_SESSION_BUS_ADDRESS")


class EgressError(Exception):
    """It cannot be sent. One line; no secret in it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """How it went."""

    ok: bool
    where: str
    """Scheme and hosts, no secret."""
    size: int
    """Bytes that went to a socket; of the text, where the service is a local one."""
    why: str = ""
    """Why it was not sent."""


def address(*, url_file: str, url_env: str, folder: Path) -> str:
    """Return the address that the configuration refers to. Raises EgressError."""
    if url_env:
        found = os.environ.get(url_env, "")
        if not found.strip():
            raise EgressError(f"the variable {url_env} is empty: set it for the daemon")
        return found.strip()
    path = Path(url_file).expanduser()
    path = path if path.is_absolute() else folder / path
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except OSError as error:
        raise EgressError(f"{path}: cannot be read ({error.strerror}): write the Apprise URL there") from error
    with os.fdopen(descriptor, "rb") as file:
        found_stat = os.fstat(file.fileno())
        if not stat.S_ISREG(found_stat.st_mode) or found_stat.st_uid not in {os.geteuid(), 0}:
            raise EgressError(f"{path}: is no plain file of yours")
        if found_stat.st_mode & 0o077:
            raise EgressError(f"{path}: others may read it: chmod 600 {path}")
        lines = [line.strip() for line in file.read(_URL_MAX).decode("utf-8", "replace").splitlines()]
    urls = [line for line in lines if line and not line.startswith("#")]
    if len(urls) != 1:
        raise EgressError(f"{path}: must hold one Apprise URL, has {len(urls)}")
    return urls[0]


async def send(
    url: str, *, title: str, body: str, hosts: tuple[str, ...] = (), proxy: str = "", timeout_s: float = TIMEOUT_S
) -> Sent:
    """Send one message. Never raises for what the service or the network does. Takes `timeout_s` at most."""
    order = {"url": url, "title": title, "body": body, "hosts": list(hosts), "proxy": proxy, "timeout_s": timeout_s}
    env = {name: os.environ[name] for name in _KEPT if name in os.environ}
    package = str(Path(__file__).resolve().parent.parent)
    # As isolated as it can be while the package is found: no user site, no start-up files, no folder of the caller.
    command = [sys.executable, "-s", "-P", "-m", "opsagent.egress"]
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={
            **env,
            "PYTHONPATH": package,
            "NETRC": os.devnull,
            "HOME": "/nonexistent",
            "NO_PROXY": "" if proxy else "*",
        },
        cwd="/",
        start_new_session=True,
    )
    try:
        said, _ = await asyncio.wait_for(process.communicate(json.dumps(order).encode()), timeout_s + _ENDS_S)
    except TimeoutError:
        return Sent(ok=False, where=_scheme(url), size=0, why=f"no answer within {timeout_s:.0f} s")
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return _read(said[:_ANSWER_MAX], url)


def _read(said: bytes, url: str) -> Sent:
    try:
        answer = json.loads(said)
        return Sent(
            ok=bool(answer["ok"]), where=str(answer["where"]), size=int(answer["bytes"]), why=str(answer["why"])
        )
    except (ValueError, KeyError, TypeError):
        return Sent(ok=False, where=_scheme(url), size=0, why="the sending process broke off")


def _scheme(url: str) -> str:
    scheme, named, _ = url.partition("://")  # without one, all of it is the secret
    return scheme.lower() if named and scheme.isalnum() and len(scheme) <= 24 else "?"


class _TimeUp(BaseException):
    """Raised out of whatever a plugin is waiting for; what plugins catch does not catch it."""


class _Refused(OSError):
    """What the configuration does not name is not reached."""


class _Wall:
    """Lets this process reach what is named, and counts what it says there."""

    def __init__(self, hosts: list[str], proxy: str) -> None:
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
        """Refuse what is not named: other hosts, datagrams to them, programs."""
        if event in {"socket.getaddrinfo", "socket.gethostbyname"}:
            self._name(_text(args[0]))
        elif event in {"socket.connect", "socket.sendto", "socket.sendmsg"} and isinstance(args[1], tuple):
            self._connect(str(args[1][0]), int(args[1][1]))
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
        raise _Refused(f"not named in the configuration: {what}")


_NEVER = frozenset({"subprocess.Popen", "os.exec", "os.posix_spawn", "os.system", "os.fork", "os.forkpty", "pty.spawn"})
_NOWHERE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # what a socket is bound to before it is used
"""Looked up by libraries to see what the machine can do."""


def _text(host: object) -> str:
    return (host.decode("ascii", "replace") if isinstance(host, bytes) else str(host or "")).lower()


def _ports_by_name(hosts: list[str]) -> dict[str, set[int]]:
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


def _deliver(order: Mapping[str, Any]) -> dict[str, Any]:
    """Do it, in the process that is for nothing else."""
    proxy = str(order["proxy"])
    if proxy:
        os.environ.update(HTTP_PROXY=proxy, HTTPS_PROXY=proxy, http_proxy=proxy, https_proxy=proxy)
    import apprise

    scheme = _scheme(str(order["url"]))
    seen: list[str] = []
    asset = apprise.AppriseAsset(storage_mode="memory", secure_logging=True, app_id="opsagent", app_desc="opsagent")
    wall = _Wall([str(host) for host in order["hosts"]], proxy)
    target = apprise.Apprise(asset=asset)
    if not target.add(str(order["url"])) or len(target) != 1:
        return {"ok": False, "where": scheme, "bytes": 0, "why": "is no address that Apprise knows"}
    _adjust(target[0], str(order["url"]), float(order["timeout_s"]))
    wall.arm()
    try:
        ok = bool(
            target.notify(
                title=str(order["title"]), body=str(order["body"]), body_format="text", interpret_escapes=False
            )
        )
    except _TimeUp:
        seen.append(_late(order))
        ok = False
    except Exception as error:  # noqa: BLE001  # plugins raise whatever their service makes of it
        seen.append(type(error).__name__)
        ok = False
    reached = ", ".join(sorted(wall.reached))
    where = f"{scheme} {reached}" if reached else scheme
    size = wall.size or (len(f"{order['title']}{order['body']}".encode()) if ok else 0)
    return {"ok": ok, "where": where, "bytes": size, "why": "" if ok else _why(wall, seen)}


def _adjust(service: Any, url: str, timeout_s: float) -> None:
    """Give the service time: what it takes late is not said again. What is too long for it becomes several."""
    if "rto=" not in url:
        service.socket_read_timeout = max(service.socket_read_timeout, timeout_s * 3 / 4)
    if "overflow=" not in url:
        service.overflow_mode = "split"


def _why(wall: _Wall, seen: list[str]) -> str:
    if wall.refused:
        first = wall.refused[0].rpartition(":")[0] or wall.refused[0]
        return f'it wants to reach {first}, which is not among the hosts of the channel: add "{first}" there'
    return f"the service did not take it{f' ({seen[0]})' if seen else ''}"


def _late(order: Mapping[str, Any]) -> str:
    return f"no answer within {float(order['timeout_s']):.0f} s"


def _time_is_up(*_: object) -> None:
    raise _TimeUp


def _main() -> int:
    import signal
    import threading

    order = json.loads(sys.stdin.buffer.read())
    # It ends by itself, whatever becomes of whoever asked: with an answer, or, where nothing can be interrupted, without.
    signal.signal(signal.SIGALRM, _time_is_up)
    signal.setitimer(signal.ITIMER_REAL, max(0.1, float(order["timeout_s"])))
    last = threading.Timer(max(0.1, float(order["timeout_s"])) + _ENDS_S, os._exit, [1])
    last.daemon = True
    last.start()
    try:
        answer = _deliver(order)
    except _TimeUp:
        answer = {"ok": False, "where": _scheme(str(order["url"])), "bytes": 0, "why": _late(order)}
    sys.stdout.write(json.dumps(answer))
    sys.stdout.flush()
    os._exit(0)  # plugins may have left threads


if __name__ == "__main__":
    sys.exit(_main())
