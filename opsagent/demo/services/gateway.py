"""`gateway`: one worker of several behind one socket (`LISTEN_FD`); passes everything on to `api`.

`python -P -m opsagent.demo.services.gateway --state DIR --api URL`. GET /health answers for the worker alone.

It can be told to leak: `DIR/gateway.leak` holds `{"pids": [..], "mb_per_s": 8, "up_to_mb": 200}`. Workers named there
leak; a worker that takes the place of one of them has another pid, and does not.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from pathlib import Path

from opsagent.demo.services import runtime
from opsagent.demo.services.web import Request, Response, Unreachable, fetch

LEAK_FILE = "gateway.leak"
_API_TIMEOUT_S = 1.0
_LEAK_STEP_S = 0.1
_MB = 1 << 20


class Gateway:
    """Passes requests on, and leaks when told to."""

    def __init__(self, state: Path, api: str, log: logging.Logger) -> None:
        self._order = state / LEAK_FILE
        self._api = api
        self._log = log
        self._kept: list[bytes] = []

    async def answer(self, request: Request) -> Response:
        """Answer one request."""
        if request.path == "/health":
            return Response.json({"ok": True, "pid": os.getpid()})
        try:
            answer = await fetch(
                self._api, method=request.method, path=request.path, body=request.body, timeout_s=_API_TIMEOUT_S
            )
        except Unreachable as error:
            self._log.error("%s %s failed: api %s: %s", request.method, request.path, self._api, error.kind)
            status = 504 if error.kind == "timeout" else 502
            return Response.json({"error": f"api: {error.kind}"}, status, x_failed_at="api", x_kind=error.kind)
        passed_on = {name: value for name, value in answer.headers.items() if name.startswith("x-")}
        return Response(status=answer.status, body=answer.body, headers=passed_on)

    async def leak_when_told(self) -> None:
        """Look at the leak file for ever, and grow by what it says."""
        while True:
            await asyncio.sleep(_LEAK_STEP_S)
            try:
                order = json.loads(self._order.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                continue
            held = sum(map(len, self._kept))
            if os.getpid() in order["pids"] and held < order["up_to_mb"] * _MB:
                self._kept.append(b"x" * int(order["mb_per_s"] * _MB * _LEAK_STEP_S))  # written, hence resident


def main() -> None:
    """Run one worker."""
    parser = runtime.parser("Passes requests on to api.")
    parser.add_argument("--api", required=True, help="URL of the api")
    options = parser.parse_args()
    log = runtime.logger("gateway")
    gateway = Gateway(options.state, options.api, log)
    asyncio.run(runtime.serve(log, options.port, gateway.answer, gateway.leak_when_told))


if __name__ == "__main__":
    main()
