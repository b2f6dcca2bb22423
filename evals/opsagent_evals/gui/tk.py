"""Tk programs as Tk itself tells of them: the judge asks the running program by Tk's `send`, from a wish of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

from opsagent_evals.gui.model import Judge, Running
from opsagent_tools.gui.model import Box
from opsagent_tools.patience import within

_ANSWER_S = 5.0
_END = b"\x04"

_SCRIPT = Path(__file__).with_name("judge.tcl")

Places = Mapping[str, tuple[str, str]]
"""Target → how it is found (path, text, menu, canvas) and what is looked for."""


class TkJudge:
    """Asks one Tk program."""

    def __init__(self, running: Running, app: str, places: Places) -> None:
        self._running = running
        self._app = app
        self._places = places
        self._wish: asyncio.subprocess.Process | None = None

    async def open(self) -> Judge:
        self._wish = await asyncio.create_subprocess_exec(
            "wish",
            str(_SCRIPT),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=dict(self._running.env),
        )
        return self

    async def boxes(self, target: str) -> list[Box]:
        kind, what = self._places[target]
        told = await self.ask(kind, what)
        numbers = [int(float(part)) for part in told.split()] if not told.startswith("!") else []
        return [Box(*numbers[start : start + 4]) for start in range(0, len(numbers) - 3, 4)]

    async def ask(self, kind: str, what: str) -> str:
        """Ask about `what` (see judge.tcl); what comes back starts with `!` where it failed."""
        assert self._wish is not None, "open() comes first"
        assert self._wish.stdin is not None, "it was opened with pipes"
        assert self._wish.stdout is not None, "it was opened with pipes"
        self._wish.stdin.write(f"{{{self._app}}} {kind} {{{what}}}\n".encode())
        try:
            told = await within(self._wish.stdout.readuntil(_END), _ANSWER_S)
        except (TimeoutError, asyncio.IncompleteReadError):
            return "! no answer"
        return told.removesuffix(_END).decode(errors="replace").strip()

    async def close(self) -> None:
        if self._wish is not None and self._wish.returncode is None:
            self._wish.kill()
            await self._wish.wait()


def by_tk(app: str, places: Places) -> Callable[[Running], Awaitable[Judge]]:
    """Return who makes the judge of a run. `app`: the program's name for Tk's `send`."""

    async def judge(running: Running) -> Judge:
        return await TkJudge(running, app, places).open()

    return judge
