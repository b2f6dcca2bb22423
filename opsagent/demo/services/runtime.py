"""What the demo's services share: log lines, the state folder, the lock file, and the way they run. Stdlib only."""

from __future__ import annotations

import argparse
import asyncio
import logging
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from opsagent.demo.services import web

EXIT_LOCKED = 3
"""Exit code of a service that found its lock taken."""
EXIT_PORT_TAKEN = 4
"""Exit code of a service that could not bind its port."""


class _Utc(logging.Formatter):
    """`2026-01-31T12:00:00.123Z LEVEL name: message`, one line a record."""

    converter = staticmethod(time.gmtime)

    def __init__(self) -> None:
        super().__init__("%(asctime)s.%(msecs)03dZ %(levelname)s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")


def logger(name: str) -> logging.Logger:
    """Configure logging for a program (stderr) and return its logger."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Utc())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)
    return logging.getLogger(name)


def parser(description: str) -> argparse.ArgumentParser:
    """Return the parser with the options that every service has."""
    options = argparse.ArgumentParser(description=description)
    options.add_argument("--port", type=int, default=0, help="port to listen on, unless LISTEN_FD is set")
    options.add_argument(
        "--state", type=Path, default=Path(os.environ.get("STATE_DIR", ".")), help="folder for its files"
    )
    return options


class Lock:
    """A lock file with the holder's pid in it, as naive daemons use it: who finds it there does not start.

    It is taken for a piece of work that must not run twice and removed when that is done. A holder that dies in
    the middle leaves it behind, and nobody asks whether the pid in it still lives: that is what the demo's fourth
    fault is about.
    """

    def __init__(self, path: Path, log: logging.Logger) -> None:
        self._path = path
        self._log = log

    def refuse_if_held(self) -> None:
        """Leave the program with `EXIT_LOCKED` when the lock is taken."""
        try:
            holder = self._path.read_text(encoding="ascii", errors="replace").strip()
        except FileNotFoundError:
            return
        self._log.critical("lock %s is held by pid %s", self._path, holder or "unknown")
        raise SystemExit(EXIT_LOCKED)

    def __enter__(self) -> None:
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{os.getpid()}\n")

    def __exit__(self, *_: object) -> None:
        self._path.unlink(missing_ok=True)


async def serve(
    log: logging.Logger, port: int, handler: web.Handler, beside: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Serve until SIGTERM or SIGINT, then stop gracefully. `beside` runs next to it for as long."""
    try:
        sock = web.listener(port)
    except OSError as error:
        log.critical("cannot listen on port %d: %s", port, error.strerror)
        raise SystemExit(EXIT_PORT_TAKEN) from None
    where = sock.getsockname()[1]
    server = web.Server(sock, handler)
    loop = asyncio.get_running_loop()
    for signum in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(signum, server.stop)
    task = asyncio.ensure_future(beside()) if beside is not None else None
    log.info("listening on port %d", where)
    await server.serve()
    if task is not None:
        task.cancel()
    log.info("stopped")
