"""How the commands of `opsagent memory` do work that takes long: in an event loop of its own, and telling how far it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Coroutine, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home

_T = TypeVar("_T")
_TELL_EVERY_S = 10.0
_SHOW_EVERY_S = 0.2
_LOOK_EVERY_S = 2.0


class Watch:
    """Shows how far long work is: a moving line on a terminal, now and then a line elsewhere."""

    def __init__(self, out: Out, doing: str, things: str) -> None:
        from opsagent.views.progress import Spinner

        self._out = out
        self._doing = doing
        self._things = things
        self._spinner = Spinner(out.notes)
        self._began = self._shown = time.monotonic()

    def see(self, done: int, of: int, at: str = "") -> None:
        """Take note; show it where it is time."""
        now = time.monotonic()
        if now - self._shown < (_SHOW_EVERY_S if self._out.notes.terminal else _TELL_EVERY_S):
            return
        self._shown = now
        if not done and not of:
            self._tell(f"{self._doing}, {now - self._began:.0f} s")
            return
        share = done / of if of else 0.0
        left = f", {(now - self._began) * (1 - share) / share:.0f} s to go" if 0.02 < share < 1.0 else ""
        text = f"{self._doing}: {done:,}{f' of {of:,}' if of else ''} {self._things}{left}{f': {at}' if at else ''}"
        self._tell(text)

    def _tell(self, text: str) -> None:
        if self._out.notes.terminal:
            self._spinner.show(text)
        else:
            self._out.note(text)

    def clear(self) -> None:
        """Take the moving line away."""
        self._spinner.clear()


async def watched(items: AsyncIterator[Mapping[str, Any]], watch: Watch) -> dict[str, Any]:
    """Follow a long work to its end; return its result."""
    result: dict[str, Any] = {}
    try:
        async for item in items:
            if "result" in item:
                result = dict(item["result"])
            else:
                watch.see(int(item["done"]), int(item["of"]), str(item.get("at", "")))
    finally:
        watch.clear()
    return result


async def embedding_told(home: Home, out: Out) -> None:
    """Tell, until cancelled, how far the texts are that have to be embedded before a question is answered.

    The first question after many documents may take minutes.
    """
    import asyncio
    from datetime import UTC, datetime

    from opsagent_memory import MemoryFailure, MemoryReader

    watch, of = Watch(out, "embedding what is new", "texts"), 0
    try:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            with MemoryReader(home.database) as reader:
                waiting = (await asyncio.to_thread(reader.overview, datetime.now(UTC))).waiting
            of = max(of, waiting)
            if waiting:
                watch.see(of - waiting, of)
    except MemoryFailure:
        return  # the answer says what is wrong
    finally:
        watch.clear()


def finished(work: Coroutine[Any, Any, _T]) -> _T:
    """Do the work to its end, in an event loop that is loaded for it only."""
    import asyncio

    return asyncio.run(work)
