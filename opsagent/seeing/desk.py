"""Which vision model may look at screens, if any: consent, key, account. Nothing leaves until a file says so."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsagent.brain.account import Account, Spent
from opsagent.brain.orders import Unusable, order_of
from opsagent.seeing.process import EXTRAS, PACKAGES, SeerProcess
from opsagent.store.errors import StoreError
from opsagent_tools.gui.model import Box
from opsagent_tools.gui.vision import claude, lux, openai, ui_tars
from opsagent_tools.gui.vision.conversation import Broken, Conversation, Dialect
from opsagent_tools.gui.vision.frames import Frame
from opsagent_tools.gui.vision.texts import tokens_of
from opsagent_tools.gui.vision.wanted import Answered, BadReply, Reply

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.model_settings import OneModel
    from opsagent.screen_settings import ScreenSettings

_DIALECTS: dict[str, Dialect] = {"anthropic": claude, "openai": openai, "ui_tars": ui_tars}


def why_not(home: Home, settings: ScreenSettings) -> str:
    """Return why no vision model can be asked, as far as it can be told without asking; empty: one may be."""
    from importlib.util import find_spec

    try:
        model = _first(settings)
        _order(home, settings, model)
    except Unusable as error:
        return str(error)
    if find_spec(PACKAGES[model.provider]) is None:
        return f"{model.name} needs a package: pip install 'opsagent[{EXTRAS[model.provider]}]'"
    return ""


def _first(settings: ScreenSettings) -> OneModel:
    if settings.model.first is None:
        raise Unusable("no vision model is configured ([screens.model] in config.toml, docs/vision.md)")
    return settings.model.first


def _order(home: Home, settings: ScreenSettings, model: OneModel) -> dict[str, Any]:
    withheld = "no picture leaves this machine until [screens] says send = true"
    return order_of(home, model, send=settings.send, withheld=withheld, timeout_s=settings.model.timeout_s)


class Seer:
    """The configured vision model, for one task after the other. Nothing is started before it is asked; `close` it."""

    def __init__(self, home: Home, settings: ScreenSettings) -> None:
        """Raises Unusable where the configuration does not let it be asked."""
        self._model = _first(settings)
        order = _order(home, settings, self._model)
        self._process = SeerProcess(order, self._model.reached)
        self._account = Account(home, settings.model)
        self._most_calls = settings.model.calls_per_question
        self.spent = Spent()
        """What the present task took."""

    @property
    def name(self) -> str:
        """Return which model it is, as the configuration names it."""
        return self._model.name

    def task(self, secrets: Sequence[str] = ()) -> Conversation | LuxConversation:
        """Return a new conversation, for one task. `secrets`: names that it may have typed."""
        self.spent = Spent()
        if self._model.provider == "lux":
            return LuxConversation(self._model.model, self._send, max_steps=self._most_calls)
        return Conversation(_DIALECTS[self._model.provider], self._model.model, self._send, secrets=secrets)

    async def close(self) -> None:
        """End its process."""
        await self._process.close()
        await asyncio.to_thread(self._account.close)

    async def _send(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        """Send one request, noted before and after. Raises Broken."""
        account, name = self._account, self._model.name
        try:
            call, why = await asyncio.to_thread(account.begin, name, "screen", None, self.spent)
            if why:
                raise Broken(why)
            try:
                reply, why, size = await self._process.ask(body)
            except BaseException:
                await asyncio.to_thread(account.break_off, call, name, "screen", self.spent)
                raise
            told = {"ok": not why, "why": why, "bytes": size, **tokens_of(reply)}
            await asyncio.to_thread(account.end, call, name, "screen", told, self.spent)
        except StoreError as error:
            raise Broken(f"it cannot be written down what is asked: {error}") from error
        if why:
            raise Broken(f"{name}: {why}")
        return reply


class LuxConversation:
    """A task with Lux, whose own actor keeps the conversation: it gets pictures, and nothing else."""

    def __init__(
        self, model: str, send: Callable[[Mapping[str, Any]], Awaitable[Mapping[str, Any]]], *, max_steps: int
    ) -> None:
        self._model = model
        self._send = send
        self._max_steps = min(max_steps, lux.MOST_STEPS.get(model, max_steps))

    @property
    def name(self) -> str:
        return self._model

    def frame(self, screen: Box) -> Frame:
        return lux.frame(screen)

    async def begin(self, goal: str, png: bytes, shown: Frame) -> Reply:
        return await self._ask({"goal": goal, "max_steps": self._max_steps}, png, shown)

    async def go_on(self, answers: Sequence[Answered], png: bytes, shown: Frame) -> Reply:
        refused = [one.refused for one in answers if one.refused]
        if refused:  # it cannot be told, and would go on as if it were done
            raise Broken(f"{self._model} wants what is not done here: {refused[0]}")
        return await self._ask({}, png, shown)

    async def _ask(self, body: Mapping[str, Any], png: bytes, shown: Frame) -> Reply:
        step = await self._send({**body, "picture": base64.b64encode(png).decode()})
        try:
            return lux.read(step, shown)
        except BadReply as error:
            raise Broken(f"{self._model} says what nobody understands: {error}") from None
