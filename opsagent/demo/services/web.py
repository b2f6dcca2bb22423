"""Just enough HTTP/1.1 for the demo: a server that stops without losing a request, and a client. Stdlib only.

Graceful stop (`Server.stop`): accept no more; answer what is in flight; answer the next request on an idle
keep-alive connection with `Connection: close`; close what stays idle for `linger_s`. A client that uses its idle
connections within that time loses nothing (RFC 9112 §9.6 describes the race that an immediate close would lose).
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit

_log = logging.getLogger("web")

_LARGEST_BODY = 1 << 20
_CLOSE_WAIT_S = 1.0


class Unreachable(Exception):
    """A request got no answer. `kind` is `refused`, `reset`, `closed`, `timeout` or `error`."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class BadRequest(Exception):
    """What came over the connection is not HTTP as we speak it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request, read whole."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @property
    def wants_close(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """One answer, held whole. Header names are lower case."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def json(cls, value: object, status: int = 200, **headers: str) -> Response:
        """Return an answer with a JSON body; `headers` take underscores for hyphens."""
        named = {name.replace("_", "-"): text for name, text in headers.items()}
        return cls(status=status, body=json.dumps(value).encode() + b"\n", headers=named)


Handler = Callable[[Request], Awaitable[Response]]


def listener(port: int, host: str = "127.0.0.1") -> socket.socket:
    """Return a listening socket: the inherited one (`LISTEN_FD`) where there is one, else bound to `port`.

    Raises OSError when the port cannot be bound.
    """
    inherited = os.environ.get("LISTEN_FD")
    sock = socket.socket(fileno=int(inherited)) if inherited else socket.create_server((host, port), backlog=128)
    sock.setblocking(False)
    return sock


