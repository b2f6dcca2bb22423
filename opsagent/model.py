"""The values that flow through the sentence sense → detect → recall → decide → guard → act → verify → learn.

A leaf: of the project it imports `opsagent_tools`' types only. Everything here is a frozen value; all times are
aware and in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, Literal

from opsagent_tools.actions import Action
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import ProcessKey, UnitId

if TYPE_CHECKING:
    from opsagent.casenote import Note

Scalar = str | int | float | bool


def _frozen(values: Mapping[str, Scalar]) -> Mapping[str, Scalar]:
    return MappingProxyType(dict(values))


class EvidenceKind(StrEnum):
    """Who says so. Text alone never authorises a change (docs/security.md)."""

    KERNEL = "kernel"
    SUPERVISOR = "supervisor"
    PROBE = "probe"
    TEXT = "text"


class SignalKind(StrEnum):
    DEATH = "death"
    """A process of a unit ended by itself. data: exit_code (if known)."""
    SPAWNED = "spawned"
    STOPPED = "stopped"
    """A person stopped the unit, or one of its processes, on purpose."""
    PROBE_OK = "probe_ok"
    """data: latency_s."""
    PROBE_FAILED = "probe_failed"
    """data: reason (refused, timeout, status, error), latency_s; status where there is one."""
    LOG_ERROR = "log_error"
    """An error line. text: the line, redacted; data: signature (its template), key, count."""
    LOG_NEW = "log_new"
    """A signature that the unit never logged before. text: one line of it, redacted; data: signature, key, level."""
    LOG_VOLUME = "log_volume"
    """What a unit logged in a while. data: seconds, lines, errors, signatures (different ones), sampled (lines that
    were counted and not read), skipped (bytes that were never looked at)."""
    SAMPLE = "sample"
    """A process of a unit with all that it started. data: rss (bytes), cpu (cores), threads, state (letter of
    /proc/PID/stat, of the process itself); where known: fds and fds_limit (of the process among them that is nearest to
    its limit), fds_share, processes (how many, where it is not one), read_s and write_s (bytes per second), and of late:
    uss, sockets, wait (share of the time waiting for a processor), lag_ms, metric.NAME."""
    HOST_SAMPLE = "host_sample"
    """The machine itself; `unit` is `opsagent.naming.host_unit()`. data: the fields of `opsagent_tools.host.figures`'
    HostSample; or, where there is a `mount` in it, how full that file system is: filesystem, size, used, free, inodes,
    inodes_used; hangs (true: it did not answer); writer, writer_name (the unit that writes most there) where known."""
    RELEASE_UNFIT = "release_unfit"
    """A reload showed that the release which it brought is not fit. data: plan, why."""
    SUPERVISOR_LOST = "supervisor_lost"
    """data: supervisor."""
    SUPERVISOR_ENDED = "supervisor_ended"
    """A person ended the supervisor's daemon itself: nobody misses it. data: supervisor, reason."""
    SUPERVISOR_BACK = "supervisor_back"
    """data: supervisor, reason (what is different now; empty: nothing)."""
    SUPERVISOR_TROUBLED = "supervisor_troubled"
    """Its daemon answers, but it lost its list, or what an earlier one ran lives on beside it.
    data: supervisor, trouble."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Signal:
    """One observation by one sense."""

    kind: SignalKind
    unit: UnitId | None
    at: datetime
    evidence: EvidenceKind
    process: ProcessKey | None = None
    data: Mapping[str, Scalar] = field(default_factory=dict)
    text: UntrustedText | None = None

    def __post_init__(self) -> None:
        if self.at.tzinfo is None:
            raise ValueError("a signal's time must be aware (UTC)")
        object.__setattr__(self, "data", _frozen(self.data))


class Fault(StrEnum):
    """What kind of trouble an incident is; each has its runbook in `opsagent/runbooks/`."""

    CRASH = "crash"
    CRASH_LOOP = "crash_loop"
    HANG = "hang"
    """The probe fails while the process lives."""
    ERROR_BURST = "error_burst"
    MEMORY_GROWTH = "memory_growth"
    DEPENDENCY_DOWN = "dependency_down"
    """The unit fails because one that it depends on is down; `Incident.unit` is that one."""
    ENGINE_DOWN = "engine_down"
    """The supervisor's own daemon is gone."""
    BAD_RELEASE = "bad_release"
    """A reload proved the new release unfit; what of the old one is left serves on."""
    SATURATION = "saturation"
    """Something is used up soon, and surely: a file system, inodes, the machine's memory, a process's descriptors."""
    FLAPPING = "flapping"
    """It is well and not well in turn, for longer than a deploy takes."""
    DEGRADED = "degraded"
    """It answers, but far more slowly than usual, or fails part of the time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """One cause of trouble, with all the signals that it explains."""

    id: str
    fault: Fault
    unit: UnitId
    """Where the cause is (not where it shows)."""
    opened_at: datetime
    """When detect opened it."""
    began_at: datetime
    """Time of the first signal that belongs to it."""
    symptoms: tuple[Signal, ...] = ()
    affected: frozenset[UnitId] = frozenset()
    """Units that suffer from it, `unit` itself not among them."""
    summary: str = ""
    """One line for a person; redacted."""
    why_root: str = ""
    """Why the cause is thought to be at `unit` and not where it shows, or who else is suspected; redacted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """What one read-only probe found out."""

    probe: str
    kind: EvidenceKind
    unit: UnitId
    at: datetime
    facts: Mapping[str, Scalar] = field(default_factory=dict)
    text: UntrustedText | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "facts", _frozen(self.facts))


