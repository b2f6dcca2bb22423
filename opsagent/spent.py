"""What unattended repairs have used up of the limits, counted from what was tried lately. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from opsagent.against import is_induced, key_of
from opsagent.policy import Policy
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent.store.repairs import RepairRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What is used up for one plan, itself not counted."""

    unit_actions: int = 0
    """Of the budget of its unit: the ordinary one, or the one for what outsiders can bring about."""
    all_actions: int = 0
    budget_s: float = 0.0
    """Seconds until the oldest of them leaves the window."""
    failed_repairs: int = 0
    """Of its unit, against the same cause, since the last that worked."""
    since_failure_s: float = 0.0
    trials: int = 0


def count(rows: Sequence[RepairRow], unit: UnitId, key: str, policy: Policy, now: datetime) -> Spent:
    """Count what `rows` (oldest first) used up for a plan on `unit` that is against `key`."""
    window = now - timedelta(seconds=policy.budget_window_s)
    acted = [
        (row.unit, row.acted_at)
        for row in rows
        if row.acted_at is not None
        and row.acted_at >= window
        and not row.by_person
        and is_induced(_key(row)) == is_induced(key)
    ]
    of_unit = [at for one, at in acted if one == unit]
    failed = _failed(rows, unit, key, now - timedelta(seconds=policy.breaker_window_s))
    last = max((row.ended_at for row in failed if row.ended_at is not None), default=now)
    oldest = min(of_unit or [at for _, at in acted], default=now)
    return Spent(
        unit_actions=len(of_unit),
        all_actions=len(acted),
        budget_s=max(0.0, (oldest - window).total_seconds()),
        failed_repairs=len(failed),
        since_failure_s=max(0.0, (now - last).total_seconds()),
        trials=sum(row.trial for row in failed),
    )


def _failed(rows: Iterable[RepairRow], unit: UnitId, key: str, since: datetime) -> list[RepairRow]:
    """Return what failed on the unit against `key` since then, and since the last that worked, a person's own among them."""
    found: list[RepairRow] = []
    of_it = [
        row for row in rows if row.unit == unit and row.ended_at is not None and (row.by_person or _key(row) == key)
    ]
    for row in sorted(of_it, key=lambda row: (row.ended_at or since, row.plan_id)):
        if row.status == "done":
            found.clear()
        elif row.status == "failed" and not row.by_person and row.ended_at is not None and row.ended_at >= since:
            found.append(row)
    return found


def _key(row: RepairRow) -> str:
    return key_of(row.remedy, row.cause)
