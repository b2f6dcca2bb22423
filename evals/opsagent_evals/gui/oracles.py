"""What a program left behind, looked at without its window: files, output, exit codes."""

from __future__ import annotations

import asyncio
import re
import time
from functools import partial
from pathlib import Path
from typing import Any

from opsagent_evals.gui import processes
from opsagent_evals.gui.model import Running
from opsagent_evals.gui.xwindows import Server, connected

_PATIENCE_S = 5.0
_LOOK_S = 0.05
_WRITTEN_S = 3.0
_COMPLAINT = re.compile(r"^(\*\* )?\(.*:\d+\): |^$|^dbind-WARNING")


def output_of(running: Running) -> str:
    """Return what the program printed, without its toolkit's complaints."""
    path = running.place.work.parent / "output"
    text = path.read_text(errors="replace") if path.exists() else ""
    return "\n".join(line for line in text.splitlines() if not _COMPLAINT.match(line))


async def gone(running: Running) -> bool:
    """Wait until the program has ended; False: it lives on."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        if not processes.lives(running.pid):
            return True
        await asyncio.sleep(_LOOK_S)
    return False


async def ended(running: Running) -> int | None:
    """Wait until the program has ended, and return its exit code; None: it lives on."""
    until = time.monotonic() + _PATIENCE_S
    while time.monotonic() < until:
        if (code := running.exit_code()) is not None:
            return code
        await asyncio.sleep(_LOOK_S)
    return None


async def closed_window(running: Running) -> None:
    """Close the program's windows as a person would, and wait for its end: many write their files only then."""
    if not processes.lives(running.pid):
        return
    connection = connected(running.env)
    try:
        family = await asyncio.to_thread(processes.family, running.pid)
        for top in await connection.ask(lambda display: Server(display).tops(family), 30.0):
            await connection.ask(partial(_close, top.id))
    finally:
        await asyncio.to_thread(connection.close)
    await gone(running)


async def appears(path: Path) -> bool:
    """Wait until a file is there; False: it is not."""
    until = time.monotonic() + _WRITTEN_S
    while not path.exists():
        if time.monotonic() > until:
            return False
        await asyncio.sleep(_LOOK_S)
    return True


async def file_has(path: Path, text: str, *, either: str | None = None) -> str:
    """Return what is wrong with a file that should hold exactly `text` (or `either`); empty: nothing."""
    until = time.monotonic() + _WRITTEN_S
    found = None
    while time.monotonic() < until:
        found = path.read_text(errors="replace") if path.exists() else None
        if found is not None and found in {text, text if either is None else either}:
            return ""
        await asyncio.sleep(_LOOK_S)
    return f"{path.name} is not there" if found is None else f"{path.name} holds {found[:120]!r}"


def _close(window: int, display: Any) -> None:  # python-xlib has no types
    Server(display).ask_to_close(window)
