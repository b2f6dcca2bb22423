"""Plans and steps in the journal. A step is on the disk before it runs."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import RowMapping, or_, select

from opsagent.model import Hypothesis, Plan, Scalar, Step
from opsagent.store.boundary import Store, Writer, clean
from opsagent.store.codec import from_plain, to_plain, tuple_of
from opsagent.store.rows import PlanRow, PlanStatus, StepRow, StepStatus
from opsagent.store.schema import deploys, plans, steps
from opsagent_tools.units import UnitId

UNDO = "undo"
"""The rule under which steps that take back others are journalled; they are nobody's new repair."""


class Plans(Store):
    """The part of the journal that knows plans and steps."""

    def record_plan(self, plan: Plan, hypotheses: Sequence[Hypothesis] = ()) -> None:
        """Write down what is about to be tried, and why. A plan that is known already keeps its status."""
        with self._writing() as writer:
            _record(writer, plan, hypotheses)

    def knows_plan(self, plan_id: str) -> bool:
        """Tell whether there is a plan of this id."""
        with self._reading() as connection:
            return connection.execute(select(plans.c.id).where(plans.c.id == plan_id)).first() is not None

    def end_plan(self, plan_id: str, status: PlanStatus, detail: str = "") -> None:
        """Say how a plan ended. LookupError: no such plan."""
        with self._writing() as writer:
            writer.update(plans, plan_id, status=status, detail=detail, ended_at=writer.now)

    def intend_step(
        self, plan: Plan, ordinal: int, step: Step, state_before: Mapping[str, Scalar], rule: str = ""
    ) -> str:
        """Write down a step that is about to run, and return its id. When this returns, it is on the disk.

        `rule` is the guard's rule that let it pass (`undo` where it takes back another step).
        """
        step_id = secrets.token_hex(8)
        with self._writing(durable=True) as writer:
            if not writer.exists(plans, plan.id):
                _record(writer, plan, ())
            writer.insert(
                steps,
                step_id,
                plan_id=plan.id,
                incident_id=plan.incident,
                unit=step.action.unit,
                ordinal=ordinal,
                step=to_plain(step),
                masked=is_masked([step]),
                state_before=to_plain(dict(state_before)),
                rule=rule,
                status="intended",
                intended_at=writer.now,
                detail="",
            )
        return step_id

    def end_step(self, step_id: str, status: StepStatus, detail: str = "") -> None:
        """Say how a step ended. LookupError: no such step."""
        with self._writing() as writer:
            writer.update(steps, step_id, status=status, detail=detail, ended_at=writer.now)

    def unfinished_steps(self) -> tuple[StepRow, ...]:
        """Return the steps that were intended and never ended, oldest first: what a killed agent was doing."""
        wanted = select(steps).where(steps.c.status == "intended").order_by(steps.c.intended_at, steps.c.id)
        with self._reading() as connection:
            return tuple(step_row(row) for row in connection.execute(wanted).mappings())

    def begun_plans(self) -> tuple[PlanRow, ...]:
        """Return the plans with steps that nobody has said the end of, oldest first."""
        begun = select(steps.c.plan_id).where(steps.c.rule != UNDO)
        wanted = select(plans.c.id).where(plans.c.status == "proposed", plans.c.id.in_(begun))
        with self._reading() as connection:
            ids = connection.execute(wanted.order_by(plans.c.created_at, plans.c.id)).scalars().all()
        return tuple(self.plan(plan_id) for plan_id in ids)

    def plan(self, plan_id: str) -> PlanRow:
        """Return one plan with its steps. LookupError: no such plan."""
        begun = select(steps).where(steps.c.plan_id == plan_id).order_by(steps.c.intended_at, steps.c.id)
        with self._reading() as connection:
            row = connection.execute(select(plans).where(plans.c.id == plan_id)).mappings().first()
            if row is None:
                raise LookupError(f"no plan {plan_id}")
            return plan_row(row, steps=tuple(step_row(step) for step in connection.execute(begun).mappings()))

    def touched_by_people(self, unit: UnitId, since: datetime) -> bool:
        """Return whether people had something done to this unit since then, or deployed it."""
        ordered = select(plans.c.id).where(
            plans.c.unit == str(unit), plans.c.origin == "person", plans.c.created_at >= since
        )
        deployed = select(deploys.c.id).where(
            deploys.c.unit == str(unit), or_(deploys.c.began_at >= since, deploys.c.ended_at >= since)
        )
        with self._reading() as connection:
            return any(connection.execute(wanted.limit(1)).first() is not None for wanted in (ordered, deployed))


def is_masked(whole: Sequence[Step]) -> bool:
    """Return whether redaction would change what these steps do: then they must not be run from the store."""
    essence = [to_plain([step.action, step.goal, step.gate, step.undo]) for step in whole]
    return bool(clean(essence) != essence)


def _record(writer: Writer, plan: Plan, hypotheses: Sequence[Hypothesis]) -> None:
    if writer.exists(plans, plan.id):
        writer.update(plans, plan.id, hypotheses=to_plain(tuple(hypotheses)))
        return
    writer.insert(
        plans,
        plan.id,
        incident_id=plan.incident,
        unit=plan.unit,
        origin=plan.origin,
        remedy=plan.remedy,
        source=plan.source,
        cause=plan.cause.value,
        plan=to_plain(plan),
        masked=is_masked(plan.steps),
        hypotheses=to_plain(tuple(hypotheses)),
        status="proposed",
        detail="",
        created_at=writer.now,
    )


def step_row(row: RowMapping) -> StepRow:
    """Return the record of a row of `steps`."""
    return StepRow(step=from_plain(row["step"], Step), **_same(row, "step", "unit", "salt"))


def plan_row(row: RowMapping, steps: Sequence[StepRow] = ()) -> PlanRow:
    """Return the record of a row of `plans`."""
    plan = replace(from_plain(row["plan"], Plan), id=row["id"], incident=row["incident_id"])
    rest = _same(row, "plan", "unit", "origin", "remedy", "source", "hypotheses", "cause", "salt")
    return PlanRow(
        plan=plan, hypotheses=from_plain(row["hypotheses"], tuple_of(Hypothesis)), steps=tuple(steps), **rest
    )


def _same(row: RowMapping, *but: str) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in but}
