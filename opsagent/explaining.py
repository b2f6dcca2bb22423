"""Asks the guard what it would say now of one action on one unit, and says what would have to be different."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsagent.against import key_of
from opsagent.claims import Claims
from opsagent.guard import Situation, every_ruling, rule_on_step
from opsagent.maintenance import Windows
from opsagent.model import Check, CheckKind, Origin, Plan, Risk, Ruling, Step
from opsagent.situation import (
    change_beside,
    granted,
    links_of,
    own_folders,
    quiet_at,
    spent_on,
)
from opsagent.world import World
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.units import Unit, UnitId, UnitState

if TYPE_CHECKING:
    from opsagent.config import Config
    from opsagent.home import Home
    from opsagent.store.journal import Journal
    from opsagent_tools.services.spec import ServiceSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    """What the guard would say now."""

    action: Action
    ruling: Ruling
    others: tuple[Ruling, ...]
    """Rules that would say no, or ask, if the first did not."""
    person: Ruling
    """What it would say of a person's own command."""
    situation: Situation


def hypothetical(action: Action, *, origin: Origin = "agent", cause: str = "crash") -> Plan:
    """Return a plan of this one action, against `cause`: the breaker and the budgets count by that."""
    step = Step(action=action, goal=Check(kind=CheckKind.ALWAYS, unit=action.unit))
    return Plan(
        id="hypothetical", origin=origin, remedy=f"{cause}/{action.name}", source="runbook", steps=(step,), unit=action.unit
    )  # fmt: skip


def worst_cause(journal: Journal, unit: UnitId, config: Config, now: datetime) -> str:
    """Return what most repairs of a unit failed against lately: the breaker counts by that. `crash` where none did."""
    rows = journal.repairs_since(now - timedelta(seconds=config.policy.breaker_window_s), unit)
    keys = [key_of(row.remedy, row.cause) for row in rows if row.status == "failed" and not row.by_person]
    return max(keys, key=keys.count, default="crash")


