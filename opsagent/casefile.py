"""The working papers of one open incident: what is known of it, what was tried, what it cost."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from opsagent.casenote import Note
from opsagent.model import Attempt, Evidence, Hypothesis, Incident, Plan, RemedyOdds


@dataclass(slots=True, kw_only=True)
class CaseFile:
    """Mutable; owned by the one worker that handles the incident."""

    incident: Incident
    attempts: list[Attempt] = field(default_factory=list)
    evidence: list[Evidence] = field(default_factory=list)
    recalling: tuple[object, asyncio.Task[tuple[RemedyOdds, ...]]] | None = None
    """The question to memory that was asked when the incident was opened, and its answer to come."""
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

    resumed: bool = False
    """An earlier life of the agent opened it."""
    unclear: str = ""
    """What an earlier life of the agent was doing when it ended, where nobody can tell whether it was done."""
    carried_over: Plan | None = None
    """A plan whose steps were all done when an earlier life of the agent ended; it only wants verifying."""
    left_over: Plan | None = None
    """The steps that an earlier life of the agent did not come to."""

    quoted: set[str] = field(default_factory=set)
    """Ids of the passages of documents that were quoted for it."""

    withdrawn: str = ""
    """Why detect took the incident back; empty while it stands."""
    mended: bool = False
    """A repair was verified."""

    def update(self, incident: Incident) -> None:
        """Take over what detect knows now."""
        self.incident = incident
