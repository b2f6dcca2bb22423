"""The Supervisor port. Adapters implement it and never import each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from opsagent_tools.units import ProcessKey, Unit, UnitId


class SupervisorError(Exception):
    """The supervisor did not do what it was asked.

    SupervisorError
    ├── SupervisorUnreachable   its daemon does not answer
    ├── UnknownUnit             it has no unit of that name
    └── NotSupported            it has no such operation (never pretended)
    """


class SupervisorUnreachable(SupervisorError):
    """The supervisor's daemon does not answer."""


class UnknownUnit(SupervisorError):
    """The supervisor has no unit of that name."""


class NotSupported(SupervisorError):
    """This supervisor has no such operation."""


class EventKind(StrEnum):
    SPAWNED = "spawned"
    EXITED = "exited"
    """A process ended by itself."""
    STOPPING = "stopping"
    """The supervisor was told to end this process: its exit is no crash."""
    STOPPED = "stopped"
    """The whole unit was stopped on purpose."""
    STARTED = "started"
    CHANGED = "changed"
    """The set of units, or a unit's configuration, changed: list again."""
    LOST = "lost"
    """The supervisor's daemon is gone."""
    BACK = "back"


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorEvent:
    kind: EventKind
    unit: UnitId | None
    """None for events of the supervisor itself (LOST, BACK, CHANGED)."""
    pid: int | None = None
    exit_code: int | None = None
    at: float
    """Seconds since the epoch."""


class Supervisor(Protocol):
    """What runs units. Every method may raise SupervisorUnreachable; those that take a unit, UnknownUnit.

    Changing methods return when the supervisor has done its part (the old process is gone, the new one
    spawned), not when the service is healthy: that is the caller's gate.
    """

    kind: str
    """`circus`, `pm2`, … : the first part of its units' ids."""

    async def list(self) -> Sequence[Unit]: ...

    async def describe(self, unit: UnitId) -> Unit: ...

    async def start(self, unit: UnitId) -> None: ...

    async def stop(self, unit: UnitId) -> None:
        """Stop it for good: its state becomes STOPPED and survives the supervisor's own restart."""

    async def restart(self, unit: UnitId) -> None: ...

    async def reload(self, unit: UnitId) -> None:
        """Replace all instances with the supervisor's own way of doing it. The agent prefers its own plan."""

    async def scale(self, unit: UnitId, instances: int) -> None: ...

    async def surge(self, unit: UnitId) -> ProcessKey:
        """Start one instance more than wanted and return it. Raises NotSupported where that cannot be."""

    async def retire(self, unit: UnitId, process: ProcessKey) -> None:
        """Gracefully end this one instance and do not replace it if that leaves `instances` of them; otherwise replace it."""

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Send a signal to every process of the unit, or to one of them."""

    def events(self) -> AsyncIterator[SupervisorEvent]:
        """Events from now on, for ever; reconnects by itself and says LOST and BACK."""

    def log_files(self, unit: UnitId) -> Sequence[Path]: ...

    async def close(self) -> None: ...
