"""Starts the process that talks to a vision model, hands it one request after the other, and ends it when it is too slow.

Nothing of the environment reaches it: no proxy, no key, no base-url variable. The key goes over its standard input.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from opsagent.wall import bare_environment
from opsagent_tools.gui.vision.conversation import Broken

_MODULE = "opsagent.seeing.worker"
_STARTS_S, _SLACK_S = 60.0, 5.0
_LINE_MAX = 64 * 1024 * 1024


class SeerProcess:
    """One process, for one model. Started when it is first asked."""

    def __init__(self, order: Mapping[str, Any], hosts: Sequence[str]) -> None:
        self._hello = {**order, "hosts": list(hosts)}
        self._timeout_s = float(order["timeout_s"])
        self._process: asyncio.subprocess.Process | None = None
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, int]:
        """Send one request; return the reply, why there is none, and how many bytes left. Raises Broken."""
        async with self._one_at_a_time:
            try:
                await self._start()
                async with asyncio.timeout(self._timeout_s + _SLACK_S):
                    await self._say({"body": dict(body), "ends_s": self._timeout_s + 2 * _SLACK_S})
                    heard = await self._hear()
            except TimeoutError:
                await self.close()
                raise Broken(f"no answer within {self._timeout_s:.0f} s") from None
            except BaseException:
                await self.close()
                raise
        match heard:
            case {"reply": dict(reply), "why": str(why), "bytes": int(size)}:
                return reply, why, size
            case _:
                raise Broken("the process of the vision model says what nobody understands")

    async def close(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
        await process.wait()
        if process.stdin is not None:
            process.stdin.close()

    async def _start(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-s", "-P", "-m", _MODULE),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env={**bare_environment(), "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            start_new_session=True,
            limit=_LINE_MAX,
        )
        async with asyncio.timeout(_STARTS_S):
            await self._say(self._hello)
            ready = await self._hear()
        if ready.get("missing"):
            extra = EXTRAS.get(str(self._hello["provider"]), "")
            raise Broken(f"{self._hello['name']} needs a package: pip install 'opsagent[{extra}]'")

    async def _say(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")
        with suppress(ConnectionError):  # that it is gone shows when it is listened to
            await self._process.stdin.drain()

    async def _hear(self) -> dict[str, Any]:
        assert self._process is not None
        assert self._process.stdout is not None
        try:
            heard = json.loads(await self._process.stdout.readline())
        except ValueError:
            raise Broken("the process of the vision model broke off") from None
        if not isinstance(heard, dict):
            raise Broken("the process of the vision model says what nobody understands")
        return heard


EXTRAS = {"anthropic": "anthropic", "openai": "openai", "ui_tars": "openai", "lux": "lux"}
"""Which extra of the package brings a provider's own package."""
PACKAGES = {"anthropic": "anthropic", "openai": "openai", "ui_tars": "openai", "lux": "oagi"}
