"""Starts the process that talks to a vision model, hands it one request after the other, and ends it when it is too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from opsagent.walled import Walled
from opsagent_tools.gui.vision.conversation import Broken

_MODULE = "opsagent.seeing.worker"
_CALLED = "the process of the vision model"
_STARTS_S, _SLACK_S = 60.0, 5.0
_LINE_MAX = 64 * 1024 * 1024


class SeerProcess:
    """One process, for one model. Started when it is first asked."""

    def __init__(self, order: Mapping[str, Any], hosts: Sequence[str]) -> None:
        self._hello = {**order, "hosts": list(hosts)}
        self._timeout_s = float(order["timeout_s"])
        self._process = Walled(_MODULE, called=_CALLED, broken=Broken, line_max=_LINE_MAX)
        self._one_at_a_time = asyncio.Lock()

    async def ask(self, body: Mapping[str, Any]) -> tuple[Mapping[str, Any], str, int]:
        """Send one request; return the reply, why there is none, and how many bytes left. Raises Broken."""
        async with self._one_at_a_time:
            try:
                await self._start()
                async with asyncio.timeout(self._timeout_s + _SLACK_S):
                    await self._process.say({"body": dict(body), "ends_s": self._timeout_s + 2 * _SLACK_S})
                    heard = await self._process.hear()
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
                raise Broken(f"{_CALLED} says what nobody understands")

    async def close(self) -> None:
        """End it."""
        await self._process.end()

    async def _start(self) -> None:
        if self._process.runs:
            return
        ready = await self._process.greet(self._hello, _STARTS_S)
        if ready.get("missing"):
            extra = EXTRAS.get(str(self._hello["provider"]), "")
            raise Broken(f"{self._hello['name']} needs a package: pip install 'opsagent[{extra}]'")


EXTRAS = {"anthropic": "anthropic", "openai": "openai", "ui_tars": "openai", "lux": "lux"}
"""Which extra of the package brings a provider's own package."""
PACKAGES = {"anthropic": "anthropic", "openai": "openai", "ui_tars": "openai", "lux": "oagi"}