async def read_head(reader: asyncio.StreamReader) -> tuple[str, dict[str, str]] | None:
    """Read a first line and headers (names in lower case); None when the peer closed before the first byte."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise BadRequest("cut off in the middle of its headers") from None
        return None
    except asyncio.LimitOverrunError:
        raise BadRequest("headers too long") from None
    first, *rest = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return first, headers


async def read_body(reader: asyncio.StreamReader, headers: Mapping[str, str]) -> bytes:
    """Read the body that `content-length` announces."""
    announced = headers.get("content-length", "0")
    if not announced.isdecimal() or int(announced) > _LARGEST_BODY:
        raise BadRequest("no usable content-length")
    return await reader.readexactly(int(announced))


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """Read one request; None when the client has closed the connection."""
    head = await read_head(reader)
    if head is None:
        return None
    first, headers = head
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequest("not an HTTP/1 request line")
    target = urlsplit(words[1])
    query = {name: values[-1] for name, values in parse_qs(target.query).items()}
    body = await read_body(reader, headers)
    return Request(method=words[0], path=target.path, query=query, headers=headers, body=body)


def written(response: Response, *, close: bool) -> bytes:
    """Return an answer as bytes on the wire."""
    lines = [
        f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}",
        f"content-length: {len(response.body)}",
        f"connection: {'close' if close else 'keep-alive'}",
        *(f"{name}: {value}" for name, value in response.headers.items()),
    ]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + response.body


class Server:
    """Serves one listening socket with one handler until told to stop."""

    def __init__(self, sock: socket.socket, handler: Handler, *, linger_s: float = 2.0, drain_s: float = 6.0) -> None:
        """`linger_s`: how long idle connections may still send one request; `drain_s`: the longest stop after that."""
        self._sock = sock
        self._handler = handler
        self._linger_s = linger_s
        self._drain_s = drain_s
        self._stopping = asyncio.Event()
        self._busy: dict[asyncio.Task[None], bool] = {}

    def stop(self) -> None:
        """Begin the graceful stop; `serve` returns when it is done."""
        self._stopping.set()

    async def serve(self) -> None:
        """Serve until `stop`, then until the last request is answered."""
        loop = asyncio.get_running_loop()
        # Not asyncio.Server: its close() drops connections that it has accepted but not yet attached (3.11).
        loop.add_reader(self._sock.fileno(), self._accept)
        await self._stopping.wait()
        loop.remove_reader(self._sock.fileno())
        if not os.environ.get("LISTEN_FD"):
            while self._accept():  # nobody else will ever answer what waits in a queue of our own
                pass
        self._sock.close()
        if self._busy:
            await asyncio.wait(self._busy, timeout=self._linger_s)
        for task, busy in self._busy.items():
            if not busy:
                task.cancel()
        if self._busy:
            await asyncio.wait(self._busy, timeout=self._drain_s)

    def _accept(self) -> bool:
        try:
            sock, _ = self._sock.accept()
        except OSError:  # another worker was faster, or the client has gone
            return False
        sock.setblocking(False)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        task = asyncio.get_running_loop().create_task(self._converse(sock))
        self._busy[task] = True
        task.add_done_callback(self._forget)
        return True

    def _forget(self, task: asyncio.Task[None]) -> None:
        self._busy.pop(task, None)

    async def _converse(self, sock: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=sock)
        try:
            while await self._exchange(reader, writer):
                pass
            if writer.can_write_eof():
                # A close with unread bytes in the queue becomes a reset, which can overtake our last answer.
                writer.write_eof()
                async with asyncio.timeout(_CLOSE_WAIT_S):
                    while await reader.read(65536):
                        pass
        except (OSError, asyncio.IncompleteReadError, BadRequest, TimeoutError):
            pass
        finally:
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        task = asyncio.current_task()
        assert task is not None
        self._busy[task] = False
        request = await read_request(reader)
        self._busy[task] = True
        if request is None:
            return False
        response = await self._answer(request)
        close = request.wants_close or self._stopping.is_set()
        writer.write(written(response, close=close))
        await writer.drain()
        return not close

    async def _answer(self, request: Request) -> Response:
        try:
            return await self._handler(request)
        except Exception:  # noqa: BLE001 - one bad request must not end the service; it is logged whole
            _log.exception("%s %s failed", request.method, request.path)
            return Response.json({"error": "internal"}, 500)


class Connection:
    """One connection of a client; reusable while the server keeps it open."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.reusable = True
        self.used_at = asyncio.get_running_loop().time()

    @classmethod
    async def open(cls, host: str, port: int) -> Connection:
        """Connect. Raises OSError."""
        return cls(*await asyncio.open_connection(host, port))

    async def ask(self, method: str, path: str, body: bytes = b"", *, keep: bool = False) -> Response:
        """Send one request and read its answer. Raises OSError, EOFError or BadRequest."""
        head = [f"{method} {path} HTTP/1.1", "host: localhost", f"content-length: {len(body)}"]
        head.append(f"connection: {'keep-alive' if keep else 'close'}")
        self._writer.write("\r\n".join(head).encode("latin-1") + b"\r\n\r\n" + body)
        await self._writer.drain()
        answer = await read_head(self._reader)
        if answer is None:
            raise EOFError("the server closed the connection without an answer")
        first, headers = answer
        self.reusable = keep and headers.get("connection", "").lower() != "close"
        status = first.split(" ")[1]
        response = Response(status=int(status), body=await read_body(self._reader, headers), headers=headers)
        self.used_at = asyncio.get_running_loop().time()
        return response

    def close(self) -> None:
        """Close it without waiting."""
        self.reusable = False
        self._writer.close()


def kind_of(error: BaseException) -> str:
    """Return the kind of failure that `Unreachable` carries."""
    match error:
        case TimeoutError():
            return "timeout"
        case ConnectionRefusedError():
            return "refused"
        case ConnectionError():
            return "reset"
        case EOFError():  # IncompleteReadError is one
            return "closed"
        case _:
            return "error"


async def fetch(
    url: str, *, method: str = "GET", path: str | None = None, body: bytes = b"", timeout_s: float = 1.0
) -> Response:
    """Ask once over a connection of its own. Raises Unreachable."""
    target = urlsplit(url)
    connection: Connection | None = None
    try:
        async with asyncio.timeout(timeout_s):
            connection = await Connection.open(target.hostname or "127.0.0.1", target.port or 80)
            return await connection.ask(method, path or target.path or "/", body)
    except (OSError, EOFError, BadRequest, ValueError) as error:
        raise Unreachable(kind_of(error)) from error
    finally:
        if connection is not None:
            connection.close()
