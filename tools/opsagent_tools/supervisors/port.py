"""The Supervisor port. Adapters implement it and never import each other."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Protocol, runtime_checkable

from opsagent_tools.findings import Finding
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitSetup


class SupervisorError(Exception):
    """The supervisor did not do what it was asked.

    SupervisorError
    ├── SupervisorUnreachable   its daemon does not answer
    ├── UnknownUnit             it has no unit of that name
    ├── NotSupported            it has no such operation (never pretended)
    ├── NotPermitted            it may not be asked by this user; the text says which rule would help
    └── Busy                    another change of the same unit is under way (a reload, say)
    """


class SupervisorUnreachable(SupervisorError):
    """The supervisor's daemon does not answer."""


class UnknownUnit(SupervisorError):
    """The supervisor has no unit of that name."""


class NotSupported(SupervisorError):
    """This supervisor has no such operation."""


class NotPermitted(SupervisorError):
    """This user may not ask that of the supervisor."""


class Busy(SupervisorError):
    """Another change of this unit is under way."""


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
    """The supervisor's daemon is gone, and nobody asked it to go."""
    ENDED = "ended"
    """A person ended the supervisor's daemon itself (`pm2 kill`): it is not missed."""
    BACK = "back"
    """It answers again. `reason` says what is different (another version, another pid)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisorEvent:
    kind: EventKind
    unit: UnitId | None
    """None for events of the supervisor itself (LOST, BACK, CHANGED)."""
    pid: int | None = None
    exit_code: int | None = None
    """-N for signal N, also where the supervisor itself reports that in another way."""
    reason: str = ""
    """What the supervisor says of it, one line ("memory limit", "code changed", "asked by a person")."""
    at: float
    """Seconds since the epoch."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Daemon:
    """A supervisor's own daemon, as it is now."""

    pid: int | None
    """None: it does not run."""
    uid: int
    """Whose it is: everything that it says is read and acted on as that user."""
    version: str = ""
    home: str = ""
    """What tells it from others of its kind: a PM2 home, a socket, an instance (`system`, `user`)."""
    lacks: tuple[str, ...] = ()
    """Operations that this version does not have, in words for a person."""
    ended: str = ""
    """Why nobody misses it, where it does not run: who ended it on purpose, or that it never ran."""
    trouble: str = ""
    """What is wrong with it although it answers: it lost its list, or what an earlier one ran lives on beside it."""
    revival: str = ""
    """What `revive` would do now, one line; empty where there is nothing to do, or it is not ours to do."""
    outlived: int = 0
    """Processes that outlived it, or an earlier one, and that `revive` ends first."""
    hint: str = ""
    """What a person can do where `revive` cannot (`systemctl start pm2-deploy.service`)."""


@runtime_checkable
class Redefines(Protocol):
    """A supervisor that can be told to run a unit with another command and environment: those that it once had."""

    async def definition(self, unit: UnitId) -> bytes:
        """Return what its processes are started with, secrets and all: for a private file, never for showing."""

    async def redefine(self, unit: UnitId, definition: bytes) -> None:
        """Have it run with what `definition` returned before."""


class Supervisor(Protocol):
    """What runs units. Every method may raise SupervisorUnreachable; those that take a unit, UnknownUnit.

    Changing methods return when the supervisor has done its part (the old process is gone, the new one
    spawned), not when the service is healthy: that is the caller's gate.
    """

    kind: str
    """`circus`, `pm2`, … : the first part of its units' ids; unique among the supervisors of one agent."""

    async def daemon(self) -> Daemon:
        """Tell of the daemon itself. Does not raise where it is gone: `pid` is None then."""

    async def list(self) -> Sequence[Unit]: ...

    async def describe(self, unit: UnitId) -> Unit: ...

    async def setup(self, unit: UnitId) -> UnitSetup:
        """Tell how it was told to run this unit; environments are masked."""

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

    async def replace(self, unit: UnitId, process: ProcessKey) -> None:
        """Put a new instance in the place of this one alone, which keeps its identity (number, id, slot).

        Where a new one can stand beside the old one there is no gap; else this instance is down in between and the
        others go on. Raises NotSupported where one instance cannot be replaced alone.
        """

    async def signal(self, unit: UnitId, signum: int, pid: int | None = None) -> None:
        """Send a signal to every process of the unit, or to one of them."""

    def events(self) -> AsyncIterator[SupervisorEvent]:
        """Events from now on, for ever; reconnects by itself and says LOST and BACK."""

    def log_files(self, unit: UnitId) -> Sequence[Path]: ...

    async def persist(self) -> str:
        """See to it that the units that run now come back after a reboot; return one line that says what was done.

        Raises NotSupported where the supervisor has no such thing, or does not need it.
        """

    async def revive(self) -> str:
        """Bring its dead daemon back with what it ran, nothing doubled; return one line that says what was done.

        What outlived the daemon is ended first, where it is surely ours. Raises NotSupported where the daemon is not
        ours to start.
        """

    async def findings(self) -> Sequence[Finding]:
        """Return what this supervisor does not notice by itself, or would not survive a reload or a reboot."""

    async def close(self) -> None: ...
