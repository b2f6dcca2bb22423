"""A service as a person describes it in `services.toml` (docs/services-toml.md). A leaf: standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["observe", "suggest", "approve", "auto"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """How to ask a service whether it serves. Exactly one of `http` and `tcp` is set."""

    http: str | None = None
    """URL; 2xx and 3xx are healthy, redirects are not followed."""
    tcp: str | None = None
    """`host:port` that must accept a connection."""
    interval_s: float = 2.0
    timeout_s: float = 2.0
    grace_s: float = 5.0
    """After a start, failures do not count for this long (until the first success)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """One `[services.NAME]` table, paths resolved, sizes in bytes."""

    name: str
    command: tuple[str, ...] = ()
    """Empty only where another supervisor runs the service."""
    cwd: Path
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    port: int | None = None
    share_socket: bool = False
    instances: int = 1
    autorestart: bool = True
    health: Health | None = None
    depends_on: tuple[str, ...] = ()
    logs: tuple[Path, ...] = ()
    max_memory: int | None = None
    """Bytes of resident memory that one instance may reach."""
    stop_signal: str = "SIGTERM"
    stop_timeout_s: float = 10.0
    config_files: tuple[Path, ...] = ()
    mode: Mode | Mapping[str, Mode] | None = None
    """One mode, or one per risk (`{safe = "auto", disruptive = "approve"}`); None: the agent's default."""
    protected: bool = False
