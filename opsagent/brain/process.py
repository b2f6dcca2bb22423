"""Starts the process that talks to chat models, answers what it asks, and ends it when it is too slow.

Whatever it does, whoever asks gets an answer in time.

Broken   it ended, or does not answer in time
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from opsagent.walled import Walled

_MODULE = "opsagent.brain.worker"
_CALLED = "the models' process"
_STARTS_S = 60.0
_LINE_MAX = 8 * 1024 * 1024
_NO_TRACING = {
    "LANGSMITH_TRACING": "false",
    "LANGCHAIN_TRACING_V2": "false",
    "LANGGRAPH_STRICT_MSGPACK": "true",
}


class Broken(Exception):
    """It ended, or does not answer in time. One line."""


class Desk(Protocol):
    """Whoever answers the process."""

    async def may_call(self, model: str) -> str:
        """Return why no request may go to this model, or nothing."""
        ...

    async def called(self, told: Mapping[str, Any]) -> None:
        """Take down how the last request ended: ok, why, tokens_in, tokens_out, bytes."""

    async def look(self, tool: str, args: Mapping[str, Any]) -> str:
        """Return what a reading tool found, as text."""
        ...

    async def propose(self, args: Mapping[str, Any]) -> str:
        """Take a plan; return why it cannot be taken, or nothing."""
        ...


class ModelProcess:
    """One process, for one question after the other. Started when it is first asked."""

    def __init__(self, models: Sequence[Mapping[str, Any]], hosts: Sequence[str]) -> None:
        self._hello = {"models": [dict(one) for one in models], "hosts": list(hosts)}
        self._process = Walled(_MODULE, called=_CALLED, broken=Broken, line_max=_LINE_MAX, env=_NO_TRACING)
        self._one_at_a_time = asyncio.Lock()
        self.missing: tuple[str, ...] = ()
        """Which models cannot be used, and why; known once it runs."""

    async def ask(self, question: Mapping[str, Any], desk: Desk, *, timeout_s: float) -> dict[str, Any]:
        """Put one question to the models. Raises Broken."""
        async with self._one_at_a_time:
            try:
                await self._start()
                async with asyncio.timeout(timeout_s):
                    await self._process.say({**question, "ends_s": timeout_s + 5.0})
                    return await self._talk(desk)
            except TimeoutError:
                await self._process.end()
                raise Broken(f"no answer within {timeout_s:.0f} s") from None
            except BaseException:
                await self._process.end()
                raise

    async def close(self) -> None:
        """End it."""
        await self._process.end()

    async def _start(self) -> None:
        if self._process.runs:
            return
        ready = await self._process.greet(self._hello, _STARTS_S)
        if ready.get("kind") != "ready":
            raise Broken(f"{_CALLED} says what nobody understands")
        self.missing = tuple(f"{one['name']} {one['why']}" for one in ready["missing"])
        if not ready["models"]:
            raise Broken("; ".join(self.missing))

    async def _talk(self, desk: Desk) -> dict[str, Any]:
        while True:
            match await self._process.hear():
                case {"kind": "over", "said": str(said), "why": str(why)}:
                    return {"said": said, "why": why}
                case {"kind": "may_call", "model": str(model)}:
                    await self._process.say({"why": await desk.may_call(model)})
                case {
                    "kind": "called", "ok": bool(), "why": str(), "tokens_in": int(), "tokens_out": int(), "bytes": int()
                } as told:  # fmt: skip
                    await desk.called(told)
                    await self._process.say({})
                case {"kind": "look", "tool": str(tool), "args": dict(args)}:
                    await self._process.say({"text": await desk.look(tool, args)})
                case {"kind": "propose", "args": dict(args)}:
                    await self._process.say({"why": await desk.propose(args)})
                case _:
                    raise Broken(f"{_CALLED} says what nobody understands")
