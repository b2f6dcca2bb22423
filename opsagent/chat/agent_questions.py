"""The agent's questions to people inside a conversation: shown first, and answered when just shown or by their id."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from opsagent.chat.events import Event
from opsagent.chat.questions import About, meant, proposed_by, question_event
from opsagent.chat.sayings import say
from opsagent.chat.state import Question, State
from opsagent.commands.reading import CommandStep

if TYPE_CHECKING:
    from opsagent.chat.ports import Desk
    from opsagent.store.rows import ApprovalRow

DONE = 0


class AgentQuestions:
    """The open questions, as one conversation shows them."""

    def __init__(self, desk: Desk, state: State, tell: Callable[[Event], Awaitable[None]]) -> None:
        self._desk = desk
        self._state = state
        self._tell = tell

    async def show_all(self) -> int:
        """Show all that are open; return the exit code."""
        rows = await self._desk.questions()
        self._state.open = None
        if not rows:
            await self._tell(
                Event(kind="note", text=say("no_questions", self._state.language), language=self._state.language)
            )
        for row in rows:
            await self.show(row, may_open=len(rows) == 1)
        return DONE

    async def show(self, row: ApprovalRow, *, may_open: bool) -> None:
        """Show a question of the agent; where nothing else is open and it may, a bare yes or no answers it."""
        bare = may_open and self._state.open is None and not proposed_by(row, self._desk.person)
        self._state.shown.add(row.id)
        if bare:
            self._state.open = Question(id=row.id)
        known = About(evidence=await self._desk.evidence(row), cost=await self._desk.cost(row))
        await self._tell(question_event(row, self._desk.person, known, self._state.language, bare=bare))

    async def named(self, step: CommandStep) -> CommandStep | None:
        """Return the answer to a question with its whole id; None where there is no such, or it is shown first."""
        begins = str(step.args.get("id", ""))
        rows = meant(begins, await self._desk.questions())
        if len(rows) != 1:
            key = "more_such_questions" if rows else "no_such_question"
            if not begins:
                key = "which_question" if rows else "no_questions"
            await self._tell(
                Event(kind="note", text=say(key, self._state.language, id=begins), language=self._state.language)
            )
            return None
        if step.tool == "approve" and rows[0].id not in self._state.shown:
            await self.show(rows[0], may_open=True)
            return None
        return replace(step, args={**step.args, "id": rows[0].id})
