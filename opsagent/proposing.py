"""Takes what a program proposes (an MCP client, a chat model with nobody present): it is asked about, never done.

A proposal becomes a stored plan with a question to people, whatever its risk and the mode. Whoever proposed it cannot
say yes to it. What people ordered left alone (a hold, a deploy, the pause, what was taught) is not even asked about.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Protocol

from opsagent.consent import APPROVAL_TTL_S
from opsagent.guard import Situation, rule_on_proposal
from opsagent.model import Plan, Risk, Ruling
from opsagent.policy import Policy
from opsagent.ports import Progress, ProgressKind
from opsagent.preflight_items import Preflight
from opsagent.situation import Situations
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline

if TYPE_CHECKING:
    from opsagent.store.rows import ApprovalRow

OPEN_AT_ONCE = 10
"""Questions of programs of one kind that may be open: who asks without end, by however many names, drowns those that
matter."""
_NAME_MAX = 64


class Looks(Protocol):
    """Looks before anything is done (`opsagent.preflight_facts.PreflightDesk`)."""

    async def of(self, plan: Plan, *, by: str) -> Preflight | None:
        """Return what stands in the way and what it will cost; None where the plan needs no such look."""


class Proposals:
    """The desk at which programs' plans come in."""

    def __init__(
        self,
        *,
        journal: Journal,
        timeline: Timeline,
        situations: Situations,
        policy: Callable[[], Policy],
        looks: Looks | None = None,
    ) -> None:
        self._journal = journal
        self._timeline = timeline
        self._situations = situations
        self._policy = policy
        self._looks = looks
        self._one_at_a_time = asyncio.Lock()
        """Who comes at the same time is counted, and the same question seen to be the same."""

    async def propose(self, plan: Plan, *, by: str, why: str) -> Progress:
        """Ask people about a plan that `by` proposes, and say so (`asked`), or say why not (`refused`). Nothing runs.

        Raises SupervisorError where its unit cannot be asked.
        """
        async with self._one_at_a_time:
            return await self._propose(plan, " ".join(by.split())[:_NAME_MAX] or "somebody", why)

    async def _propose(self, plan: Plan, proposer: str, why: str) -> Progress:
        plan = replace(plan, origin="person", incident=None, why=why or plan.why)
        if await asyncio.to_thread(self._journal.knows_plan, plan.id):
            return _say("refused", f"plan {plan.id} was submitted before: propose it anew", rule="known")
        its_kind = [
            one for one in await asyncio.to_thread(self._journal.approvals) if _kind(one.proposer) == _kind(proposer)
        ]
        same = await self._same([one for one in its_kind if one.proposer == proposer], plan)
        if same is not None:
            return _say("asked", "that is asked already, and waits for an answer", rule="proposed", approval=same)
        if len(its_kind) >= OPEN_AT_ONCE:
            many = f"{len(its_kind)} proposals of {_kind(proposer)} wait for an answer already"
            return _say("refused", many, rule="budget")
        ruling = await self._rule(plan, proposer)
        await asyncio.to_thread(self._journal.record_plan, plan, ())
        if ruling.verdict == "deny":
            await asyncio.to_thread(self._journal.end_plan, plan.id, "skipped", ruling.why)
            return _say("refused", ruling.why, rule=ruling.rule, risk=ruling.risk)
        return await self._ask(plan, ruling, proposer)

    async def _same(self, mine: list[ApprovalRow], plan: Plan) -> str | None:
        """Return the open question about the very same actions, where they would still be done to the same processes."""
        wanted = [step.action for step in plan.steps]
        for row in mine:
            known = await asyncio.to_thread(self._journal.plan, row.plan_id)
            again = [step.action for step in known.plan.steps] == wanted and not known.masked
            if again and row.binding == await self._situations.binding(plan):
                return row.id
        return None

    async def _rule(self, plan: Plan, proposer: str) -> Ruling:
        spent = await self._situations.spent(plan)
        situation = await self._situations.of(plan, spent, confirmed=False)
        if self._looks is not None:
            preflight = await self._looks.of(plan, by=proposer)
            if preflight is not None:
                situation = _with(situation, preflight)
        return rule_on_proposal(plan, situation, self._policy())

    async def _ask(self, plan: Plan, ruling: Ruling, proposer: str) -> Progress:
        binding = await self._situations.binding(plan)
        approval = await asyncio.to_thread(
            self._journal.ask, plan, 0, plan.steps[0], binding, APPROVAL_TTL_S, proposer, ruling.persons
        )
        text = f"{proposer} proposes {plan.steps[0].action}: {ruling.why}: opsagent approve {approval}"
        await self._timeline.tell("proposed", text, unit=plan.unit)
        return _say("asked", ruling.why, rule=ruling.rule, risk=ruling.risk, approval=approval)


def _kind(proposer: str) -> str:
    """Return of which kind a program is: `mcp` of `mcp: editor`, whatever it calls itself behind that."""
    return proposer.partition(": ")[0]


def _with(situation: Situation, preflight: Preflight) -> Situation:
    return replace(situation, blocked=preflight.blocked, costs=preflight.costs)


def _say(kind: ProgressKind, text: str, *, rule: str, risk: Risk | None = None, approval: str = "") -> Progress:
    said = risk.value if risk is not None else ""
    return Progress(kind=kind, at=datetime.now(UTC), text=text, rule=rule, risk=said, approval=approval)
