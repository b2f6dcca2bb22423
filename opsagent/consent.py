"""Asks a person about an agent's plan, and waits for the answer. No answer means no.

An approval is bound to the very actions, the unit's processes and the policy; when the answer comes, the stored
plan runs only if all of that still is as it was asked.
"""

from __future__ import annotations

import asyncio
import secrets
from typing import Literal

from opsagent.casefile import CaseFile
from opsagent.model import Check, CheckKind, Plan, Ruling
from opsagent.situation import Situations
from opsagent.store.approvals import AGENT
from opsagent.store.journal import Journal
from opsagent.timeline import Timeline
from opsagent.verify import Verifier

APPROVAL_TTL_S = 3600.0
_POLL_S = 0.25

Answer = Literal["yes", "no", "changed"]
"""`changed`: a yes came, but for what is not so any more; it would have to be asked anew."""


class Consent:
    """The questions that the unattended agent asks."""

    def __init__(self, *, journal: Journal, timeline: Timeline, situations: Situations, verifier: Verifier) -> None:
        self._journal = journal
        self._timeline = timeline
        self._situations = situations
        self._verifier = verifier

    async def given(self, file: CaseFile, plan: Plan, ruling: Ruling, *, agreed: str = "") -> Answer:
        """Ask, and wait until somebody answers, the question expires, or the trouble is over.

        A question that an earlier life of the agent asked about this very plan is still the question. `agreed`: the
        approval that was used for it right before that life ended, with nothing begun: it holds if all still is so.
        """
        if agreed and await self._still_fits(agreed, plan):
            return "yes"
        approval = await asyncio.to_thread(self._journal.open_question, plan.id)
        if approval is None:
            binding = await self._situations.binding(plan)
            approval = await asyncio.to_thread(
                self._journal.ask,
                plan,
                0,
                plan.steps[0],
                binding,
                APPROVAL_TTL_S,
                _proposer(file, plan),
                ruling.persons,
            )
        await self._timeline.tell("asked", f"{ruling.why}: opsagent approve {approval}", incident=file.incident)
        while True:
            status = await asyncio.to_thread(self._journal.approval_status, approval)
            if status == "approved":
                now = await self._situations.binding(plan)
                if await asyncio.to_thread(self._journal.use_approval, approval, now):
                    return "yes"
                await self._timeline.tell("refused", "the unit changed since it was asked", incident=file.incident)
                return "changed"
            if status != "pending":
                await self._timeline.tell("refused", f"the question was {status}", incident=file.incident)
                return "no"
            if await self._is_moot(file):
                await asyncio.to_thread(self._journal.expire_approval, approval)
                return "no"
            await asyncio.sleep(_POLL_S)

    async def _still_fits(self, approval: str, plan: Plan) -> bool:
        asked = await asyncio.to_thread(self._journal.approval, approval)
        return secrets.compare_digest(asked.binding, await self._situations.binding(plan))

    async def _is_moot(self, file: CaseFile) -> bool:
        root = Check(kind=CheckKind.HEALTHY, unit=file.incident.unit)
        return root.unit in await self._verifier.well_now([root.unit])


def _proposer(file: CaseFile, plan: Plan) -> str:
    return (file.adviser or "model") if plan.source == "model" else AGENT
