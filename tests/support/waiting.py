"""Waiting on conditions, with a deadline. Tests never sleep for luck."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

_AT_FIRST_S, _AT_MOST_S = 0.02, 0.1
T = TypeVar("T")


def eventually(condition: Callable[..., T | None], timeout: float = 30.0, why: str = "") -> T:
    """Return the first truthy value of `condition()`; fail once `timeout` seconds have passed without one."""
    deadline = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(_complaint(condition, timeout, why, value))
        time.sleep(_pause(deadline - timeout))


@overload
async def until(condition: Callable[..., Awaitable[T | None]], timeout: float = 30.0, why: str = "") -> T: ...


@overload
async def until(condition: Callable[..., T | None], timeout: float = 30.0, why: str = "") -> T: ...


async def until(condition: Callable[..., Any], timeout: float = 30.0, why: str = "") -> Any:
    """`eventually` for asyncio tests; the condition may be a coroutine function."""
    deadline = time.monotonic() + timeout
    while True:
        answer = condition()
        value = await answer if inspect.isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(_complaint(condition, timeout, why, value))
        await asyncio.sleep(_pause(deadline - timeout))


def _pause(began: float) -> float:
    """Return how long to wait before the next look: a tenth of the time waited, for looking takes its time from others."""
    return min(_AT_MOST_S, max(_AT_FIRST_S, (time.monotonic() - began) / 10))


def _complaint(condition: object, timeout: float, why: str, last: object) -> str:
    name = why or getattr(condition, "__qualname__", repr(condition))
    return f"not within {timeout:g} s: {name} (last answer: {last!r})"
