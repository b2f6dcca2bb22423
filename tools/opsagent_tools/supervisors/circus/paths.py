"""Where the engine keeps what, and what its sockets are called."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class EnginePaths:
    """The engine's folder (state, logs) and the short private folder of its sockets."""

    engine_dir: Path
    runtime_dir: Path

    @property
    def endpoint(self) -> Path:
        return self.runtime_dir / "circus.sock"

    @property
    def pubsub(self) -> Path:
        return self.runtime_dir / "circus-events.sock"

    @property
    def look(self) -> Path:
        """Shows all services to whoever connects, and takes no commands."""
        return self.runtime_dir / "look.sock"

    @property
    def sockets(self) -> tuple[Path, ...]:
        """All sockets of the daemon; it removes them when it leaves."""
        return self.endpoint, self.pubsub, self.look

    @property
    def lock(self) -> Path:
        """Held by the daemon as long as it lives."""
        return self.engine_dir / "circusd.lock"

    @property
    def start_lock(self) -> Path:
        """Held by whoever starts or ends the daemon."""
        return self.engine_dir / "start.lock"

    @property
    def pid_file(self) -> Path:
        return self.engine_dir / "circusd.pid"

    @property
    def daemon_log(self) -> Path:
        return self.engine_dir / "circusd.log"

    @property
    def logs(self) -> Path:
        return self.engine_dir / "logs"

    def log(self, name: str) -> Path:
        """Return the log of a service. A `/` in its name (a namespace) is written as %2F: names cannot hold a %."""
        return self.logs / f"{name.replace('/', '%2F')}.log"
