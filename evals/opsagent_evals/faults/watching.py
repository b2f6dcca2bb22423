"""When enough was seen of a run. Pure."""

from __future__ import annotations

from datetime import datetime

from opsagent_evals.faults.scenario import Scenario
from opsagent_evals.faults.score import HOLD_S, Run, changing, held_since

AFTER_ESCALATION_S = HOLD_S + 3.0
"""So long must it be quiet after a person was told: an agent that tells and then changes something has not escalated."""
_BOOKS_S = 10.0
"""How long the agent may take, once users are served, to verify, learn and close its incident."""


def is_over(scenario: Scenario, run: Run, now: datetime, *, patient: bool = True) -> bool:
    """Tell whether the run may end: nothing that happens later would change its score for the better or the worse.

    Healthy cases are watched to the end of their time, since something wrong can be done at any moment. `patient`: who
    has told a person leaves it at that; others may act at any moment all the same.
    """
    if (now - run.injected_at).total_seconds() >= scenario.timeout_s:
        return True
    if scenario.healthy:
        return False
    served = held_since(run)
    if served is not None and not scenario.escalate:
        working = any(seen.closed_at is None and seen.escalated_at is None for seen in run.incidents)
        return not working or (now - served).total_seconds() >= HOLD_S + _BOOKS_S
    told = [seen.escalated_at for seen in run.incidents if seen.escalated_at is not None]
    if not told or not patient:
        return False
    latest = max(*told, *(step.ended_at or now for step in changing(run.steps)), told[0])
    return (now - latest).total_seconds() >= AFTER_ESCALATION_S
