"""The agent itself: `opsagent watch --mode auto`, a process of its own, read through its journal."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from typing import Any

from opsagent_evals.faults.keepers.keeper import KeeperError, Keeping
from opsagent_evals.faults.score import OracleCall, Run
from opsagent_evals.faults.trace import Trace

_READY_S = 30.0
_STOP_S = 15.0
_POLL_S = 0.05


class Agent:
    """The daemon over the case's own home."""

    patient = True

    def __init__(self, keeping: Keeping) -> None:
        self._keeping = keeping
        self._daemon: asyncio.subprocess.Process | None = None

    @cached_property
    def _trace(self) -> Trace:
        """The journal can be read once the daemon has made it."""
        return Trace(self._keeping.home, self._keeping.since)

    async def start(self) -> None:
        """Start the daemon and wait until it knows every service."""
        place, home = self._keeping.place, self._keeping.home
        (home.path / "config.toml").unlink(missing_ok=True)
        if self._keeping.ground.config:
            path = home.path / "config.toml"
            path.touch(mode=0o600)
            path.write_text(self._keeping.ground.config, encoding="utf-8")
        with place.daemon_log.open("ab") as log:
            self._daemon = await asyncio.create_subprocess_exec(
                sys.executable, "-P", "-m", "opsagent", "watch", "--mode", "auto", "--home", str(home.path),
                cwd="/", env=place.env(os.environ), stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip
        wanted = {spec.name for spec in self._keeping.specs}
        deadline = asyncio.get_running_loop().time() + _READY_S
        while not wanted <= {str(unit.get("name")) for unit in (await self._status()).get("units", ())}:
            if self._daemon.returncode is not None:
                raise KeeperError(f"the daemon ended with {self._daemon.returncode}: {self._last_words()}")
            if asyncio.get_running_loop().time() > deadline:
                raise KeeperError(f"the daemon was not ready within {_READY_S:.0f} s")
            await asyncio.sleep(_POLL_S)

    async def _status(self) -> dict[str, Any]:
        """Ask the daemon's local API (docs/api.md) for its status; {} while it does not answer."""
        try:
            async with asyncio.timeout(2.0):
                socket = str(self._keeping.home.api_socket)
                reader, writer = await asyncio.open_unix_connection(socket, limit=1 << 20)
                try:
                    writer.write(json.dumps({"v": 1, "id": 1, "method": "status", "params": {}}).encode() + b"\n")
                    answer = json.loads(await reader.readline() or b"{}")
                finally:
                    writer.close()
        except (OSError, ValueError):
            return {}
        result = answer.get("result")
        return result if isinstance(result, dict) else {}

    def _last_words(self) -> str:
        lines = self._keeping.place.daemon_log.read_text(encoding="utf-8", errors="replace").split("\n")
        return next((line.strip()[:300] for line in reversed(lines) if line.strip()), "it said nothing")

    async def end(self) -> None:
        """End the daemon, by force where it must be."""
        if self._daemon is None or self._daemon.returncode is not None:
            return
        self._daemon.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._daemon.wait(), _STOP_S)
        except TimeoutError:
            self._daemon.kill()
            await self._daemon.wait()

    def lives(self) -> bool:
        """Tell whether the daemon is still there."""
        return self._daemon is not None and self._daemon.returncode is None

    def is_calm(self) -> bool:
        """Tell whether no incident is open."""
        return self._trace.is_calm()

    def read(self, injected_at: datetime, oracle: Sequence[OracleCall], now: datetime, *, error: str = "") -> Run:
        """Return what its journal says. Raises StoreError."""
        return self._trace.read(injected_at, oracle, now, error=error)
