"""A process of ours for one errand, as its parent has it: started bare, spoken to in lines of JSON, and ended for good.

Nothing of the environment reaches it: no proxy, no key, no tracing, no base-url variable. What it may not know before it is
asked goes over its standard input. It puts itself behind the wall (`opsagent.wall`).
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from opsagent.wall import bare_environment


class Walled:
    """One process, of one module; not running until it is started."""

    def __init__(
        self,
        module: str,
        *,
        called: str,
        broken: type[Exception],
        line_max: int,
        env: Mapping[str, str] | None = None,
    ) -> None:
        """Take one that is not running.

        Args:
            module: what it runs.
            called: in messages: `the models' process`.
            broken: raised where it ended, or says what is no message.
            line_max: bytes of the longest line that it may say.
            env: variables for it, beside what is left of ours.
        """
        self._module = module
        self._called = called
        self._broken = broken
        self._line_max = line_max
        self._env = env or {}
        self._process: asyncio.subprocess.Process | None = None

    @property
    def runs(self) -> bool:
        """Whether it was started and has not ended."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """Of the process that was started last; 0: none, or it was ended."""
        return self._process.pid if self._process is not None else 0

    async def start(self) -> None:
        """Start it: no user site, no start-up files, no folder of the caller."""
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-s", "-P", "-m", self._module),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**bare_environment(), "PYTHONDONTWRITEBYTECODE": "1", **self._env},
            cwd="/",
            start_new_session=True,
            limit=self._line_max,
        )

    async def greet(self, hello: Mapping[str, Any], within_s: float) -> dict[str, Any]:
        """Start it, say `hello`, and return what it answers first. Raises `broken`, also after `within_s` seconds."""
        await self.start()
        try:
            async with asyncio.timeout(within_s):
                await self.say(hello)
                return await self.hear()
        except TimeoutError:
            raise self._broken(f"{self._called} did not start within {within_s:.0f} s") from None

    async def say(self, message: Mapping[str, Any]) -> None:
        """Say something. That it is gone shows when it is listened to."""
        process = self._process
        if process is not None and process.stdin is not None:
            process.stdin.write(json.dumps(message, default=str).encode() + b"\n")
            with suppress(ConnectionError):
                await process.stdin.drain()

    async def hear(self) -> dict[str, Any]:
        """Return what it says next. Raises `broken`."""
        if self._process is None or self._process.stdout is None:
            raise self._broken(f"{self._called} does not run any more")
        try:
            heard = json.loads(await self._process.stdout.readline())
        except (ValueError, ConnectionError):
            raise self._broken(f"{self._called} broke off") from None
        if not isinstance(heard, dict):
            raise self._broken(f"{self._called} says what nobody understands")
        return heard

    async def end(self) -> None:
        """Kill it, if it runs, and wait for its end."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()
