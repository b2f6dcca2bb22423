"""The working papers of one open incident: what is known of it, what was tried, what it cost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from opsagent.casenote import Note
from opsagent.model import Attempt, Evidence, Hypothesis, Incident, Plan, RemedyOdds, Verdict
from opsagent.store.rows import IncidentRow, PlanRow


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """What an earlier life of the agent was in the middle of."""

    plan: Plan
    what: Literal["continue", "verify", "undo"]
    """`continue`: with the step after those that are done; `verify`: the steps are over, it wants judging; `undo`: it
    did not help, or it cannot be gone on with: what was done is taken back."""
    done_steps: int
    begun_steps: int
    undone: frozenset[int] = frozenset()
    """Ordinals of the steps that are taken back already."""
    judged: bool = False
    """It was judged, and did not help; False with `undo`: it was not come to the end of."""
    confirmed: bool = False
    """A person said yes to this very plan, and that yes has not expired."""
    began_at: datetime | None = None
    """When its first step was begun."""
    why: str = ""


@dataclass(slots=True, kw_only=True)
class CaseFile:
    """Mutable; owned by the one worker that handles the incident."""

    incident: Incident
    attempts: list[Attempt] = field(default_factory=list)
    beside: tuple[Attempt, ...] = ()
    """What was done on its unit since it began, whoever did it and for whatever; as of the last decision."""
    evidence: list[Evidence] = field(default_factory=list)
    recalling: tuple[object, asyncio.Task[tuple[RemedyOdds, ...]]] | None = None
    """The question to memory that was asked when the incident was opened, and its answer to come."""
    recalled_for: object = None
    """The question that `odds` answer."""
    odds: tuple[RemedyOdds, ...] = ()
    hypotheses: tuple[Hypothesis, ...] = ()
    note: Note | None = None
    """What is known of it, in parts, as it was decided last."""
    probes: int = 0
    """Read-only probes run so far, over all attempts."""
    decision_s: float = 0.0
    """Time spent on recall, probes and decide so far."""
    left_alone: str = ""
    """Why it was left alone when it was looked at last."""
    look_again_s: float | None = None
    """After so many seconds decide is asked again, whatever happens meanwhile."""
    ask_again_s: float | None = None
    """After so many seconds the guard may rule otherwise on what it refused, where the trouble lasts."""

    resumed: bool = False
    """An earlier life of the agent opened it."""
    unclear: str = ""
    """What an earlier life of the agent was doing when it ended, where nobody can tell whether it was done."""
    under_way: UnderWay | None = None
    """The plan that an earlier life of the agent was in the middle of."""
    left_over: Plan | None = None
    """A plan that an earlier life of the agent asked a person about, and did not begin."""
    agreed: str = ""
    """The approval by which a person said yes to `left_over` before that life ended."""
    judged: tuple[tuple[PlanRow, Verdict], ...] = ()
    """Plans that an earlier life carried out and judged; whether it came to learn from them is not known."""

    returned: IncidentRow | None = None
    """The incident that this one is again: it was thought to be mended less than an hour ago."""

    advised: Plan | None = None
    """What a chat model proposes, once it has thought; not put to a person yet."""
    adviser: str = ""
    """Which model was asked for this incident (`model:NAME`); it is asked once."""

    quoted: set[str] = field(default_factory=set)
    """Ids of the passages of documents that were quoted for it."""

    learning: list[asyncio.Task[bool]] = field(default_factory=list)
    """What is being learnt of attempts that did not help, while the next one is made."""

    withdrawn: str = ""
    """Why detect took the incident back; empty while it stands."""
    mended: bool = False
    """A repair was verified."""

    def update(self, incident: Incident) -> None:
        """Take over what detect knows now."""
        self.incident = incident
