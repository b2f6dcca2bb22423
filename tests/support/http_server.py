"""HTTP on this machine, for servers of tests."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked."""

    method: str
    path: str
    headers: Message
    """Their names in any case."""
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """What is answered: a status, and JSON where there is any."""

    status: int = 200
    said: Mapping[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


@contextmanager
def served(reply: Callable[[Request], Reply | None]) -> Iterator[int]:
    """Serve until the block ends; give the port. `reply` is asked on a thread of each request; None: it hangs up."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"] or 0))
            answer = reply(Request(self.command, self.path, self.headers, body))
            if answer is None:
                return
            data = json.dumps(answer.said).encode() if answer.said is not None else b""
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(data))}.items():
                self.send_header(name, value)
            if data:
                self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(data)

        do_POST = do_PUT = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
