"""Clients that ask a web server over and over (wrk), counted: some keep their connection, some open one per request."""

from __future__ import annotations

import re
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

_LONGEST_S = 100
_REQUESTS = re.compile(r"(\d+) requests in")
_SOCKET = re.compile(r"Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)")
_STATUS = re.compile(r"Non-2xx or 3xx responses: (\d+)")


@dataclass(frozen=True)
class Counted:
    """What one kind of clients saw."""

    answered: int
    failed: int
    """Connections refused or cut, answers missing, late or wrong."""
    report: str = field(repr=False, compare=False, default="")


@dataclass
class Load:
    """Complete once the context has been left."""

    kept: Counted = Counted(0, 0)
    """Over connections that are kept."""
    fresh: Counted = Counted(0, 0)
    """Over a connection of its own for each request."""

    @property
    def failed(self) -> int:
        return self.kept.failed + self.fresh.failed

    @property
    def answered(self) -> int:
        return self.kept.answered + self.fresh.answered


@contextmanager
def under_load(wrk: Path, port: int, *, kept: int = 10, fresh: int = 10) -> Iterator[Load]:
    """Ask over so many connections while the context lasts; those that are not kept are one per request."""
    each, load = [str(wrk), "-t1", f"-d{_LONGEST_S}s", "--timeout", "5s", f"http://127.0.0.1:{port}/"], Load()
    wanted = {"kept": [f"-c{kept}"] * bool(kept), "fresh": [f"-c{fresh}", "-H", "Connection: close"] * bool(fresh)}
    commands = {which: [*each, *more] for which, more in wanted.items() if more}
    clients = {
        which: subprocess.Popen(one, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        for which, one in commands.items()
    }
    try:
        yield load
    finally:
        for which, client in clients.items():
            client.send_signal(signal.SIGINT)  # it says what it counted, and ends
            setattr(load, which, counted(client.communicate(timeout=20)[0]))


def counted(report: str) -> Counted:
    """Read what wrk prints at its end."""
    requests, socket, status = _REQUESTS.search(report), _SOCKET.search(report), _STATUS.search(report)
    if requests is None and "unable to connect" in report:  # nobody listened from the start
        return Counted(0, 1, report)
    assert requests is not None, report
    broken = sum(map(int, socket.groups())) if socket is not None else 0
    return Counted(int(requests[1]), broken + (int(status[1]) if status is not None else 0), report)
