"""What a person can have taken back of what was done: the steps of an incident's plans, of one plan, or one step. Pure.

A taking back is a person's plan like any other: guard, journal, hands. It is named after what it takes back
(`undo/PLAN.2-0`: steps 2 and 0, in that order), so that the journal knows what is back already.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

from opsagent.model import Check, CheckKind, Plan, Step
from opsagent.planning import new_plan
from opsagent.store.plans import UNDO
from opsagent.store.rows import PlanRow
from opsagent.undoing import undo_of

PREFIX = "undo/"
_CHANGES_BY_ITSELF = frozenset({CheckKind.ALWAYS, CheckKind.HEALTHY, CheckKind.REPLACED, CheckKind.RESUMED})
"""How a service is now says nothing of whether somebody changed what the step left."""

State = Literal["possible", "back", "cannot", "changed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Back:
    """One step that was done, and whether it can be taken back."""

    row: PlanRow
    ordinal: int
    step: Step
    """As it was done."""
    undo: Step | None
    state: State
    """`possible`; `back`: it is taken back already; `cannot`: nothing takes it back; `changed`: the world did since."""
    why: str = ""


def is_taking_back(plan: Plan) -> bool:
    """Tell whether a plan takes back another one."""
    return plan.remedy.startswith(PREFIX)


def backs_of(rows: Iterable[PlanRow], takings: Sequence[PlanRow], only: int | None = None) -> tuple[Back, ...]:
    """Return the steps of these plans that were done, the latest first.

    `takings`: the plans by which people took something back; `only`: the step of that ordinal alone.
    """
    found: list[Back] = []
    for row in sorted(rows, key=lambda one: one.created_at, reverse=True):
        done = {step.ordinal for step in row.steps if step.rule != UNDO and step.status == "done"}
        back = {step.ordinal for step in row.steps if step.rule == UNDO and step.status == "undone"}
        back |= _taken_back(row.plan.id, takings)
        undos = {undo.ordinal: undo.step for undo in undo_of(row.plan, len(row.plan.steps))}
        wanted = [ordinal for ordinal in sorted(done, reverse=True) if only in {None, ordinal}]
        found += [_back(row, ordinal, undos.get(ordinal), is_back=ordinal in back) for ordinal in wanted]
    return tuple(found)


def _back(row: PlanRow, ordinal: int, undo: Step | None, *, is_back: bool) -> Back:
    step = row.plan.steps[ordinal]
    state: State = "possible"
    why = ""
    if is_back:
        state = "back"
    elif undo is None:
        state, why = "cannot", "nothing takes it back"
    elif row.masked:
        state, why = "cannot", "a secret in it was masked: it cannot be run from the journal"
    return Back(row=row, ordinal=ordinal, step=step, undo=undo, state=state, why=why)


def _taken_back(plan_id: str, takings: Sequence[PlanRow]) -> set[int]:
    """Return the ordinals of this plan's steps that people's plans took back, whole or in part."""
    found: set[int] = set()
    for taking in takings:
        whose, _, ordinals = taking.plan.remedy.removeprefix(PREFIX).partition(".")
        if whose != plan_id:
            continue
        order = [int(one) for one in ordinals.split("-") if one.isdecimal()]
        done = {step.ordinal for step in taking.steps if step.rule != UNDO and step.status == "done"}
        undone = {step.ordinal for step in taking.steps if step.rule == UNDO and step.status == "undone"}
        found |= {order[number] for number in done - undone if number < len(order)}
    return found


def stands(step: Step) -> Check | None:
    """Return what has to hold still, so that nobody's later change is overwritten; None: nothing can tell."""
    volatile = step.goal.kind in _CHANGES_BY_ITSELF or (
        step.goal.kind is CheckKind.RUNNING and "instances" not in step.goal.args
    )
    return None if volatile else step.goal


def plans_of(backs: Iterable[Back], who: str) -> tuple[Plan, ...]:
    """Return people's plans that take back what is possible, one for each plan, the latest first."""
    by_plan: dict[str, list[Back]] = {}
    for back in backs:
        if back.state == "possible" and back.undo is not None:
            by_plan.setdefault(back.row.plan.id, []).append(back)
    plans = []
    for plan_id, mine in by_plan.items():
        steps = [
            replace(back.undo, gate=stands(back.step), why=f"takes back {back.step.action}")
            for back in mine
            if back.undo is not None
        ]
        plans.append(
            new_plan(
                unit=mine[0].row.plan.unit,
                steps=tuple(steps),
                remedy=f"{PREFIX}{plan_id}.{'-'.join(str(back.ordinal) for back in mine)}",
                origin="person",
                source="person",
                why=f"{who} takes back what {mine[0].row.plan.remedy} did",
            )
        )
    return tuple(plans)
