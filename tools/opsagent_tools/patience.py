"""Waiting for something for so long and no longer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(work: Awaitable[T], seconds: float | None) -> T:
    """Return what `work` returns. Raises TimeoutError after `seconds` (None: it takes what it takes).

    `asyncio.wait_for` of Python 3.11 may return a result and forget that it was cancelled in the same moment; this does not.
    """
    async with asyncio.timeout(seconds):
        return await work
