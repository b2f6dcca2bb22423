"""A steady load on `gateway`, counting every failed request by service and kind. Stdlib only.

`python -P -m opsagent.demo.services.load --url URL --rate 40 --out FILE`. Requests go out at their times whatever
became of the earlier ones (an open loop: a stuck backend cannot slow the count down); half of them on a connection
of their own, half on kept ones; one in five writes. There are no retries. `FILE` is replaced as a whole every 0.1 s.
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from opsagent.demo.services import runtime
from opsagent.demo.services.web import BadRequest, Connection, Response, kind_of

_WRITE_EVERY_S = 0.1
_IDLE_LIMIT_S = 1.0
"""Kept connections idle for longer are not used again: servers may close them (ours do after 2 s)."""
_KEPT = 4
_KEYS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """What the load has seen since it started, or between two looks at it (`since`)."""

    at: float
    """Seconds since the epoch."""
    sent: int
    ok: int
    failed: Mapping[str, int] = field(default_factory=dict)
    """`service/kind` → requests; kinds: refused, reset, closed, timeout, error, status_NNN."""
    running: bool = True

    @classmethod
    def read(cls, path: Path) -> Counters:
        """Read the file that a load keeps. Raises OSError and ValueError."""
        return cls(**json.loads(path.read_text(encoding="utf-8")))

    def since(self, earlier: Counters) -> Counters:
        """Return what happened between `earlier` and this."""
        failed = {kind: n - earlier.failed.get(kind, 0) for kind, n in self.failed.items()}
        return Counters(
            at=self.at,
            sent=self.sent - earlier.sent,
            ok=self.ok - earlier.ok,
            failed={kind: n for kind, n in failed.items() if n},
            running=self.running,
        )

    @property
    def total_failed(self) -> int:
        """All failed requests."""
        return sum(self.failed.values())

    @property
    def in_flight(self) -> int:
        """Requests without an answer yet."""
        return self.sent - self.ok - self.total_failed

    def by_service(self) -> dict[str, int]:
        """Return the failed requests by the service that failed them."""
        counts: Counter[str] = Counter()
        for kind, n in self.failed.items():
            counts[kind.partition("/")[0]] += n
        return dict(counts)


class Load:
    """Sends requests, and counts."""

    def __init__(self, url: str, rate: float, timeout_s: float, out: Path) -> None:
        target = urlsplit(url)
        self._host, self._port = target.hostname or "127.0.0.1", target.port or 80
        self._rate, self._timeout_s, self._out = rate, timeout_s, out
        self._sent = self._ok = 0
        self._failed: Counter[str] = Counter()
        self._kept: deque[Connection] = deque()
        self._tasks: set[asyncio.Task[None]] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop`, wait for the last answers, write the last counts."""
        loop = asyncio.get_running_loop()
        writer = asyncio.create_task(self._write_for_ever())
        begun = loop.time()
        while not stop.is_set():
            task = asyncio.create_task(self._request(self._sent))
            self._sent += 1
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
            due = begun + self._sent / self._rate
            await asyncio.sleep(max(0.0, due - loop.time()))
        if self._tasks:
            await asyncio.wait(self._tasks)
        writer.cancel()
        self._write(running=False)

    async def _request(self, number: int) -> None:
        keep = number % 2 == 0
        connection: Connection | None = None
        try:
            async with asyncio.timeout(self._timeout_s):
                connection = await self._connection(keep)
                answer = await self._ask(connection, number, keep)
        except (OSError, EOFError, BadRequest, ValueError) as error:
            self._failed[f"gateway/{kind_of(error)}"] += 1
            if connection is not None:
                connection.close()
            return
        self._count(answer)
        if connection.reusable and len(self._kept) < _KEPT:
            self._kept.append(connection)
        else:
            connection.close()

    async def _connection(self, keep: bool) -> Connection:
        now = asyncio.get_running_loop().time()
        while keep and self._kept:
            connection = self._kept.popleft()
            if now - connection.used_at < _IDLE_LIMIT_S:
                return connection
            connection.close()
        return await Connection.open(self._host, self._port)

    async def _ask(self, connection: Connection, number: int, keep: bool) -> Response:
        path = f"/items/load-{number % _KEYS}"
        if number % 5 == 0:
            return await connection.ask("PUT", path, str(number).encode(), keep=keep)
        return await connection.ask("GET", path, keep=keep)

    def _count(self, answer: Response) -> None:
        if answer.status < 400:
            self._ok += 1
            return
        service = answer.headers.get("x-failed-at", "gateway")
        self._failed[f"{service}/{answer.headers.get('x-kind', f'status_{answer.status}')}"] += 1

    async def _write_for_ever(self) -> None:
        while True:
            self._write(running=True)
            await asyncio.sleep(_WRITE_EVERY_S)

    def _write(self, *, running: bool) -> None:
        counts = {"at": time.time(), "sent": self._sent, "ok": self._ok, "failed": self._failed, "running": running}
        fresh = self._out.with_name(f"{self._out.name}.{os.getpid()}")
        fresh.write_text(json.dumps(counts), encoding="utf-8")
        fresh.replace(self._out)


async def _run(load: Load) -> None:
    stop = asyncio.Event()
    for signum in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(signum, stop.set)
    await load.run(stop)


def main() -> None:
    """Run the load."""
    parser = runtime.parser("A steady load that counts every failed request.")
    parser.add_argument("--url", required=True, help="URL of the gateway")
    parser.add_argument("--rate", type=float, default=40.0, help="requests a second")
    parser.add_argument("--timeout", type=float, default=3.0, help="seconds until a request counts as failed")
    parser.add_argument("--out", type=Path, required=True, help="file for the counters")
    options = parser.parse_args()
    log = runtime.logger("load")
    log.info("%.0f requests a second to %s", options.rate, options.url)
    asyncio.run(_run(Load(options.url, options.rate, options.timeout, options.out)))


if __name__ == "__main__":
    main()
