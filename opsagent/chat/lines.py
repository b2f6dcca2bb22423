"""The conversation without a terminal: a text a line in, lines or events (JSON Lines) out.

With `--json` a line is a text, a JSON string, or an object: `{"text": …}` says something, `{"answer": …}` answers a
`confirm`, `{"interrupt": true}` ends the turn at the next safe point.
"""

from __future__ import annotations

import asyncio
import json
import signal
import sys
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from opsagent.chat.replies import reply_of

if TYPE_CHECKING:
    from opsagent.chat.events import Event
    from opsagent.chat.room import Room

INTERRUPTED = 130
_AHEAD = 1000
"""Lines that are read before those that came earlier were dealt with: one of them may say `interrupt`."""
_LONGEST = 65536
Show = Callable[["Event"], None]


class Lines:
    """Reads lines in a thread of their own, so that one that says `interrupt` is heard while a turn runs."""

    def __init__(self, room: Room, show: Show, *, as_json: bool) -> None:
        self._room = room
        self._show = show
        self._as_json = as_json
        self._texts: asyncio.Queue[str | None] = asyncio.Queue()
        self._ahead = threading.Semaphore(_AHEAD)
        self._over = False
        self._interrupted = False

    async def run(self) -> int:
        """Take one text after the other until the input ends; return the exit code of the last."""
        loop = asyncio.get_running_loop()

        def read() -> None:
            for line in _lines(sys.stdin):
                self._ahead.acquire()  # whoever writes faster than things are done waits
                loop.call_soon_threadsafe(self._heard, line)
            loop.call_soon_threadsafe(self._texts.put_nowait, None)

        threading.Thread(target=read, daemon=True, name="stdin").start()
        code = 0
        with self._interrupts():
            async for text in self._each():
                reply = reply_of(text)
                if reply is not None and reply.kind == "quit":
                    break
                if reply is not None and reply.kind == "new":
                    self._room.begin_anew()
                    continue
                code = await self._turn(text)
                if self._interrupted:
                    return INTERRUPTED
        return INTERRUPTED if self._interrupted else code

    async def _turn(self, text: str) -> int:
        code = 0
        async for event in self._room.conversation.turn(text):
            self._show(event)
            if event.kind == "confirm":
                self._room.conversation.answer(await self._next() or "")
            code = event.code if event.kind == "end" else code
        return code

    async def _each(self) -> AsyncIterator[str]:
        while True:
            text = self._room.conversation.left or await self._next()
            if text is None:
                return
            if text.strip():
                yield text

    async def _next(self) -> str | None:
        """Return the next line; None once the input has ended."""
        if self._over:
            return None
        text = await self._texts.get()
        self._ahead.release()
        self._over = text is None
        return text

    def _heard(self, line: str) -> None:
        text = line.rstrip("\r\n")
        if self._as_json:
            found = _meant(text)
            if found is None:
                self._ahead.release()
                self._room.conversation.interrupt()
                return
            text = found
        self._texts.put_nowait(text)

    @contextmanager
    def _interrupts(self) -> Iterator[None]:
        """Have Ctrl-C end the turn safely, and then the conversation; twice: at once."""
        loop = asyncio.get_running_loop()

        def interrupt() -> None:
            if self._interrupted:
                loop.remove_signal_handler(signal.SIGINT)
                signal.raise_signal(signal.SIGINT)
            self._interrupted = True
            if not self._room.conversation.interrupt():
                self._texts.put_nowait(None)

        loop.add_signal_handler(signal.SIGINT, interrupt)
        try:
            yield
        finally:
            loop.remove_signal_handler(signal.SIGINT)


def _lines(stream: TextIO) -> Iterator[str]:
    """Yield lines; of one that is far too long its beginning, which is too long for any text, and nothing after it."""
    while line := stream.readline(_LONGEST):
        yield line
        while len(line) == _LONGEST and not line.endswith("\n"):
            line = stream.readline(_LONGEST)


def _meant(line: str) -> str | None:
    """Return the text that a line of the protocol is; None: it asks to interrupt."""
    if not line.startswith(("{", '"')):
        return line
    try:
        found = json.loads(line)
    except ValueError:
        return line
    if isinstance(found, str):
        return found
    if isinstance(found, dict) and found.get("interrupt"):
        return None
    if isinstance(found, dict) and ("text" in found or "answer" in found):
        return str(found.get("text") or found.get("answer") or "")
    return line  # which is asked back: who wrote it waits for an end
