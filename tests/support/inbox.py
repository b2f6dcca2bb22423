"""A local HTTP server that takes messages as Apprise's json:// sends them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.support.http_server import Reply, Request, served


@dataclass
class Inbox:
    """What arrived, and how it is answered."""

    port: int = 0
    status: int = 200
    location: str = ""
    arrived: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    on_arrival: Callable[[], None] | None = None

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.port}/hook"


@contextmanager
def inbox() -> Iterator[Inbox]:
    """Serve until the block ends."""
    found = Inbox()

    def arrives(request: Request) -> Reply | None:
        if request.method == "GET":  # where a redirect leads
            found.arrived.append({"GET": request.path})
            return None
        found.arrived.append(json.loads(request.body))
        found.headers.append(dict(request.headers))
        if found.on_arrival is not None:
            found.on_arrival()
        return Reply(found.status, headers={"Location": found.location} if found.location else {})

    with served(arrives) as found.port:
        yield found
