"""Asks a person before a step that needs one, and waits for the answer. No answer means no.

A yes is bound to that very step of that very version, told the same, on the same program: random, single use, expiring. It
is used by the run that waits for it, or by the next one that comes to the same step. Nothing else is allowed by it.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from opsagent.model import Check, CheckKind, Plan, Step
from opsagent.planning import new_plan
from opsagent.planning_parts import action_of
from opsagent.screens import kept as keeping
from opsagent.screens.kept import Kept
from opsagent.store.journal import Journal
from opsagent_tools.actions import ActionName
from opsagent_tools.gui.model import Located
from opsagent_tools.gui.replay import Allowed, Asked, NotAllowed
from opsagent_tools.redact import redact
from opsagent_tools.units import UnitId

TTL_S = 3600.0
STEP_ARG = "screen_step"
"""Argument of an action that is nothing but a question about one step: nobody carries it out."""
_POLL_S = 0.25
_PLAIN_QUOTES = {ord("“"): '"', ord("”"): '"'}
"""What a person approves is shown with look-alikes marked; our own quotes shall not be."""
_PROPOSER = "screens"

Say = Callable[[str, str], None]
"""`say(text, approval)`: tells whoever follows the run; with an id, that it can be answered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """What a question is about, beside the step."""

    kept: Kept
    told: Mapping[str, str]
    unit: UnitId


class StepQuestions:
    """The questions of one run."""

    def __init__(self, journal: Journal, run: Run, *, answer_s: float, say: Say) -> None:
        self._journal = journal
        self._run = run
        self._answer_s = answer_s
        self._say = say
        self.left: str = ""
        """Id of the question that the run ended at; empty: none."""

    async def allowed(self, located: Located | None, asked: Asked) -> Allowed | NotAllowed:
        """Return whether a person lets this step be done."""
        binding = self._binding(located, asked)
        approval = await asyncio.to_thread(self._known, binding)
        if approval is None:
            approval = await asyncio.to_thread(self._ask, binding, asked)
        what = redact(f"step {asked.number}: {asked.text}: {asked.risk}")
        self._say(f"{what}: needs a yes (opsagent approve {approval})", approval)
        status = await self._answered(approval)
        if status == "approved" and await asyncio.to_thread(self._journal.use_approval, approval, binding):
            self._say(f"step {asked.number}: a person said yes", "")
            return Allowed(why="a person said yes")
        if status == "denied":
            return NotAllowed(why=f"a person said no to step {asked.number}: {asked.text}")
        self.left = approval
        return NotAllowed(why=f"step {asked.number} needs a person: {asked.text}: {asked.risk}")

    async def _answered(self, approval: str) -> str:
        deadline = asyncio.get_running_loop().time() + self._answer_s
        while True:
            status = await asyncio.to_thread(self._journal.approval_status, approval)
            if status != "pending" or asyncio.get_running_loop().time() >= deadline:
                return status
            await asyncio.sleep(_POLL_S)

    def _known(self, binding: str) -> str | None:
        """Return the question that was asked about this step before and is open still, or whose yes waits to be used."""
        rows = self._journal.approvals(pending=False)
        return next((row.id for row in rows if row.binding == binding and row.status in {"pending", "approved"}), None)

    def _ask(self, binding: str, asked: Asked) -> str:
        plan = self._question(asked)
        self._journal.record_plan(plan)
        return self._journal.ask(plan, 0, plan.steps[0], binding, TTL_S, _PROPOSER)

    def _question(self, asked: Asked) -> Plan:
        kept, said = self._run.kept, redact(asked.text).translate(_PLAIN_QUOTES)
        action = action_of(
            ActionName.RUN_GUI_PROCEDURE,
            self._run.unit,
            procedure=kept.name,
            version=kept.version,
            digest=kept.digest,
            said=said,
            **{STEP_ARG: asked.number},
        )
        goal = Check(kind=CheckKind.ALWAYS, unit=self._run.unit)
        why = f"step {asked.number} of {kept.name}: {said}: {redact(asked.risk)}"
        steps = (Step(action=action, goal=goal, why=why),)
        return new_plan(
            unit=self._run.unit,
            steps=steps,
            remedy=keeping.remedy(kept.name),
            origin="agent",
            source="runbook",
            why=why,
        )

    def _binding(self, located: Located | None, asked: Asked) -> str:
        kept, window = self._run.kept, asked.window
        where = [window.program, window.exe, window.uid] if window is not None else []
        found = located.element if located is not None else None
        target = [found.role, found.name, found.label] if found is not None else []
        said = [
            kept.name,
            kept.digest,
            asked.number,
            asked.text,
            asked.risk,
            sorted(self._run.told.items()),
            str(self._run.unit),
        ]
        return hashlib.sha256(json.dumps([said, where, target], ensure_ascii=False).encode()).hexdigest()
