"""One call of the local API that blocks until it is answered: for commands that load no event loop."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from opsagent.api.exchange import Exchange
from opsagent.api.protocol import ANSWER_MAX

_CHUNK = 256 * 1024


def call_sync(path: Path, method: str, params: Mapping[str, Any] | None = None, *, patience_s: float) -> Any:
    """Return the result of a method, as JSON-like data.

    Raises ApiError as `ApiClient.call` does, and TimeoutError after `patience_s`.
    """
    exchange = Exchange(path, 1, method, params)
    deadline = time.monotonic() + patience_s
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as talk:
        try:
            talk.settimeout(_left(deadline))
            talk.connect(str(path))
        except TimeoutError:
            raise
        except OSError as error:
            raise exchange.unreachable(error) from error
        exchange.check_server(talk)
        with suppress(ConnectionError):  # its answer may be there all the same; else the end of file tells
            talk.sendall(exchange.request())
        rest = bytearray()
        try:
            while True:
                frame = exchange.frame(_line(talk, rest, deadline))
                if frame is not None and "result" in frame:
                    return frame["result"]
        except (ConnectionError, EOFError) as error:
            raise exchange.gone() from error


def _line(talk: socket.socket, rest: bytearray, deadline: float) -> bytes:
    """Return the next line; what came behind it stays in `rest`. Raises EOFError where there is none, or no end to it."""
    searched = 0
    while (end := rest.find(b"\n", searched)) < 0:
        searched = len(rest)
        talk.settimeout(_left(deadline))
        part = talk.recv(_CHUNK)
        if not part or searched > ANSWER_MAX:
            raise EOFError
        rest += part
    line = bytes(rest[: end + 1])
    del rest[: end + 1]
    return line


def _left(deadline: float) -> float:
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left
