"""Gathers what a ruling depends on, fresh from the journal and the supervisor, just before the guard is asked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from opsagent.check import Checker
from opsagent.guard import Situation
from opsagent.log_policy import UPKEEP
from opsagent.model import Plan
from opsagent.naming import is_daemon, is_host
from opsagent.policy import Policy
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.taught.book import TaughtBook
from opsagent.taught.rule import TaughtRule, unreadable
from opsagent.world import World
from opsagent_tools.units import Unit, UnitId, UnitState


def binding_of(plan: Plan, unit: Unit | None, policy_version: str) -> str:
    """Return the hash that ties an approval to actions, unit, processes (pid and start time) and policy."""
    processes = sorted((process.pid, round(process.key.started, 2)) for process in unit.processes) if unit else []
    actions = [[step.action.name, str(step.action.unit), sorted(step.action.args.items())] for step in plan.steps]
    bound = json.dumps([actions, str(plan.unit), processes, policy_version])
    return hashlib.sha256(bound.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What unattended repairs have used up of the limits, the plan at hand not counted."""

    unit_actions: int
    all_actions: int
    failed_repairs: int


class Situations:
    """Knows where each part of a Situation comes from."""

    def __init__(
        self,
        *,
        journal: Journal,
        checker: Checker,
        world: World,
        policy: Callable[[], Policy],
        taught: TaughtBook | None = None,
    ) -> None:
        self._journal = journal
        self._checker = checker
        self._world = world
        self._policy = policy
        self._taught = taught

    async def spent(self, plan: Plan) -> Spent:
        """Count before the plan begins, so that its own steps do not use up its own budget; upkeep has no part in it."""
        if plan.remedy.startswith(UPKEEP):
            return Spent(unit_actions=0, all_actions=0, failed_repairs=0)
        return await asyncio.to_thread(self._count, plan)

    async def of(self, plan: Plan, spent: Spent, *, confirmed: bool) -> Situation:
        """Return the situation for the next step of `plan`. Raises SupervisorError where the unit cannot be asked."""
        unit = None if is_daemon(plan.unit) else await self._checker.unit(plan.unit)
        paused, hold = await asyncio.to_thread(self._intent, plan.unit)
        return Situation(
            unit=unit,
            spec=self._world.spec(plan.unit),
            paused=paused,
            hold=hold,
            taught=await asyncio.to_thread(self._taught_about, plan),
            maintenance=self._world.in_maintenance(plan.unit, datetime.now(UTC)),
            deploy=await asyncio.to_thread(self._deploy, plan.unit),
            unit_actions=spent.unit_actions,
            all_actions=spent.all_actions,
            failed_repairs=spent.failed_repairs,
            own_uid=os.geteuid() if hasattr(os, "geteuid") else 0,
            confirmed=confirmed,
        )

    def people(self, unit: UnitId) -> tuple[str, str]:
        """Return why the unit is on hold and who deploys it, each empty where that is not so; blocks for two queries."""
        return self.holds().get(unit, ""), self._deploy(unit)

    async def orders(self, unit: UnitId) -> tuple[str, str, UnitState | None]:
        """Return what people have ordered for a unit: pause, hold, and whether it was stopped."""
        paused, hold = await asyncio.to_thread(self._intent, unit)
        state = None if is_daemon(unit) or is_host(unit) else (await self._checker.unit(unit)).state
        return paused, hold, state if state is UnitState.STOPPED else None

    def taught(self) -> tuple[TaughtRule, ...]:
        """Return what people taught that holds at this moment; blocks for one query. Raises StoreError."""
        return self._taught.open_now(datetime.now(UTC)) if self._taught is not None else ()

    def _taught_about(self, plan: Plan) -> tuple[TaughtRule, ...]:
        """Where it cannot be read the agent does nothing; people are asked whether they mean it, as for any rule."""
        try:
            return self.taught()
        except StoreError as error:
            if plan.origin != "person":
                raise
            return (unreadable(str(error)),)

    def holds(self) -> dict[UnitId, str]:
        """Return why each unit that is on hold is; blocks for one query."""
        found: dict[UnitId, str] = {}
        for hold in self._journal.holds(datetime.now(UTC)):
            found.setdefault(hold.unit, hold.why or "no reason given")
        return found

    async def binding(self, plan: Plan) -> str:
        """Return what an approval of `plan` is bound to now: its actions, the unit's processes, the policy."""
        unit = None if is_daemon(plan.unit) else await self._checker.unit(plan.unit)
        return binding_of(plan, unit, self._policy().version)

    def _count(self, plan: Plan) -> Spent:
        policy, now = self._policy(), datetime.now(UTC)
        window = now - timedelta(seconds=policy.budget_window_s)
        return Spent(
            unit_actions=self._journal.actions_since(plan.unit, window),
            all_actions=self._journal.actions_since(None, window),
            failed_repairs=self._journal.failed_repairs_since(
                plan.unit, now - timedelta(seconds=policy.breaker_window_s)
            ),
        )

    def _intent(self, unit: UnitId) -> tuple[str, str]:
        return str(self._journal.paused() or ""), self.holds().get(unit, "")

    def _deploy(self, unit: UnitId) -> str:
        deploy = self._journal.open_deploy(unit, datetime.now(UTC))
        return "" if deploy is None else f"by {deploy.by} since {deploy.began_at:%H:%M} UTC"