class Cause(StrEnum):
    """The taxonomy of causes. A fault is what shows, a cause is why; each has its runbook in `opsagent/runbooks/library/`."""

    DEPENDENCY_DOWN = "dependency_down"
    DEPENDENCY_SLOW = "dependency_slow"
    BAD_CONFIG = "bad_config"
    BAD_RELEASE = "bad_release"
    BAD_ENVIRONMENT = "bad_environment"
    STALE_CREDENTIALS = "stale_credentials"
    """It runs with what a file of its configuration said before that was changed."""
    PORT_TAKEN = "port_taken"
    ORPHAN = "orphan"
    STALE_LOCK = "stale_lock"
    DISK_FULL = "disk_full"
    DELETED_OPEN_FILE = "deleted_open_file"
    LOG_FLOOD = "log_flood"
    DESCRIPTOR_LEAK = "descriptor_leak"
    MEMORY_LEAK = "memory_leak"
    HEAP_CAP = "heap_cap"
    MACHINE_USED_UP = "machine_used_up"
    STOPPED_BY_SIGNAL = "stopped_by_signal"
    SPINNING = "spinning"
    """A blocked event loop, or an endless one: a core is used up, and nobody is answered."""
    DEADLOCK = "deadlock"
    POOL_EXHAUSTED = "pool_exhausted"
    NOISY_NEIGHBOUR = "noisy_neighbour"
    RETRY_STORM = "retry_storm"
    BAD_WORKER = "bad_worker"
    """One of several instances is ill, the others are well."""
    CERTIFICATE_EXPIRED = "certificate_expired"
    DNS_FAILURE = "dns_failure"
    PERMISSIONS = "permissions"
    POISON_ITEM = "poison_item"
    FLAPPING = "flapping"
    KILLED = "killed"
    """Ended by a signal from outside; nothing is wrong with it."""
    CRASHED = "crashed"
    """It ended by itself; why is not known."""
    SUPERVISOR_GONE = "supervisor_gone"
    PLANNED = "planned"
    """A window, a deploy, a stop by a person: nothing is to be done."""
    FALSE_ALARM = "false_alarm"
    HOSTILE_TEXT = "hostile_text"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hypothesis:
    """A possible cause, with what speaks for it and against it."""

    cause: str
    """One line for a person; redacted."""
    unit: UnitId
    weight: float
    """0..1; how sure."""
    kind: Cause = Cause.UNKNOWN
    speaks_for: tuple[str, ...] = ()
    speaks_against: tuple[str, ...] = ()


class CheckKind(StrEnum):
    """Questions about the world that can be written down, and asked again after a crash."""

    ALWAYS = "always"
    RUNNING = "running"
    """The unit runs with `instances` processes (default: as many as it wants)."""
    DOWN = "down"
    """No process of the unit is left."""
    HEALTHY = "healthy"
    """RUNNING, no process stopped by a signal, and its health probe (where it has one) succeeds now."""
    REPLACED = "replaced"
    """HEALTHY, and none of the processes `pids` ("12,34", of before) is left. The safe reload's goal."""
    RESUMED = "resumed"
    """No process of the unit is in state T."""
    PATH_GONE = "path_gone"
    """`path` does not exist."""
    FILE_IS = "file_is"
    """`path` has the content with SHA-256 `sha256`; empty: there is no such file."""
    MODES_ARE = "modes_are"
    """The files in `files` (as `opsagent_tools.modes` reads it) have the owner and mode that they are to have."""
    LET_GO = "let_go"
    """No process of the unit has a file open that was deleted as `path`."""
    DEFINITION_IS = "definition_is"
    """Its supervisor runs the unit with the definition (command, folder, environment) of SHA-256 `sha256`."""
    RELEASE_IS = "release_is"
    """The unit's files, link and configuration are as the kept manifest `release` says."""
    LOG_ROTATED = "log_rotated"
    """`path` has an archive that is newer than the one of the stamp `after`."""
    PROCESS_GONE = "process_gone"
    """The process `pid` started at `started` is gone."""
    COMMAND_RAN = "command_ran"
    """The run `run` of a runbook's command ended with exit code 0; without a receipt of it nobody can tell."""
    PROCEDURE_RAN = "procedure_ran"
    """The run `run` of a procedure on screens did all its steps, and what it names as its effect was seen. With no note of
    how it ended, that effect alone tells; where it names none nobody can."""
    NICED = "niced"
    """Each process in `were` that is still there has a nice value of `nice` at least."""
    SUPERVISOR_UP = "supervisor_up"
    TOLD = "told"
    """A person has been told (the incident is marked escalated)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """A question to the world whose answer is yes, no or cannot tell."""

    kind: CheckKind
    unit: UnitId
    args: Mapping[str, Scalar] = field(default_factory=dict)

    def __post_init__(self) -> None:
        object.__setattr__(self, "args", _frozen(self.args))


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """The journal's unit: one action, with what must hold before, what must hold after, and its undo."""

    action: Action
    goal: Check
    gate: Check | None = None
    """Must hold before the step runs; where it does not, the plan stops there."""
    undo: Action | None = None
    timeout_s: float = 30.0
    """How long the goal may take to be reached."""
    why: str = ""


