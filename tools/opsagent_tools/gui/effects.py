"""What a procedure did outside the screen: a file that was written, a port, a line in a log, an exit code. Looks only."""

from __future__ import annotations

import asyncio
import os
import stat
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from opsagent_tools.gui.procedure import EffectCheck
from opsagent_tools.processes.listening import listening

_MOST_BYTES = 16 * 1024 * 1024
"""So much of a file is searched at most: its end."""
_POLL_S = 0.1
ExitCode = Callable[[], Awaitable[int | None]]


async def before(effects: Sequence[EffectCheck]) -> dict[str, Any]:
    """Return how the files and logs of these effects stand, before anything is done: data that can be written as JSON."""
    return await asyncio.to_thread(lambda: {str(number): _stands(one) for number, one in enumerate(effects)})


async def still_seen(effects: Sequence[EffectCheck], began: Mapping[str, Any]) -> bool:
    """Tell whether every effect can be seen now, and came about since. An exit code cannot be seen later.

    `began`: what `before` returned. A port or a missing path that was so from the beginning proves nothing by itself.
    """
    if not effects or all(began.get(str(number)) is True for number in range(len(effects))):
        return False
    told = [await asyncio.to_thread(_seen, one, began.get(str(number))) for number, one in enumerate(effects)]
    return all(one is not None for one in told)


async def awaited(
    effects: Sequence[EffectCheck], began: Mapping[str, Any], exit_code: ExitCode
) -> tuple[tuple[str, ...], str]:
    """Wait for each effect as long as it may take; return what was seen, in words, and what was not (or nothing)."""
    seen: list[str] = []
    start = time.monotonic()
    for number, one in enumerate(effects):
        told = await _awaited(one, began.get(str(number)), exit_code, start + one.within_s)
        if told is None:
            return tuple(seen), f"{said(one)} was not seen within {one.within_s:g} s"
        seen.append(told)
    return tuple(seen), ""


def said(one: EffectCheck) -> str:
    """Return an effect in words, as it is wanted."""
    if one.file:
        return f"a new {one.file}" + (f" with “{one.contains}” in it" if one.contains else "")
    if one.log:
        return f"“{one.contains}” in {one.log}"
    if one.port:
        return f"a program listening on port {one.port}"
    if one.absent:
        return f"that {one.absent} is gone"
    return f"the exit code {one.exit_code}"


async def _awaited(one: EffectCheck, began: Any, exit_code: ExitCode, until: float) -> str | None:
    while True:
        if one.exit_code is not None:
            code = await exit_code()
            if code is not None:
                return f"it ended with {code}" if code == one.exit_code else None
        elif (told := await asyncio.to_thread(_seen, one, began)) is not None:
            return told
        if time.monotonic() >= until:
            return None
        await asyncio.sleep(_POLL_S)


def _stands(one: EffectCheck) -> Any:
    if one.port or one.absent:
        return _seen(one, None) is not None
    path = one.file or one.log
    if not path:
        return None
    try:
        found = Path(path).expanduser().stat()
    except OSError:
        return None
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]


def _seen(one: EffectCheck, began: Any) -> str | None:
    """Return what is seen of an effect, in words; None: it is not there (yet). Blocks for a file's reading."""
    if one.file:
        return _file(one, began)
    if one.log:
        return _log(one, began)
    if one.port:
        there = any(each.port == one.port for each in listening())
        return f"port {one.port} is listened on" if there else None
    if one.absent:
        return f"{one.absent} is gone" if not os.path.lexists(Path(one.absent).expanduser()) else None
    return None


def _file(one: EffectCheck, began: Any) -> str | None:
    now = _stands(one)
    if now is None or now == (list(began) if began else None):
        return None
    if one.contains and not _holds(one.file, one.contains, 0):
        return None
    return f"{one.file} was written" + (f" and holds “{one.contains}”" if one.contains else "")


def _log(one: EffectCheck, began: Any) -> str | None:
    now = _stands(one)
    if now is None:
        return None
    same_file = bool(began) and list(began)[:2] == now[:2] and now[2] >= began[2]
    return f"“{one.contains}” in {one.log}" if _holds(one.log, one.contains, began[2] if same_file else 0) else None


def _holds(path: str, wanted: str, start: int) -> bool:
    """Tell whether a regular file holds a text from `start` on; of a very long one only the end is read."""
    try:
        with os.fdopen(_opened(path), "rb") as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                return False
            file.seek(max(start, found.st_size - _MOST_BYTES))
            return wanted.encode() in file.read(_MOST_BYTES)
    except OSError:
        return False


def _opened(path: str) -> int:
    return os.open(Path(path).expanduser(), os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
