"""Gathers what a ruling depends on, fresh from the journal and the supervisor, just before the guard is asked."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import re
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opsagent.against import key_of
from opsagent.check import Checker
from opsagent.claims import Claims
from opsagent.guard import Situation
from opsagent.log_policy import UPKEEP
from opsagent.model import Plan
from opsagent.naming import is_daemon, is_host, is_screen
from opsagent.policy import Policy
from opsagent.probes.files import state_folders
from opsagent.rules.reach import FILE_ACTIONS, paths_in
from opsagent.spent import Spent, count
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.taught.book import TaughtBook
from opsagent.taught.rule import TaughtRule, unreadable
from opsagent.world import World
from opsagent_tools.actions import ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId, UnitState


def about(plan: Plan, unit: UnitId) -> Plan:
    """Return the plan as it is ruled on for a step on `unit`: what people said of that one binds the step."""
    return plan if unit == plan.unit else replace(plan, unit=unit)


def binding_of(plan: Plan, unit: Unit | None, policy_version: str, release: str = "") -> str:
    """Return the hash that ties an approval to actions, unit, processes (pid and start time), release and policy."""
    processes = sorted((process.pid, round(process.key.started, 2)) for process in unit.processes) if unit else []
    actions = [[step.action.name, str(step.action.unit), sorted(step.action.args.items())] for step in plan.steps]
    bound = json.dumps([actions, str(plan.unit), processes, policy_version, release])
    return hashlib.sha256(bound.encode()).hexdigest()


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
        claims: Claims | None = None,
    ) -> None:
        self._journal = journal
        self._checker = checker
        self._world = world
        self._policy = policy
        self._taught = taught
        self._claims = claims

    async def spent(self, plan: Plan) -> Spent:
        """Count before the plan begins, so that its own steps do not use up its own budget; upkeep has no part in it."""
        if plan.remedy.startswith(UPKEEP):
            return Spent()
        return await asyncio.to_thread(self._count, plan)

    async def of(self, plan: Plan, spent: Spent, *, confirmed: bool) -> Situation:
        """Return the situation for the next step of `plan`. Raises SupervisorError where the unit cannot be asked."""
        unit = await self._unit(plan.unit)
        now, spec = datetime.now(UTC), self._world.spec(plan.unit)
        said = await asyncio.to_thread(self._said, plan, unit, spec, confirmed)
        said["folders"] += await self._folder_told(plan, spec)
        quiet, quiet_s = quiet_at(self._policy(), now)
        health = self._world.health.get(plan.unit)
        return Situation(
            unit=unit,
            spec=spec,
            taught=await asyncio.to_thread(self._taught_about, plan),
            maintenance=self._world.in_maintenance(plan.unit, now),
            quiet=quiet,
            quiet_s=quiet_s,
            outage=self.outage(plan.unit),
            serving=health is not None and health.ok,
            unit_actions=spent.unit_actions,
            all_actions=spent.all_actions,
            budget_s=spent.budget_s,
            failed_repairs=spent.failed_repairs,
            since_failure_s=spent.since_failure_s,
            trials=spent.trials,
            own_uid=os.geteuid() if hasattr(os, "geteuid") else 0,
            confirmed=confirmed,
            **said,
        )

    async def _folder_told(self, plan: Plan, spec: ServiceSpec | None) -> tuple[str, ...]:
        """Return the folder that its supervisor starts the unit in, where nobody described it and it matters."""
        if spec is not None or not any(step.action.name in FILE_ACTIONS for step in plan.steps) or is_host(plan.unit):
            return ()
        setup = await self._checker.setup(plan.unit)
        return (str(setup.cwd),) if setup is not None and setup.cwd is not None else ()

    def outage(self, unit: UnitId) -> str:
        """Return who does not serve, of a unit and all that depend on it; empty where all of them do, as far as known."""
        if is_daemon(unit):
            return f"{unit.name} is gone" if unit.supervisor in self._world.lost else ""
        for one in (unit, *self._world.all_downstream(unit)):
            known, health = self._world.units.get(one), self._world.health.get(one)
            if health is not None and not health.ok:
                return f"{one.name} does not serve"
            if known is not None and known.state is not UnitState.STOPPED and not known.processes:
                return f"{one.name} is down"
        return ""

    def people(self, unit: UnitId) -> tuple[str, str]:
        """Return why the unit is on hold and who deploys it, each empty where that is not so; blocks for two queries."""
        return self.holds().get(unit, ""), self._deploy(unit)

    def wanted(self, units: Iterable[UnitId]) -> tuple[tuple[str, str], ...]:
        """Return why each unit is on hold and who deploys it; blocks for some queries."""
        holds = self.holds()
        return tuple((holds.get(unit, ""), self._deploy(unit)) for unit in units)

    async def orders(self, unit: UnitId) -> tuple[str, str, UnitState | None]:
        """Return what people have ordered for a unit: pause, hold, and whether it was stopped."""
        paused, hold = await asyncio.to_thread(self._intent, unit)
        known = None if is_host(unit) else await self._unit(unit)
        state = known.state if known is not None else None
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
        unit = await self._unit(plan.unit)
        release = await asyncio.to_thread(release_of, self._journal, plan.unit)
        return binding_of(plan, unit, self._policy().version, release)

    async def _unit(self, unit: UnitId) -> Unit | None:
        """Return the unit as it is now; None for what no supervisor lists: a daemon itself, a procedure on screens."""
        return None if is_daemon(unit) or is_screen(unit) else await self._checker.unit(unit)

    def _count(self, plan: Plan) -> Spent:
        return spent_on(self._journal, plan, self._policy(), datetime.now(UTC))

    def _said(self, plan: Plan, unit: Unit | None, spec: ServiceSpec | None, confirmed: bool) -> dict[str, Any]:
        """Return what people said and do, and what is the unit's own; blocks for some queries."""
        paused, hold = self._intent(plan.unit)
        return {
            "paused": paused,
            "hold": hold,
            "deploy": self._deploy(plan.unit),
            "busy": self._busy(plan),
            "beside": self._beside(plan),
            "grants": granted(self._journal),
            "folders": own_folders(plan, unit, spec),
            **links_of(plan, self._policy()),
            "yes": len(self._journal.yes_to(plan.id)) if confirmed else 0,
        }

    def _busy(self, plan: Plan) -> str:
        """Return which other change of the very unit is under way, by whomever; looks at a file."""
        claim = self._claims.held(plan.unit) if self._claims is not None else None
        return str(claim) if claim is not None and claim.plan != plan.id else ""

    def _beside(self, plan: Plan) -> str:
        if self._claims is None:
            return ""
        near = (*self._world.all_upstream(plan.unit), *self._world.all_downstream(plan.unit))
        return change_beside(plan, near, self._claims)

    def granted_on(self, unit: UnitId) -> tuple[str, ...]:
        """Return the actions that people let the agent do on a unit unasked; blocks for one query."""
        return tuple(sorted(action for one, action in granted(self._journal) if one == unit))

    def _intent(self, unit: UnitId) -> tuple[str, str]:
        return str(self._journal.paused() or ""), self.holds().get(unit, "")

    def _deploy(self, unit: UnitId) -> str:
        deploy = self._journal.open_deploy(unit, datetime.now(UTC))
        return "" if deploy is None else f"by {deploy.by} since {deploy.began_at:%H:%M} UTC"


