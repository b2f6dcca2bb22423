"""`store`: keys and values over HTTP, kept in a file. `python -P -m opsagent.demo.services.store --port N --state DIR`.

GET/PUT/DELETE /keys/KEY; GET /keys; GET /health; POST /compact rewrites the file under `DIR/store.lock`.
"""

from __future__ import annotations

import asyncio
import json
import logging
from pathlib import Path

from opsagent.demo.services import runtime
from opsagent.demo.services.web import Request, Response


class Store:
    """The values in memory, and every change appended to a file."""

    def __init__(self, state: Path, log: logging.Logger) -> None:
        self._path = state / "store.data"
        self._lock = runtime.Lock(state / "store.lock", log)
        self._log = log
        self._values: dict[str, str] = {}
        self._lock.refuse_if_held()
        self._load()
        self._file = self._path.open("a", encoding="utf-8", buffering=1)

    def _load(self) -> None:
        if not self._path.exists():
            return
        for line in self._path.read_text(encoding="utf-8").splitlines():
            try:
                key, value = json.loads(line)
            except ValueError:  # the last line of a store that was killed while it wrote
                self._log.warning("skipped a broken line in %s", self._path)
                continue
            self._set(key, value)

    def _set(self, key: str, value: str | None) -> None:
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value

    def put(self, key: str, value: str | None) -> None:
        """Set a key, or remove it (None)."""
        self._set(key, value)
        self._file.write(json.dumps([key, value]) + "\n")

    async def compact(self, hold_s: float) -> None:
        """Rewrite the file without what was overwritten, holding the lock for at least `hold_s`."""
        with self._lock:
            self._log.info("compacting %d keys", len(self._values))
            fresh = self._path.with_suffix(".new")
            fresh.write_text("".join(json.dumps([k, v]) + "\n" for k, v in self._values.items()), encoding="utf-8")
            self._file.close()
            fresh.replace(self._path)
            self._file = self._path.open("a", encoding="utf-8", buffering=1)
            await asyncio.sleep(hold_s)

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        key = request.path.removeprefix("/keys/")
        match (request.method, request.path):
            case ("GET", "/health"):
                return Response.json({"ok": True, "keys": len(self._values)})
            case ("GET", "/keys"):
                return Response.json(sorted(self._values))
            case ("POST", "/compact"):
                await self.compact(float(request.query.get("hold_s", "0")))
                return Response.json({"keys": len(self._values)})
            case ("GET", path) if path.startswith("/keys/"):
                return Response.json({"value": self._values.get(key)}, 200 if key in self._values else 404)
            case ("PUT", path) if path.startswith("/keys/"):
                self.put(key, request.body.decode("utf-8", "replace"))
                return Response.json({"ok": True})
            case ("DELETE", path) if path.startswith("/keys/"):
                self.put(key, None)
                return Response.json({"ok": True})
        return Response.json({"error": "no such thing"}, 404)


def main() -> None:
    """Run the service."""
    options = runtime.parser("Keys and values over HTTP.").parse_args()
    log = runtime.logger("store")
    store = Store(options.state, log)
    asyncio.run(runtime.serve(log, options.port, store.answer))


if __name__ == "__main__":
    main()
