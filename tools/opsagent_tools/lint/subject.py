"""What a service is looked at by: everything gathered, nothing judged. And how a judgement is written down."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from opsagent_tools.findings import Finding, Severity
from opsagent_tools.lint.graceful import ProcessFacts
from opsagent_tools.lint.source import Hit, Project
from opsagent_tools.redact import redact
from opsagent_tools.units import Unit, UnitSetup

Sure = Literal["certain", "likely", "possible"]
"""`certain`: the kernel or the supervisor says so; `likely`: it stands in the source; `possible`: something that would
prevent it was not found, and may be where nobody looked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How much of its limits one process uses."""

    pid: int
    files: int | None = None
    files_limit: int | None = None
    """Soft limit of open files; None: not known, or none."""
    files_most: int | None = None
    """Hard limit."""
    tasks: int | None = None
    """Of its control group: processes and threads together."""
    tasks_limit: int | None = None
    memory_limit: int | None = None
    """Of its control group, bytes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSeen:
    """One log of a service."""

    path: Path
    size: int
    """Bytes that it takes on the disk."""
    rotated_by: str = ""
    """What rotates it; empty: nothing that is known."""
    age_s: float | None = None
    """Since its oldest content was written, as far as that is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One service."""

    unit: Unit
    setup: UnitSetup
    processes: tuple[ProcessFacts, ...] = ()
    rooms: tuple[Room, ...] = ()
    logs: tuple[LogSeen, ...] = ()
    project: Project = field(default_factory=Project)
    ports: tuple[int, ...] = ()
    """TCP ports that it was found to listen on, or that are configured."""
    cores: int = 1
    family: str = ""
    """`pm2`, `supervisord`, `systemd`, `circus`, `circusd`."""

    @property
    def runtime(self) -> str:
        """Return what runs it: `node`, `python` …"""
        return self.processes[0].runtime if self.processes else ""

    @property
    def is_cluster(self) -> bool:
        return self.setup.shape == "cluster"

    @property
    def script(self) -> str:
        """Return the name of its script, in words."""
        return self.project.sources[0].path.name if self.project.sources else "its script"


def finding(  # noqa: PLR0917  # the fields of a finding, in their order
    subject: Subject,
    check: str,
    severity: Severity,
    says: str,
    mend: str,
    sure: Sure,
    at: Hit | None = None,
    *,
    facts: Mapping[str, int] | None = None,
) -> Finding:
    """Return a finding on a service, with where it stands and how sure it is."""
    place: dict[str, str | int] = {} if at is None else {"file": str(at.source.path), "line": at.line}
    return Finding(
        check=check,
        unit=subject.unit.id,
        severity=severity,
        says=redact(says),
        mend=mend,
        facts={"sure": sure, **place, **(facts or {})},
    )