def quiet_at(policy: Policy, now: datetime) -> tuple[str, float]:
    """Return until when the quiet hours go on, in words and in seconds; nothing outside them."""
    until = policy.quiet.until(now) if policy.quiet is not None else None
    if policy.quiet is None or until is None:
        return "", 0.0
    return policy.quiet.told_until(until), (until - now).total_seconds()


def spent_on(journal: Journal, plan: Plan, policy: Policy, now: datetime) -> Spent:
    """Count what a plan finds used up of the limits; blocks for one query."""
    since = now - timedelta(seconds=max(policy.budget_window_s, policy.breaker_window_s))
    return count(journal.repairs_since(since), plan.unit, key_of(plan.remedy, plan.cause), policy, now)


def granted(journal: Journal) -> frozenset[tuple[UnitId, ActionName]]:
    """Return what people let the agent do unasked; blocks for one query."""
    return frozenset((grant.unit, grant.action) for grant in journal.grants())


def release_of(journal: Journal, unit: UnitId) -> str:
    """Return a word for the release that a unit has, as far as the journal knows: it changes when somebody deploys."""
    deploys, releases = journal.deploys(unit, limit=1), journal.releases(unit)
    return f"{deploys[0].id if deploys else ''}/{releases[0].id if releases else ''}"


def change_beside(plan: Plan, near: Iterable[UnitId], claims: Claims) -> str:
    """Return which change of a unit near this one is under way, by whomever; looks at some files."""
    for unit in near:
        claim = claims.held(unit)
        if claim is not None and claim.plan != plan.id:
            return f"{unit.name}, which {plan.unit.name} hangs together with, is being changed: {claim}"
    return ""


def own_folders(plan: Plan, unit: Unit | None, spec: ServiceSpec | None) -> tuple[str, ...]:
    """Return folders and files that are the unit's own, for a plan that touches files; looks at /proc and at folders."""
    paths = [path for step in plan.steps if step.action.name in FILE_ACTIONS for path in paths_in(step.action)]
    if not paths:
        return ()
    found = [str(folder) for folder in state_folders(spec)]
    if spec is not None:
        words = (word.rpartition("=")[2] for word in (*spec.env.values(), *spec.command))
        found += [word for word in words if word.startswith("/")]
    for process in unit.processes if unit is not None else ():
        with suppress(OSError):
            found.append(str(Path(f"/proc/{process.pid}/cwd").readlink()))
    found += [str(Path(path).parent) for path in paths if unit is not None and _is_users_alone(path, unit.uid)]
    return tuple(dict.fromkeys(found))


def links_of(plan: Plan, policy: Policy) -> dict[str, Any]:
    """Return where the paths of a plan, and those that the policy protects, really lead; looks at folders."""
    paths = [path for step in plan.steps if step.action.name in FILE_ACTIONS for path in paths_in(step.action)]
    if not paths:
        return {}
    real = {path: found for path in paths if (found := os.path.realpath(path)) != path}
    return {"real": real, "protected": tuple(_led(glob) for glob in policy.protected_paths if glob.startswith("/"))}


def _led(glob: str) -> str:
    """Return a glob with the folders before its first wildcard as they really are."""
    plain = re.split(r"[*?\[]", glob, maxsplit=1)[0].rpartition("/")[0]
    return os.path.realpath(plain).rstrip("/") + glob[len(plain) :] if plain else glob


def _is_users_alone(path: str, uid: int) -> bool:
    """Tell whether a file lies in a folder of the unit's user, which nobody else may write to. Root's are the machine's."""
    try:
        status = Path(path).parent.stat()
    except OSError:
        return False
    return uid != 0 and status.st_uid == uid and not status.st_mode & 0o022
