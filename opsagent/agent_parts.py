"""Parts of the agent that are put together from many others: the workshop of repairs, people's desk, the rounds of logs."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.bad_release import BadReleases
from opsagent.books import Books, Cost
from opsagent.casefile import CaseFile
from opsagent.consent import Consent
from opsagent.detect import Detection
from opsagent.evidence import gather
from opsagent.evident import Conditions, Probing
from opsagent.guard import risk_of
from opsagent.investigate import Investigator
from opsagent.learn import Learner
from opsagent.log_rounds import LogRounds
from opsagent.model import Attempt, Evidence, Incident, Plan, ProbeRequest, Risk, Step
from opsagent.people import People
from opsagent.preflight_facts import PreflightDesk
from opsagent.proposing import Proposals
from opsagent.returned import SUPERVISOR, Returns, life_of
from opsagent.runbooks.case import MayTry, Target
from opsagent.settle import Settler
from opsagent.verify import Verifier
from opsagent.workshop import Workshop

if TYPE_CHECKING:
    from opsagent.agent import Agent
    from opsagent.store.journal import Journal


_COUNTED = ("reload", "restart", "scale")
"""Changes that are watched from a user's place while they go on."""


def workshop_of(agent: Agent, books: Books) -> Workshop:
    """Return everything that a repair needs."""
    verifier = Verifier(
        agent.checker,
        agent.world,
        agent.baseline,
        lambda: agent.detector.open,
        Conditions(agent.world, _probing(agent)),
    )
    learner, missed = Learner(agent.desk, agent.timeline), _missed(agent)
    return Workshop(
        journal=agent.journal,
        timeline=agent.timeline,
        world=agent.world,
        settler=Settler(agent.checker, verifier, agent.world, changing=agent.keeper.changing),
        investigator=Investigator(
            world=agent.world,
            supervisors=agent.supervisors,
            recall=agent.recall,
            last_good_dir=agent.home.last_good_dir,
            releases=agent.keeper,
            timeline=agent.timeline,
            may_try=_may_try(agent),
            own=lambda: agent.own_runbooks.current().cards,
            people=agent.situations.people,
            beside=_done_on_its_unit(agent.journal),
        ),
        situations=agent.situations,
        policy=lambda: agent.policy,
        actor=agent.actor,
        verifier=verifier,
        learner=learner,
        consent=Consent(journal=agent.journal, timeline=agent.timeline, situations=agent.situations, verifier=verifier),
        locks=agent.locks,
        books=books,
        quotes=agent.quotes,
        returns=Returns(
            journal=agent.journal,
            timeline=agent.timeline,
            learner=learner,
            supervisors=agent.supervisors,
            missed=missed,
        ),
        missed=missed,
        advice=lambda file: agent.adviser.look_soon(file) if agent.adviser is not None else None,
        accepts=_accepts(agent),
        decided=agent.detector.decided,
    )


def _probing(agent: Agent) -> Probing:
    """Return who runs probes for what a remedy wants to hold."""

    async def probe(requests: Sequence[ProbeRequest]) -> Sequence[Evidence]:
        return await gather(
            requests,
            agent.world,
            agent.supervisors,
            datetime.now(UTC),
            last_good_dir=agent.home.last_good_dir,
            releases=agent.keeper,
        )

    return probe


def costs_of(agent: Agent) -> Cost:
    """Return who says what an incident cost."""

    async def cost(file: CaseFile, until: datetime) -> Mapping[str, Any]:
        incident = file.incident
        units = {incident.unit, *incident.affected}
        found = dict(agent.toll.of(incident.unit, units, incident.began_at, until))
        changes = await asyncio.to_thread(agent.journal.changes_since, incident.began_at, _COUNTED)
        failed = sum(one.failed for one in changes if one.unit in units and one.seen_by == "probe")
        if failed:
            found["failed_requests"] = failed
        supervisor = agent.supervisors.get(incident.unit.supervisor)
        life = await life_of(supervisor) if supervisor is not None else ""
        known = (await asyncio.to_thread(agent.journal.incident, incident.id)).impact or {}
        return {**known, **found, **({SUPERVISOR: life} if life else {})}

    return cost


def _done_on_its_unit(journal: Journal) -> Callable[[Incident], tuple[Attempt, ...]]:
    """Return who says what helped on an incident's unit since it began, for whatever it was done; blocks for one query."""

    def done(incident: Incident) -> tuple[Attempt, ...]:
        rows = journal.repairs_since(incident.began_at, incident.unit)
        return tuple(
            Attempt(remedy=row.remedy, unit=row.unit, better=True)
            for row in rows
            if row.status == "done" and row.acted_at is not None and row.acted_at >= incident.began_at
        )

    return done


def _missed(agent: Agent) -> Callable[[Plan, str], None]:
    """Return who is told of repairs that missed: what was granted by trust is lost on one miss."""

    def missed(plan: Plan, why: str) -> None:
        agent.trust.missed(plan, why)

    return missed


def _accepts(agent: Agent) -> Callable[[Plan], bool]:
    """Return who says whether what a model worked out is accepted without a person's word: safe steps, where it is said."""

    def accepts(plan: Plan) -> bool:
        risks = {risk_of(step.action, agent.world.units.get(step.action.unit)) for step in plan.steps}
        return agent.config.model.accept == "safe" and risks <= {Risk.READ, Risk.SAFE}

    return accepts


def _may_try(agent: Agent) -> MayTry:
    """Return who says whether steps may be tried to learn from them: only safe ones, where the mode is auto for those."""

    def may_try(steps: tuple[Step, ...], target: Target) -> bool:
        if not agent.config.memory.explore or agent.policy.mode_for(target.spec, Risk.SAFE) != "auto":
            return False
        return all(risk_of(step.action, target.unit) in {Risk.READ, Risk.SAFE} for step in steps)

    return may_try


def people_of(
    agent: Agent,
    books: Books,
    *,
    take_over: Callable[[Sequence[Detection]], bool],
    withdraw: Callable[[str, str], bool],
) -> People:
    """Return the desk at which people's commands come in."""
    return People(
        journal=agent.journal,
        timeline=agent.timeline,
        checker=agent.checker,
        situations=agent.situations,
        actor=agent.actor,
        locks=agent.locks,
        policy=lambda: agent.policy,
        claims=agent.claims,
        preflights=_preflights_of(agent),
        releases=BadReleases(
            journal=agent.journal,
            books=books,
            detector=agent.detector,
            world=agent.world,
            take_over=take_over,
            withdraw=withdraw,
        ),
    )


def proposals_of(agent: Agent) -> Proposals:
    """Return the desk at which programs' plans come in."""
    return Proposals(
        journal=agent.journal,
        timeline=agent.timeline,
        situations=agent.situations,
        policy=lambda: agent.policy,
        looks=_preflights_of(agent),
    )


def _preflights_of(agent: Agent) -> PreflightDesk:
    return PreflightDesk(
        supervisors=agent.supervisors,
        checker=agent.checker,
        world=agent.world,
        journal=agent.journal,
        claims=agent.claims,
    )


def log_rounds_of(agent: Agent) -> LogRounds:
    """Return who looks after the sizes of logs."""
    return LogRounds(
        supervisors=agent.supervisors,
        world=agent.world,
        actor=agent.actor,
        situations=agent.situations,
        journal=agent.journal,
        timeline=agent.timeline,
        locks=agent.locks,
        policy=lambda: agent.policy,
        logs=lambda: agent.config.logs,
    )
