"""What the journal gives back: frozen records, never a library's rows. Standard library and the model only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from opsagent.model import Cause, Evidence, Fault, Hypothesis, Incident, Plan, RemedySource, Scalar, Step
from opsagent_tools.units import UnitId

IncidentStatus = Literal["open", "repairing", "resolved", "escalated", "closed"]
"""`resolved`: repaired, or well again after attempts; `closed`: ended without the agent's doing."""
PlanStatus = Literal["proposed", "done", "failed", "skipped", "interrupted"]
StepStatus = Literal["intended", "done", "failed", "skipped", "unknown", "undone"]
ApprovalStatus = Literal["pending", "approved", "denied", "expired", "used"]
SolvedBy = Literal["memory", "runbook", "model", "person", "itself"]
DeployResult = Literal["well", "failed", "forgotten"]
"""`failed`: an incident of the unit was opened while the release was watched; `forgotten`: nobody ended the deploy."""

UNFINISHED: tuple[IncidentStatus, ...] = ("open", "repairing", "escalated")


@dataclass(frozen=True, slots=True, kw_only=True)
class StepRow:
    """One step as it was intended, and how it ended."""

    id: str
    plan_id: str
    incident_id: str | None
    ordinal: int
    step: Step
    masked: bool
    """True: something secret was masked in its actions or checks. It can be shown, it must not be run."""
    state_before: Mapping[str, Scalar]
    rule: str
    """The guard's rule that let it pass; `undo` where it takes back another step."""
    status: StepStatus
    intended_at: datetime
    ended_at: datetime | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanRow:
    """One plan, and how it ended."""

    id: str
    incident_id: str | None
    plan: Plan
    masked: bool
    """As in StepRow."""
    hypotheses: tuple[Hypothesis, ...]
    status: PlanStatus
    detail: str
    created_at: datetime
    ended_at: datetime | None = None
    steps: tuple[StepRow, ...] = ()
    """Steps that were begun, oldest first; filled by `Journal.incident` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    """One line of a timeline."""

    id: str
    incident_id: str | None
    at: datetime
    kind: str
    text: str
    data: Mapping[str, Any] = field(default_factory=dict)
    by: str | None = None
    """The person, for commands of people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentRow:
    """One incident with what became of it."""

    incident: Incident
    status: IncidentStatus
    resolved_at: datetime | None = None
    evidence: tuple[Evidence, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    outcome: str | None = None
    remedy: str | None = None
    remedy_source: RemedySource | None = None
    attempts: int | None = None
    probes: int | None = None
    mttd_s: float | None = None
    """Seconds from the first signal to the opening."""
    mttr_s: float | None = None
    """Seconds from the first signal to the end of the trouble."""
    cause: Cause | None = None
    """Of the hypothesis that was weighed highest; None: not decided yet."""
    returned_of: str | None = None
    """Id of the incident that this one is again: the same fault of the same unit, within the hour after its repair."""
    impact: Mapping[str, Any] | None = None
    """What it cost, as far as it was measured: `down_s`, `failed_probes`, `failed_requests`, `restarts`, `units`."""
    changed: tuple[Any, ...] = ()
    """What had changed just before."""
    solved_by: SolvedBy | None = None
    """Who found what ended it; None: nobody noted that."""
    plans: tuple[PlanRow, ...] = ()
    """Filled by `Journal.incident` only."""
    events: tuple[EventRow, ...] = ()
    """Filled by `Journal.incident` only."""

    @property
    def id(self) -> str:
        return self.incident.id

    @property
    def unit(self) -> UnitId:
        return self.incident.unit

    @property
    def fault(self) -> Fault:
        return self.incident.fault


@dataclass(frozen=True, slots=True, kw_only=True)
class ApprovalRow:
    """One question to a person. Single use, expiring, bound to what was asked."""

    id: str
    incident_id: str | None
    plan_id: str
    ordinal: int
    step: Step
    binding: str
    proposer: str
    asked_at: datetime
    expires_at: datetime
    status: ApprovalStatus
    decided_by: str | None = None
    decided_at: datetime | None = None
    needed: int | None = None
    """Persons who have to say yes; None: one."""
    second_by: str | None = None
    """Who said yes after the first one, or no."""
    second_at: datetime | None = None

    @property
    def persons(self) -> int:
        """How many different people have to say yes."""
        return self.needed or 1

    @property
    def unit(self) -> UnitId:
        return self.step.action.unit


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """Hands off this unit."""

    id: str
    unit: UnitId
    at: datetime
    until: datetime | None
    """None: until it is released."""
    why: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """Hands off everything."""

    by: str
    why: str
    at: datetime

    def __str__(self) -> str:
        return f"by {self.by}: {self.why}" if self.why else f"by {self.by}"


@dataclass(frozen=True, slots=True, kw_only=True)
class NoteRow:
    """What a person wants known of a service."""

    id: str
    unit: UnitId
    at: datetime
    text: str
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseRow:
    """A release of a unit with which it was well for a while."""

    id: str
    unit: UnitId
    kind: str
    """`link`, `git`, `files` or `setup` (docs/releases.md)."""
    label: str
    """How people know it: a commit, the name of a release folder."""
    branch: str | None
    commit: str | None
    manifest: str
    """SHA-256 of what it consists of (`opsagent.releases.manifest`)."""
    noted_at: datetime
    good_at: datetime
    """When it was last seen well."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeployRow:
    """A deploy that a person marked."""

    id: str
    unit: UnitId
    began_at: datetime
    until: datetime
    """When it counts as forgotten."""
    why: str
    by: str
    release_before: str | None = None
    """Id of the release that was good when it began."""
    ended_at: datetime | None = None
    ended_by: str | None = None
    result: DeployResult | None = None
    """None while it is open, or still watched."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """What `Journal.verify` found."""

    entries: int
    """Entries of the ledger that were checked."""
    problems: tuple[str, ...] = ()
    """One line each; empty when nothing was changed behind the journal's back."""

    @property
    def ok(self) -> bool:
        return not self.problems