Origin = Literal["agent", "person"]
RemedySource = Literal["memory", "runbook", "model", "person"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """A row of steps. A canary reload is such a plan, not a special case."""

    id: str
    origin: Origin
    remedy: str
    """Durable name of what is tried (`crash/start`); the key under which memory counts it."""
    source: RemedySource
    steps: tuple[Step, ...]
    unit: UnitId
    incident: str | None = None
    attempt: int = 1
    why: str = ""
    verify_s: float = 5.0
    """How long the units concerned must stay well before the repair counts."""
    verify: tuple[str, ...] = ()
    """What must hold beside, by probes that are run afresh when that time is over: `PROBE.FACT OP VALUE`."""
    cause: Cause = Cause.UNKNOWN
    """What it is against. The breaker counts failures per unit and cause."""


class Risk(StrEnum):
    """What a step puts at stake, given its effect, the unit and the unit's state."""

    READ = "read"
    SAFE = "safe"
    DISRUPTIVE = "disruptive"
    DESTRUCTIVE = "destructive"


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The guard's answer to a plan or a step."""

    verdict: Literal["allow", "ask", "deny"]
    risk: Risk
    rule: str
    """Short name of the rule that decided (`mode`, `hold`, `budget`, `breaker`, `protected`, `paused` …)."""
    why: str
    again_s: float | None = None
    """After so many seconds the guard may say something else; None: when something is different."""
    persons: int = 1
    """Different people who have to say yes, where they are asked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What verification says of an attempt."""

    better: bool
    worse: bool = False
    """The units concerned are worse off than before the attempt: undo."""
    helped: bool = False
    """Not better as a whole, but the unit that was treated is well: what made it well stays."""
    unproven: bool = False
    """Nobody can tell whether it helped (what would show it cannot be asked, or was not used): neither credit nor blame."""
    why: str = ""
    recovered_in_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RemedyOdds:
    """What memory knows of one remedy for incidents like this one (translated by `opsagent/recall.py`)."""

    remedy: str
    similarity: float
    """0..1, of the nearest episode."""
    tries: int
    successes: int
    score: float
    """0..1; expected success here, outcome-weighted."""
    last_worked: datetime | None = None
    why: str = ""
    """One line for a person: why it came."""
    stale: bool = False
    """It used to work for incidents like this one, and no longer does."""
    accepted: bool = False
    """A person accepted it as the way to do it here."""
    without_learning: float = 0.5
    """What the score would be if outcomes were only counted."""
    by_expert: Mapping[str, float] = field(default_factory=dict)
    """What each expert of the memory expects."""


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A read-only probe that decide wants run (`opsagent/evidence.py` knows them by name)."""

    probe: str
    unit: UnitId


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """A remedy that was tried for this incident, and whether it helped."""

    remedy: str
    better: bool
    why: str = ""
    unit: UnitId | None = None
    """What it was tried on; None: not noted (it counts for every unit then)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """Decision: carry out this plan."""

    plan: Plan
    hypotheses: tuple[Hypothesis, ...] = ()
    note: Note | None = None
    """What is known, for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Investigate:
    """Decision: not clear yet; run these probes and ask again. Never empty, never a probe that was run already."""

    requests: tuple[ProbeRequest, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Escalate:
    """Decision: no change; tell a person what is known."""

    why: str
    hypotheses: tuple[Hypothesis, ...] = ()
    note: Note | None = None
    """The same as `why` and more, in parts: for whoever tells it in other words."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaveAlone:
    """Decision: no change and nobody woken (recovered, planned, false alarm)."""

    why: str
    look_again_s: float | None = None
    """Decide again after so many seconds, even if all seems well; None: when something is different."""


Decision = Act | Investigate | Escalate | LeaveAlone