def explain(plan: Plan, situation: Situation, config: Config) -> Explained:
    """Ask the guard. Pure."""
    step, policy = plan.steps[0], config.policy
    ruling = rule_on_step(step, plan, situation, policy)
    rulings = every_ruling(step, plan, situation, policy)
    return Explained(
        action=step.action,
        ruling=ruling,
        others=tuple(one for one in rulings if one.verdict != "allow" and one != ruling),
        person=rule_on_step(step, hypothetical(step.action, origin="person"), situation, policy),
        situation=situation,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What a command knows of the units now, whether a daemon runs or not."""

    units: tuple[Unit, ...]
    specs: Mapping[str, ServiceSpec]
    health: Mapping[UnitId, bool]
    """Whether a unit's probe succeeds, where the daemon tells."""


def situation_now(  # noqa: PLR0917  # who asks has all of it at hand
    plan: Plan, unit: Unit | None, seen: Seen, home: Home, journal: Journal, config: Config, now: datetime, own_uid: int
) -> Situation:
    """Gather what the guard would be told, from the journal, the supervisors and the configuration. Blocks."""
    world = _world(seen)
    spec = world.spec(plan.unit)
    claims = Claims(home.claims_dir)
    spent, (quiet, quiet_s) = spent_on(journal, plan, config.policy, now), quiet_at(config.policy, now)
    window = Windows(config.maintenance).open_for(plan.unit, now)
    hold = next((row.why or "no reason given" for row in journal.holds(now) if row.unit == plan.unit), "")
    deploy, busy = journal.open_deploy(plan.unit, now), claims.held(plan.unit)
    near = (*world.all_upstream(plan.unit), *world.all_downstream(plan.unit))
    return Situation(
        unit=unit,
        spec=spec,
        paused=str(journal.paused() or ""),
        hold=hold,
        maintenance=window[0] if window is not None else "",
        taught=_taught(home, now),
        deploy="" if deploy is None else f"by {deploy.by} since {deploy.began_at:%H:%M} UTC",
        busy=str(busy) if busy is not None else "",
        beside=change_beside(plan, near, claims),
        quiet=quiet,
        quiet_s=quiet_s,
        outage=_outage((plan.unit, *world.all_downstream(plan.unit)), world, seen),
        serving=seen.health.get(plan.unit, False),
        folders=own_folders(plan, unit, spec),
        **links_of(plan, config.policy),
        unit_actions=spent.unit_actions,
        all_actions=spent.all_actions,
        budget_s=spent.budget_s,
        failed_repairs=spent.failed_repairs,
        since_failure_s=spent.since_failure_s,
        trials=spent.trials,
        grants=granted(journal),
        own_uid=own_uid,
    )


def _world(seen: Seen) -> World:
    world = World()
    world.replace_specs(seen.specs)
    for supervisor in {unit.id.supervisor for unit in seen.units}:
        world.replace_units(supervisor, [unit for unit in seen.units if unit.id.supervisor == supervisor])
    return world


def _outage(units: Iterable[UnitId], world: World, seen: Seen) -> str:
    for one in units:
        unit = world.units.get(one)
        if seen.health.get(one) is False:
            return f"{one.name} does not serve"
        if unit is not None and unit.state is not UnitState.STOPPED and not unit.processes:
            return f"{one.name} is down"
    return ""


def _taught(home: Home, now: datetime) -> Any:
    from opsagent.taught.book import TaughtBook

    book = TaughtBook(home.database)
    try:
        return book.open_now(now)
    finally:
        book.close()


def mend_of(ruling: Ruling, action: Action) -> str:
    """Say what would have to be different for the guard to say yes, in a command or a key where there is one."""
    name, what = action.unit.name, f"{action.name}:{action.unit.name}"
    allow = f'`mode = "auto"` in `[services.{name}]` of config.toml'
    if action.name not in {ActionName.RUN_RUNBOOK_COMMAND, ActionName.ROLLBACK}:  # no grant lifts those
        allow += f", or `opsagent trust --grant {what}`"
    if ruling.risk is Risk.DESTRUCTIVE:
        allow = (
            f'`mode = "approve"` in `[services.{name}]` of config.toml; it is asked for each time, no grant lifts that'
        )
    mends = {
        "paused": "`opsagent resume`",
        "protected": f"take `protected` out of `[services.{name}]`; nothing else opens it",
        "protected path": "nothing opens the fixed list; what the policy names is in `protected_paths`",
        "hold": f"`opsagent release {name}`",
        "maintenance": "the window's end, or `[[maintenance]]` in config.toml",
        "taught": "`opsagent memory forget` with the id that is named",
        "deploy": f"`opsagent deploy end {name}`",
        "intent": f'a person starts it: `opsagent do "start {name}"`',
        "foreign owner": "an agent that runs as that user, or as root",
        "busy": "the other change's end",
        "tiers": "the other change's end",
        "blast radius": "a reload in smaller parts, or a larger `blast_radius` under [policy]",
        "screens": "a person's yes; `[screens] unattended`, and mode auto (docs/screens.md)",
        "quiet hours": "their end, or an outage; `[policy.quiet_hours]`",
        "breaker": f"a person mends {name}, or time: one more try comes by itself",
        "budget": "time, or a larger budget under [policy]",
        "suggest": allow,
        "observe": f'`mode` in `[services.{name}]` of config.toml: observe does nothing',
        "mode": f"a yes (`opsagent approve`), or {allow}",
        "outside": "a yes (`opsagent approve`), the file among the unit's `config_files`, or `outside` under [policy]",
        "rollback": "a yes (`opsagent approve`), or `rollback_failed_deploys` under [policy]",
        "signal": f"a yes (`opsagent approve`), or `opsagent trust --grant {what}`",
        "destructive": f"a yes of {'two people' if ruling.persons > 1 else 'a person'} (`opsagent approve`), each time",
        "confirm": "a person says yes: `--yes`",
        "model": "a person's yes (`opsagent approve`); what it worked out once can be accepted: `opsagent memory accept`",
        "proposed": "a person's yes (`opsagent approve`); no program gives it",
        "unknown tool": "nothing: there is no such action yet",
    }  # fmt: skip
    return mends.get(ruling.rule, "")


def action_named(name: str) -> ActionName:
    """Return the action of this name. Raises ValueError, which offers the nearest."""
    from difflib import get_close_matches

    plain = name.strip().lower().replace("-", "_")
    if plain in {one.value for one in ActionName}:
        return ActionName(plain)
    near = get_close_matches(plain, [one.value for one in ActionName], n=1, cutoff=0.5)
    known = ", ".join(one.value for one in ActionName)
    raise ValueError(f"there is no action {name!r}: " + (f"did you mean {near[0]}?" if near else f"there are {known}"))
