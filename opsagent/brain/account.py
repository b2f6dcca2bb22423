"""Keeps account of what models are asked: before a request goes, and after. The monthly limit stops it before.

Blocks on the journal: for threads.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from opsagent.brain.port import Purpose
from opsagent.model_settings import ModelSettings, OneModel
from opsagent.store.errors import StoreError

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.store.journal import Journal
    from opsagent.store.model_calls import ModelUse

_MILLION = 1_000_000
_BROKEN_OFF = "broken off before it was answered: how much went, and what it cost, is not known"


@dataclass(slots=True)
class Spent:
    """What one question took so far."""

    calls: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float | None = 0.0
    """None: the price of something that was asked is not known."""
    model: str = ""
    """Which model answered last."""
    failed: tuple[str, ...] = ()


def month_of(now: datetime) -> datetime:
    """Return when the calendar month began, in UTC."""
    return now.astimezone(UTC).replace(day=1, hour=0, minute=0, second=0, microsecond=0)


def cost_of(model: OneModel, tokens_in: int, tokens_out: int) -> float | None:
    """Return what that many tokens cost; None: nobody told."""
    if model.price is None:
        return None
    return (tokens_in * model.price.tokens_in + tokens_out * model.price.tokens_out) / _MILLION


def used_up(settings: ModelSettings, use: ModelUse) -> str:
    """Return why nothing more may be asked this month, or nothing."""
    limit, tokens = settings.monthly_limit, settings.monthly_tokens
    if limit is not None and use.cost >= limit:
        return f"this month's limit of {limit:.2f} {settings.currency} is used up ({use.cost:.2f})"
    if tokens is not None and use.tokens >= tokens:
        return f"this month's limit of {tokens} tokens is used up ({use.tokens})"
    return ""


class Account:
    """The account of one home."""

    def __init__(
        self, home: Home, settings: ModelSettings, *, clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    ) -> None:
        self._home = home
        self._settings = settings
        self._clock = clock
        self._journal: Journal | None = None

    def close(self) -> None:
        """Give the journal back."""
        if self._journal is not None:
            self._journal.close()
            self._journal = None

    def use(self) -> ModelUse:
        """Return what was asked this month."""
        return self._open().model_use(month_of(self._clock()), self._settings.currency)

    def begin(self, model: str, purpose: Purpose, incident: str | None, spent: Spent) -> tuple[str, str]:
        """Return the id under which a request is kept that may go now, and why none may; one of them is empty."""
        if spent.calls >= self._settings.calls_per_question:
            return "", f"it was asked {spent.calls} times and came to no end"
        try:
            why = used_up(self._settings, self.use())
            if why:
                return "", why
            call = self._open().begin_model_call(purpose=purpose, model=model, incident=incident)
        except StoreError as error:
            return "", f"it cannot be written down what is asked: {error}"
        spent.calls += 1
        return call, ""

    def end(self, call: str, model: str, purpose: Purpose, told: Mapping[str, Any], spent: Spent) -> None:
        """Write down how a request ended."""
        one = self._settings.named(model)
        tokens = (
            max(0, int(told["tokens_in"])),
            max(0, int(told["tokens_out"])),
        )  # a server says so: it earns nobody any
        ok, why, size = bool(told["ok"]), str(told["why"]), int(told["bytes"])
        cost = _cost(one, tokens) if ok or one is None else 0.0
        _add(spent, model, ok=ok, why=why, tokens=tokens, cost=cost)
        self._settle(call, model, purpose, ok=ok, why=why, tokens=tokens, cost=cost, size=size)

    def break_off(self, call: str, model: str, purpose: Purpose, spent: Spent) -> None:
        """Write down that nobody will tell how a request ended: whoever asked left, or waited long enough."""
        _add(spent, model, ok=False, why=_BROKEN_OFF, tokens=(0, 0), cost=None)
        self._settle(call, model, purpose, ok=False, why=_BROKEN_OFF, tokens=(0, 0), cost=None, size=0)

    def _settle(
        self,
        call: str,
        model: str,
        purpose: Purpose,
        *,
        ok: bool,
        why: str,
        tokens: tuple[int, int],
        cost: float | None,
        size: int,
    ) -> None:
        one, journal = self._settings.named(model), self._open()
        currency = self._settings.currency if cost is not None else None
        journal.end_model_call(call, ok=ok, why=why, tokens=tokens, cost=cost, currency=currency, bytes_out=size)
        where = ", ".join(one.reached) if one is not None else "?"
        word = "[model] send = true" if one is None or one.leaves else "[model] on this machine"
        journal.note_egress(
            where=f"{model} {where}",
            what=f"chat model: {purpose}",
            size=size,
            ok=ok,
            why=word if ok else f"{word}: {why}",
        )

    def _open(self) -> Journal:
        if self._journal is None:
            from opsagent.store.journal import Journal

            self._journal = Journal.open(self._home)
        return self._journal


def _cost(model: OneModel | None, tokens: tuple[int, int]) -> float | None:
    """Return what an answer cost; None: nobody knows, for nobody said what a token costs, or how many it took."""
    if model is None or (not any(tokens) and cost_of(model, 1, 1) != 0.0):
        return None
    return cost_of(model, *tokens)


def _add(spent: Spent, model: str, *, ok: bool, why: str, tokens: tuple[int, int], cost: float | None) -> None:
    spent.tokens_in += tokens[0]
    spent.tokens_out += tokens[1]
    spent.cost = None if cost is None or spent.cost is None else spent.cost + cost
    if ok:
        spent.model = model
    else:
        spent.failed = (*spent.failed, f"{model}: {why}")
