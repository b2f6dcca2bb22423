"""Keeps the daemon's memory from growing by what the C library holds on to. Nothing where that is not glibc.

glibc gives each thread an arena of its own, and freed memory of one does not serve another: with a handful of worker
threads a daemon that keeps nothing grows for hours all the same. mallopt(3), malloc_trim(3).
"""

from __future__ import annotations

import asyncio
import ctypes
from functools import lru_cache
from typing import Any

_M_ARENA_MAX = -8
"""malloc.h"""
_ARENAS = 2
_EVERY_S = 300.0


@lru_cache(maxsize=1)
def _libc() -> Any:
    try:
        library = ctypes.CDLL(None)
        return library if hasattr(library, "gnu_get_libc_version") and hasattr(library, "malloc_trim") else None
    except (OSError, TypeError):
        return None


def few_arenas() -> bool:
    """Have all threads that are started from now on share two arenas. Return whether that could be had."""
    return _libc() is not None and bool(_libc().mallopt(_M_ARENA_MAX, _ARENAS))


def give_back() -> bool:
    """Return to the system what is free. Return whether anything was; takes some milliseconds."""
    return _libc() is not None and bool(_libc().malloc_trim(0))


async def keep_small() -> None:
    """Give back once in a while, for ever."""
    while True:
        await asyncio.sleep(_EVERY_S)
        await asyncio.to_thread(give_back)
