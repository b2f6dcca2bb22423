"""One conversation: texts go in, events come out, whoever shows them. Everything that is said is kept as it is said.

async for event in conversation.turn("reload api safely"):
    show(event)
    if event.kind == "confirm":
        conversation.answer(await ask_the_person())
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import TYPE_CHECKING, Any

from opsagent.chat.agent_questions import AgentQuestions
from opsagent.chat.events import PASSING, Event
from opsagent.chat.replies import one_text
from opsagent.chat.sayings import say
from opsagent.chat.state import State
from opsagent.chat.talk import Talk
from opsagent_tools.redact import redact

if TYPE_CHECKING:
    from opsagent.chat.ports import Desk, Keeper
    from opsagent.store.conversations import Who
    from opsagent.store.rows import ApprovalRow

FAILED, INTERRUPTED = 1, 130
_OF_THE_TALK = frozenset({"answer", "offers", "done", "refused", "failed", "declined"})


class Conversation:
    """One at a time says something; `turn` is one text and all that comes of it."""

    def __init__(self, desk: Desk, keeper: Keeper, state: State | None = None) -> None:
        self.state = state or State()
        self._desk = desk
        self._keeper = keeper
        self._talk = Talk(desk, self.state, tell=self._tell, hear=self._hear)
        self._events: asyncio.Queue[Event | None] = asyncio.Queue()
        self._task: asyncio.Task[None] | None = None
        self._heard: asyncio.Future[str] | None = None
        self._interrupted = False
        self._keeps = True
        self._carrying = ""
        """The change that is under way, in words."""
        self._target = ""

    async def turn(self, text: str) -> AsyncIterator[Event]:
        """Take a text and yield what comes of it; the last event is `end`. To close it leaves nothing half done."""
        text = one_text(text)
        self._events, self._interrupted, self._carrying = asyncio.Queue(), False, ""
        self._task = asyncio.create_task(self._work(text), name="turn")
        try:
            while (event := await self._events.get()) is not None:
                yield event
            await self._task
        finally:
            if not self._task.done():
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    @property
    def left(self) -> str:
        """Return, once, what was said instead of yes or no: a text of its own. Empty: nothing."""
        text, self._talk.left = self._talk.left, ""
        return text

    @property
    def waits(self) -> bool:
        """Tell whether a yes or no is waited for (`answer`)."""
        return self._heard is not None and not self._heard.done()

    def answer(self, text: str) -> None:
        """Answer the `confirm` that is open; empty: nobody is there, which is no yes."""
        if self._heard is not None and not self._heard.done():
            self._heard.set_result(one_text(text))

    def interrupt(self) -> bool:
        """End the turn at the next safe point; return whether one was under way.

        A change that this process carries out is ended where nothing is half done; one of the daemon goes on there.
        """
        if self._task is None or self._task.done() or self._interrupted:
            return False
        self._interrupted = True
        self._task.cancel()
        return True

    async def heard(self, row: ApprovalRow, *, may_open: bool) -> Event | None:
        """Return a question of the agent that came up meanwhile, as it is shown; None where it was shown before.

        `may_open`: the person is not in the middle of saying something, so that a bare yes can only mean this.
        """
        if row.id in self.state.shown:
            return None
        shown: list[Event] = []

        async def tell(event: Event) -> None:
            shown.append(event)
            await self._keep("agent", _text(event), _data(event, self.state))

        await AgentQuestions(self._desk, self.state, tell).show(row, may_open=may_open)
        return shown[0]

    async def _work(self, text: str) -> None:
        code = FAILED
        try:
            await self._keep("person", text, {})
            code = await self._talk.take(text)
        except asyncio.CancelledError:
            if not self._interrupted:
                raise
            code = INTERRUPTED
            await self._say_interrupted()
        except Exception as error:  # noqa: BLE001  # a conversation outlives what goes wrong in it
            why = self._desk.explain(error)
            await self._tell(self._event("failed", why))
        finally:
            self._events.put_nowait(Event(kind="end", language=self.state.language, code=code))
            self._events.put_nowait(None)

    async def _say_interrupted(self) -> None:
        """Say what became of what was under way."""
        if not self._carrying:
            await self._tell(self._event("note", say("stopped", self.state.language)))
            return
        around = await self._desk.look()
        if around.daemon:
            self.state.detached.add(self._target)
        await self._tell(
            self._event(
                "note",
                say("detached" if around.daemon else "broken_off", self.state.language, step=self._carrying),
                data={"interrupted": self._carrying, "goes_on": around.daemon},
            )
        )

    async def _tell(self, event: Event) -> None:
        if event.kind == "progress":
            self._carrying = str(event.data.get("said", event.text))
            self._target = str(event.data.get("of", {}).get("target") or "")
        elif event.kind in {"done", "declined", "refused", "asked", "failed", "not_done"}:
            self._carrying = ""
        self._events.put_nowait(event)
        if event.kind not in PASSING:
            await self._keep("agent", _text(event), _data(event, self.state))

    async def _hear(self, event: Event) -> str:
        self._heard = asyncio.get_running_loop().create_future()
        await self._tell(event)
        try:
            said = await self._heard
        finally:
            self._heard = None
        if said:
            await self._keep("person", said, {})
        return said

    async def _keep(self, who: Who, text: str, data: Mapping[str, Any]) -> None:
        """Keep it; where it cannot be kept the conversation goes on, and says so once."""
        if not text:
            return
        if who == "person" or data.get("kind") in _OF_THE_TALK:
            self.state.heard(who, redact(text.split("\n", 1)[0]))
        if not self._keeps:
            return
        try:
            await self._keeper.keep(who, redact(text), data, self.state.language)
        except Exception as error:  # noqa: BLE001  # a full disk, a locked database
            self._keeps = False
            why = self._desk.explain(error)
            self._events.put_nowait(self._event("note", say("kept_not", self.state.language, why=why)))

    def _event(self, kind: Any, text: str, data: Mapping[str, Any] | None = None) -> Event:
        return Event(kind=kind, text=text, data=data or {}, language=self.state.language)


def _text(event: Event) -> str:
    return "\n".join((event.text, *event.lines)).strip()


def _data(event: Event, state: State) -> dict[str, Any]:
    return {"kind": event.kind, **state.to_json()}
