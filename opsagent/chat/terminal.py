"""The conversation on a terminal: a prompt with history and completion, a line below it that tells how things stand, and
above it what is said. Inline: what was said stays in the terminal's own scrollback.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from prompt_toolkit import PromptSession
from prompt_toolkit.auto_suggest import AutoSuggestFromHistory
from prompt_toolkit.formatted_text import StyleAndTextTuples
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.patch_stdout import patch_stdout
from prompt_toolkit.styles import Style as Colours

from opsagent.chat.conversation import INTERRUPTED
from opsagent.chat.drawing import PASSING, DrawAnswer, drawn, folded, progress_text
from opsagent.chat.events import Event
from opsagent.chat.history import PrivateHistory
from opsagent.chat.keys import forget_keys, silent_keys
from opsagent.chat.printer import Printer
from opsagent.chat.replies import ReplyKind, reply_of
from opsagent.chat.sayings import say
from opsagent.chat.standing import Standing, fitting, parts
from opsagent.chat.suggesting import Suggesting
from opsagent.views.terminal import Screen, one_line, screen_of
from opsagent.views.wrapping import wrapped

if TYPE_CHECKING:
    from opsagent.chat.room import Room
    from opsagent.store.rows import ApprovalRow

_COLOURS = Colours.from_dict(
    {
        "bottom-toolbar": "noreverse",
        "good": "ansigreen",
        "bad": "ansired bold",
        "warn": "ansiyellow",
        "dim": "ansibrightblack",
        "accent": "ansicyan",
        "strong": "bold",
    }
)
_MENU_LINES = 6


class Terminal:
    """One person at one terminal."""

    def __init__(self, room: Room, draw_answer: DrawAnswer) -> None:
        self._room = room
        self._draw_answer = draw_answer
        self._printer = Printer(screen_of(sys.stdout))
        self._rest: list[str] = []
        self._news: list[Event] = []
        self._asked: list[ApprovalRow] = []
        self._standing = Standing()
        self._quiet = False
        self._busy = False
        self._leaving = False
        self._interrupted = False
        self._session = self._new_session()
        self._question: PromptSession[str] = PromptSession(color_depth=self._depth, style=_COLOURS)
        for session in (self._session, self._question):  # it works there too, and need not be told so each time
            session.app.renderer.cpr_not_supported_callback = None

    @property
    def _screen(self) -> Screen:
        """Return the terminal as it is now: it may have been resized."""
        self._printer.screen = screen_of(sys.__stdout__ or sys.stdout)
        return self._printer.screen

    @property
    def _depth(self) -> ColorDepth:
        return ColorDepth.DEPTH_4_BIT if self._printer.screen.colours else ColorDepth.DEPTH_1_BIT

    def _new_session(self) -> PromptSession[str]:
        return PromptSession(
            history=PrivateHistory(self._room.history_file),
            completer=Suggesting(self._room.known),
            auto_suggest=AutoSuggestFromHistory(),
            bottom_toolbar=self._bottom if self._printer.moves else None,
            complete_while_typing=self._printer.moves,
            reserve_space_for_menu=_MENU_LINES,
            color_depth=self._depth,
            style=_COLOURS,
            enable_suspend=True,
        )

    async def run(self) -> int:
        """Talk until the person leaves; return the exit code of the last turn."""
        code = 0
        self._print(await self._room.greeting(self._screen))
        await self._ask_what_is_open()
        listening = asyncio.create_task(self._listen(), name="news")
        looking = asyncio.create_task(self._look(), name="standing")
        try:
            while not self._leaving:
                text = await self._prompt()
                if text is None:
                    break
                code = await self._say(text, code)
        finally:
            for task in (listening, looking):
                task.cancel()
            await asyncio.gather(listening, looking, return_exceptions=True)
        return code

    async def _prompt(self) -> str | None:
        """Return what the person says; None: they leave."""
        try:
            with patch_stdout(raw=True):
                return await self._session.prompt_async(self._message)
        except KeyboardInterrupt:
            if self._interrupted and not self._session.default_buffer.text:  # the second one leaves
                return None
            self._print([self._screen.paint(say("leave_hint", self._room.language), "dim")])
            return ""
        except EOFError:
            return None

    def _message(self) -> str:
        mark = "> " if not self._printer.moves else "› "
        return f"[{self._room.takes}] {mark}" if self._room.takes else mark

    async def _say(self, text: str, code: int) -> int:
        """Take one text, and what was said instead of a yes in it."""
        while text.strip() and not self._leaving:
            reply = reply_of(text)
            if reply is not None and await self._steered(reply.kind):
                return code
            code = await self._turn(text)
            self._interrupted = code == INTERRUPTED
            text = self._room.conversation.left
        return code

    async def _steered(self, kind: ReplyKind) -> bool:
        """Do what steers the conversation itself; False where the text is not of that kind."""
        match kind:
            case "quit":
                self._leaving = True
            case "more":
                rest, self._rest = self._rest, []
                self._print(rest or [say("nothing_more", self._room.language)])
            case "quiet" | "loud":
                self._quiet = kind == "quiet"
                self._print([say(kind, self._room.language)])
            case "new":
                self._room.begin_anew()
                self._print([say("new", self._room.language)])
            case "history":
                self._print(await self._room.listed(self._screen))
            case _:
                return False
        return True

    async def _turn(self, text: str) -> int:
        code, self._busy = 0, True
        with silent_keys():
            spinning = asyncio.create_task(self._printer.keep_moving(), name="spinner")
            try:
                with self._interrupts():
                    async for event in self._room.conversation.turn(text):
                        code = event.code if event.kind == "end" else code
                        await self._show(event)
            finally:
                spinning.cancel()
                await asyncio.gather(spinning, return_exceptions=True)
                self._busy = False
            await self._room.look_again()
            await self._tell_what_came()
            if self._room.takes:  # a yes is to what is seen: what was typed before it was there does not count
                forget_keys(self._question.app.input, self._session.app.input)
        return code

    async def _show(self, event: Event) -> None:
        if event.kind == "thinking" or (event.kind == "progress" and event.data.get("progress") in PASSING):
            self._printer.move(progress_text(event))
            if self._printer.moves:
                return
        elif event.kind != "progress":
            self._printer.move("")
        if event.kind == "confirm":
            self._printer.lines([line for text in event.lines for line in wrapped(text, self._screen, indent="  ")])
            self._room.conversation.answer(await self._confirmed(event.text))
            return
        lines = drawn(event, self._screen, self._draw_answer)
        tail = bool(event.quoted)
        shown, rest = folded(lines, self._room.height, tail=tail)
        if rest:
            self._rest = rest
            at = 1 if tail else len(shown)
            shown[at:at] = [self._screen.paint(say("folded", self._room.language, count=len(rest)), "dim")]
        self._printer.lines(shown)

    async def _confirmed(self, question: str) -> str:
        """Return what is said to a question that is on the screen now: keys that were pressed before do not count."""
        forget_keys(self._question.app.input, self._session.app.input)
        try:
            asked: StyleAndTextTuples = [("class:warn", f"{one_line(question)} [y/N] ")]
            return await self._question.prompt_async(asked, handle_sigint=False)  # else it takes our handler away
        except (KeyboardInterrupt, EOFError):
            return ""

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Have Ctrl-C end the turn safely, twice: leave after it, three times: at once."""
        loop, count = asyncio.get_running_loop(), 0

        def interrupt() -> None:
            nonlocal count
            count += 1
            if count > 2:
                loop.remove_signal_handler(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
                return
            self._leaving = self._leaving or count == 2
            if self._room.conversation.interrupt() or count == 2:
                key = "leaves" if count == 2 else "stopping"
                self._printer.move(say(key, self._room.language))
                if not self._printer.moves:
                    self._printer.lines([say(key, self._room.language)])

        loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)

    def _print(self, lines: list[str]) -> None:
        self._printer.lines(lines)

    # What the daemon tells meanwhile

    async def _listen(self) -> None:
        async for event, questions in self._room.news():
            self._asked += questions
            if event is not None and not self._quiet:
                self._news.append(event)
            if not self._busy:
                await self._tell_what_came()

    async def _tell_what_came(self) -> None:
        news, self._news = self._news, []
        for event in news:
            self._print([self._room.news_line(event, self._screen)])
        await self._ask_what_is_open()

    async def _ask_what_is_open(self) -> None:
        asked, self._asked = self._asked or await self._room.questions(), []
        typing = bool(self._session.default_buffer.text)
        for row in asked:
            event = await self._room.conversation.heard(row, may_open=len(asked) == 1 and not typing)
            if event is not None:
                self._print(drawn(event, self._screen))
                self._session.app.invalidate()  # the prompt says what a bare yes would answer

    async def _look(self) -> None:
        async for standing in self._room.standing():
            if standing == self._standing:
                continue
            asked = standing.questions > self._standing.questions
            self._standing = standing
            self._session.app.invalidate()
            if asked and not self._busy:
                await self._ask_what_is_open()

    def _bottom(self) -> StyleAndTextTuples:
        width = (self._screen.width or 80) - 1
        shown: StyleAndTextTuples = []
        for text, style in fitting(parts(self._standing, self._room.language, quiet=self._quiet), width):
            if shown:
                shown.append(("class:dim", " · "))
            shown.append((f"class:{style}" if style else "", text))
        return shown
