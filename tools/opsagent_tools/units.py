"""What a supervisor runs: unit ids, units and their processes. A leaf: standard library only."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

_UNIT_ID = re.compile(r"(?P<supervisor>[a-z][a-z0-9_-]*):(?P<name>[^\x00-\x1f\x7f]+)@(?P<host>[^@\s]+)")
"""A name may hold spaces and `@` (PM2's apps, systemd's templates); the host may not, so the last `@` divides."""


@dataclass(frozen=True, slots=True, order=True)
class UnitId:
    """`supervisor:name@host`, shown as `name` wherever that is unique."""

    supervisor: str
    name: str
    host: str

    @classmethod
    def local(cls, supervisor: str, name: str) -> UnitId:
        """Return the id of a unit on this machine."""
        return cls(supervisor, name, socket.gethostname())

    @classmethod
    def parse(cls, text: str) -> UnitId:
        """Read `supervisor:name@host`. Raises ValueError for anything else."""
        match = _UNIT_ID.fullmatch(text)
        if match is None:
            raise ValueError(f"not a unit id (supervisor:name@host): {text!r}")
        return cls(**match.groupdict())

    def __str__(self) -> str:
        return f"{self.supervisor}:{self.name}@{self.host}"


class UnitState(StrEnum):
    """What the supervisor says of a unit, in words that all supervisors share."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"
    STOPPED = "stopped"
    """A person (or the agent, asked by one) stopped it. It stays stopped."""
    EXITED = "exited"
    """It ended by itself and its supervisor will not start it again."""
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, order=True)
class ProcessKey:
    """A process for good: pids are reused, (pid, start time) is not."""

    pid: int
    started: float
    """Start time, seconds since the epoch (psutil's `create_time`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """One process that a supervisor runs for a unit."""

    key: ProcessKey
    wanted: bool = True
    """False while the supervisor is stopping it on purpose."""

    @property
    def pid(self) -> int:
        return self.key.pid


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """One service as its supervisor sees it now."""

    id: UnitId
    state: UnitState
    processes: tuple[Process, ...] = ()
    instances: int = 1
    """How many processes the supervisor wants."""
    restarts: int = 0
    """Starts after the first one since the supervisor knows the unit."""
    last_exit: int | None = None
    """Exit code of the process that ended last; -N for signal N; None when none ended."""
    reason: str = ""
    """Why it is in this state, one line, where its supervisor knows ("port 8000 is in use by another process")."""
    ports: tuple[int, ...] = ()
    """Listening TCP ports as configured (not as found)."""
    shares_socket: bool = False
    """True: the supervisor holds the listening socket, instances may come and go without a gap."""
    surges: bool = False
    """True: a new instance can stand beside the old ones (`Supervisor.surge`); the canary of a safe reload needs it."""
    numbered: bool = False
    """True: each instance has an identity of its own (PM2's id, a template's name) that a reload has to keep; False: a
    surged instance may take the place of any other that is retired."""
    reloads_in_place: bool = False
    """True: `Supervisor.reload` lets it take up its configuration or release without ending it (systemd's ExecReload)."""
    autorestart: bool = True
    logs: tuple[Path, ...] = ()
    journal: str = ""
    """Where its output goes to a journal and not to files: `system/NAME.service` or `user/NAME.service`."""
    uid: int = field(default=0)
    """User id that the processes run as."""

    @property
    def name(self) -> str:
        return self.id.name


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitSetup:
    """How its supervisor was told to run a unit. Asked for one unit at a time (`Supervisor.setup`): it costs more."""

    id: UnitId
    command: tuple[str, ...] = ()
    """Program and arguments as they are started; no shell. Secrets in them are masked."""
    script: Path | None = None
    """The file of the user's own that runs (`api.js`), where it is known apart from its interpreter."""
    cwd: Path | None = None
    env: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Masked by `opsagent_tools.redact` before it leaves the adapter: fit for showing, not for starting anything."""
    shape: str = ""
    """The supervisor's own word for how instances run: `cluster`, `fork`, `template`, `simple`, `notify` …"""
    stop_signal: int | None = None
    stop_timeout_s: float | None = None
    """Seconds until SIGKILL."""
    says_ready: bool = False
    """True: a new instance counts as ready only once it said so (`wait_ready`, `Type=notify`)."""
    ready_timeout_s: float | None = None
    max_memory: int | None = None
    """Bytes of resident memory at which its supervisor restarts it."""
    max_restarts: int | None = None
    min_uptime_s: float | None = None
    cron: str = ""
    """The supervisor's own schedule of restarts, as written."""
    watches: bool = False
    """True: the supervisor restarts it when its files change."""
    config_file: Path | None = None
    """Where it is described (unit file, ecosystem file, section of a configuration), as far as it is known."""
    busy: str = ""
    """Another change of it that its supervisor is in the middle of (a person's `pm2 reload`), one line; empty: none."""
    at_boot: bool | None = None
    """Whether it comes back after a reboot; None: not known."""
    more: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    """What else the supervisor knows, by its own keys; custom metrics of an app are `metric.NAME`."""
