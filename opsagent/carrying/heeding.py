"""What people taught about a change that a person wants now: they are told of it before their yes counts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opsagent.store.errors import StoreError
from opsagent_tools.actions import ActionName
from opsagent_tools.units import UnitId

if TYPE_CHECKING:
    from opsagent.home import Home
    from opsagent.taught.rule import TaughtRule

Rule = Callable[[str, UnitId], str]
"""Gives the rule that a tool on a unit would break now, as it was read; empty: none."""
_ACTIONS = frozenset(action.value for action in ActionName)


async def forbidding(home: Home) -> Rule:
    """Return what people taught that forbids something at this moment."""
    return _rule_of(tuple(rule for rule in await _taught(home) if rule.verdict == "never"))


async def standing_against(home: Home) -> Rule:
    """Return what people taught that forbids something at this moment, or wants it to be asked about."""
    return _rule_of(await _taught(home))


def _rule_of(rules: tuple[TaughtRule, ...]) -> Rule:
    def rule(tool: str, unit: UnitId) -> str:
        if tool not in _ACTIONS:
            return ""
        return next((one.says() for one in rules if one.binds(ActionName(tool), unit)), "")

    return rule


async def _taught(home: Home) -> tuple[TaughtRule, ...]:
    return await asyncio.to_thread(_read, home)


def _read(home: Home) -> tuple[TaughtRule, ...]:
    from opsagent.taught.book import TaughtBook
    from opsagent.taught.rule import unreadable

    book = TaughtBook(home.database)
    try:
        return book.open_now(datetime.now(UTC))
    except StoreError as error:  # what was taught is not known then: they are asked whether they mean it
        return (unreadable(str(error)),)
    finally:
        book.close()
