"""`api`: items, kept in `store`. `python -P -m opsagent.demo.services.api --port N --state DIR --store URL`.

GET/PUT /items/KEY asks the store each time; GET /health is 503 while the store cannot be reached;
POST /reindex counts the items under `DIR/api.lock`. A failed answer names who failed in `x-failed-at`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from pathlib import Path

from opsagent.demo.services import runtime
from opsagent.demo.services.web import Request, Response, Unreachable, fetch

_STORE_TIMEOUT_S = 0.6


class Api:
    """Answers requests with the help of the store."""

    def __init__(self, state: Path, store: str, log: logging.Logger) -> None:
        self._index = state / "api.index.json"
        self._lock = runtime.Lock(state / "api.lock", log)
        self._store = store
        self._log = log
        self._lock.refuse_if_held()

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        try:
            match (request.method, request.path):
                case ("GET", "/health"):
                    return await self._health()
                case ("POST", "/reindex"):
                    return await self._reindex(float(request.query.get("hold_s", "0")))
                case ("GET" | "PUT", path) if path.startswith("/items/"):
                    return await self._item(request)
        except Unreachable as error:
            self._log.error("%s %s failed: store %s: %s", request.method, request.path, self._store, error.kind)
            status = 504 if error.kind == "timeout" else 502
            return Response.json({"error": f"store: {error.kind}"}, status, x_failed_at="store", x_kind=error.kind)
        return Response.json({"error": "no such thing"}, 404)

    async def _health(self) -> Response:
        try:
            await fetch(self._store, path="/health", timeout_s=_STORE_TIMEOUT_S)
        except Unreachable as error:
            self._log.error("health: store %s: %s", self._store, error.kind)
            return Response.json({"ok": False, "store": error.kind}, 503, x_failed_at="store")
        return Response.json({"ok": True})

    async def _item(self, request: Request) -> Response:
        path = "/keys/" + request.path.removeprefix("/items/")
        found = await fetch(
            self._store, method=request.method, path=path, body=request.body, timeout_s=_STORE_TIMEOUT_S
        )
        value = json.loads(found.body).get("value") if found.status == 200 else None
        return Response.json({"item": value})

    async def _reindex(self, hold_s: float) -> Response:
        with self._lock:
            keys = json.loads((await fetch(self._store, path="/keys", timeout_s=_STORE_TIMEOUT_S)).body)
            counts = Counter(key.partition("-")[0] for key in keys)
            self._log.info("indexing %d items", len(keys))
            self._index.write_text(json.dumps(counts), encoding="utf-8")
            await asyncio.sleep(hold_s)
        return Response.json(counts)


def main() -> None:
    """Run the service."""
    parser = runtime.parser("Items, kept in store.")
    parser.add_argument("--store", required=True, help="URL of the store")
    options = parser.parse_args()
    log = runtime.logger("api")
    api = Api(options.state, options.store, log)
    asyncio.run(runtime.serve(log, options.port, api.answer))


if __name__ == "__main__":
    main()
