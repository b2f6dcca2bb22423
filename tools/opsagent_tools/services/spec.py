"""A service as a person describes it in `services.toml` (docs/services-toml.md). A leaf: standard library only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Mode = Literal["observe", "suggest", "approve", "auto"]
LogType = Literal["raw", "json"]


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
    ca: str | None = None
    """For https: file with the authorities that are believed; None: those of the machine. Always verified."""


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
    autostart: bool = True
    """False: known, but started only when a person says so."""
    autorestart: bool = True
    stop_exit_codes: tuple[int, ...] = ()
    """An instance that ends with one of these is not started again."""
    min_uptime_s: float = 1.0
    """An instance that ends sooner counts towards `max_restarts`."""
    max_restarts: int | None = None
    """So many quick deaths in a row, and it is given up; None: never."""
    restart_delay_s: float | None = None
    """Before each restart; None: a delay that grows from nothing."""
    restart_backoff_s: float | None = None
    """The first delay, each further one half as long again, up to 15 s; goes before `restart_delay_s`."""
    cron_restart: str = ""
    """Schedule, five or six fields: instances are replaced, and what has ended is started."""
    cron_zone: str = ""
    """IANA zone of the schedule; empty: the machine's."""
    watch: tuple[Path, ...] = ()
    """Files and folders whose changes restart it."""
    ignore_watch: tuple[str, ...] = ()
    """Patterns of what does not count, relative to `cwd`; empty: what begins with a dot, and node_modules."""
    watch_delay_s: float = 0.0
    health: Health | None = None
    depends_on: tuple[str, ...] = ()
    independent: bool = False
    """True: a person wrote `depends_on = []`; nothing that it is seen to talk to explains its trouble."""
    logs: tuple[Path, ...] = ()
    max_memory: int | None = None
    """Bytes of resident memory that one instance may reach."""
    max_memory_restart: int | None = None
    """Bytes at which the engine itself replaces an instance."""
    stop_signal: str = "SIGTERM"
    stop_timeout_s: float = 10.0
    reopen_signal: str = ""
    """Signal that has it open its log files anew; empty: none is known."""
    log_level_signal: str = ""
    """Signal that has it log less; empty: none is known."""
    treekill: bool | None = None
    """None: the stop signal goes to the instance, and what it leaves behind is ended after it; True: it goes to its whole
    process group at once; False: to the instance alone, and what it leaves behind is left alone."""
    shutdown_with_message: bool = False
    """True: an instance is asked to end by a message `shutdown` over its channel, not by a signal."""
    node_channel: bool = False
    """True: instances get Node's message channel (`process.send`); `wait_ready` and `shutdown_with_message` imply it."""
    wait_ready: bool = False
    """True: a new instance counts only once it has sent `ready` over its channel."""
    ready_timeout_s: float = 3.0
    surge: bool = True
    """False: a new instance never stands beside an old one, whatever port and socket would allow."""
    instance_var: str = ""
    """Variable that tells each instance its number: 0, 1 …"""
    increment_var: str = ""
    """Variable whose number in `env` grows by one for each further instance."""
    filter_env: tuple[str, ...] = ()
    """Withheld of the base environment: every variable whose name contains one of these; `*`: all of it."""
    uid: int | None = None
    """User that instances run as; None: the engine's own. Only root's engine may have another."""
    gid: int | None = None
    out_file: Path | None = None
    error_file: Path | None = None
    log_file: Path | None = None
    """Both streams together, beside the other two."""
    merge_logs: bool = True
    """False: with several instances, each has log files of its own."""
    log_date_format: str = ""
    log_type: LogType = "raw"
    disable_logs: bool = False
    pid_file: Path | None = None
    config_files: tuple[Path, ...] = ()
    mode: Mode | Mapping[str, Mode] | None = None
    """One mode, or one per risk (`{safe = "auto", disruptive = "approve"}`); None: the agent's default."""
    protected: bool = False
    aliases: tuple[str, ...] = field(default=(), compare=False)
    """Other names that people say for it; another name is no other service, and restarts nothing."""

    @property
    def has_channel(self) -> bool:
        """Whether instances get a message channel."""
        return self.node_channel or self.wait_ready or self.shutdown_with_message
