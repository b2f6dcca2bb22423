"""What unattended repairs were tried lately: what budgets and the breaker are counted from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, case, func, or_, select

from opsagent.log_policy import UPKEEP
from opsagent.model import Cause
from opsagent.store.boundary import Store
from opsagent.store.plans import UNDO
from opsagent.store.rows import PlanStatus
from opsagent.store.schema import plans, steps
from opsagent_tools.units import UnitId

_LASTS = timedelta(days=1)
"""No plan is acted on, or ends, so long after it was made."""
TRIAL = "trial"
"""Rule under which the steps of the breaker's own trial are journalled (`opsagent.guard.TRIAL`)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairRow:
    """One plan that is meant to mend something."""

    plan_id: str
    unit: UnitId
    remedy: str
    cause: str
    status: PlanStatus
    acted_at: datetime | None
    """When its latest step was begun, undoing apart; None: none was."""
    ended_at: datetime | None
    trial: bool = False
    """It was the breaker's own trial."""
    by_person: bool = False


class Repairs(Store):
    """The part of the journal that knows which repairs were tried."""

    def repairs_since(self, since: datetime, unit: UnitId | None = None) -> tuple[RepairRow, ...]:
        """Return the repairs that acted or ended since then (on one unit), oldest first, what people did among them;
        upkeep is none.
        """
        acted = func.max(steps.c.intended_at).label("acted_at")
        trial = func.max(case((steps.c.rule == TRIAL, 1), else_=0)).label("trial")
        wanted = (
            select(*(plans.c[name] for name in _PLAIN), acted, trial)
            .outerjoin(steps, and_(steps.c.plan_id == plans.c.id, steps.c.rule != UNDO))
            .where(plans.c.remedy.not_like(f"{UPKEEP}%"), plans.c.created_at >= since - _LASTS)
            .group_by(*(plans.c[name] for name in _PLAIN))
            .having(or_(acted >= since, plans.c.ended_at >= since))
            .order_by(plans.c.created_at, plans.c.id)
        )
        if unit is not None:
            wanted = wanted.where(plans.c.unit == str(unit))
        with self._reading() as connection:
            return tuple(
                RepairRow(
                    plan_id=row["id"],
                    unit=UnitId.parse(row["unit"]),
                    remedy=row["remedy"],
                    cause=row["cause"] or Cause.UNKNOWN.value,
                    status=row["status"],
                    acted_at=row["acted_at"],
                    ended_at=row["ended_at"],
                    trial=bool(row["trial"]),
                    by_person=row["origin"] == "person",
                )
                for row in connection.execute(wanted).mappings()
            )

    def was_trial(self, plan_id: str) -> bool:
        """Return whether a plan was the breaker's own trial."""
        wanted = select(steps.c.id).where(steps.c.plan_id == plan_id, steps.c.rule == TRIAL).limit(1)
        with self._reading() as connection:
            return connection.execute(wanted).first() is not None


_PLAIN = ("id", "unit", "origin", "remedy", "cause", "status", "ended_at", "created_at")
