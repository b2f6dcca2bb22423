"""A run's stage: a display of its own, a home of its own, the program in its variant, and its end with all it started."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import os
import shutil
import socket
import tempfile
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from opsagent_evals.gui import processes
from opsagent_evals.gui.model import TOGETHER, Drift, Judge, Place, Program, Running, Start
from opsagent_evals.gui.xwindows import Server, connected
from opsagent_tools.gui.display import Display, open_display
from opsagent_tools.gui.model import Box, SurfaceKind
from opsagent_tools.gui.terminal.program import PtyProgram
from opsagent_tools.gui.terminal.screens import TerminalScreens
from opsagent_tools.gui.terminal.surface import TerminalSurface

SIZE = (1920, 1200)
"""Of the display, pixels: larger fonts need room."""
_DPI = 96
_START_S = 40.0
_LOOK_S = 0.2
_PLACED_S = 0.6
_QUIET = {
    "LC_ALL": "C.UTF-8",
    "NO_AT_BRIDGE": "0",
    "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1",
    "GTK_A11Y": "atspi",
    "GSETTINGS_BACKEND": "keyfile",
    "TZ": "UTC",
}


class StageError(Exception):
    """The program did not come up as it should: the run says nothing about anybody."""


class NotUp(StageError):
    """It was started, and its window or screen did not come: on a busy machine it may when it is started once more."""


def elementary(drift: Drift, program: Program) -> frozenset[Drift]:
    """Return the drifts that a variant is made of."""
    if drift is Drift.ALL:
        return TOGETHER & frozenset(program.drifts)
    return frozenset({drift})


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """A program that has come up in its variant."""

    program: Program
    running: Running
    judge: Judge
    screen: Display | None = None
    terminal: TerminalStage | None = None

    @property
    def display(self) -> Display:
        """The display of a program with windows."""
        assert self.screen is not None, "a program of a terminal has no display"
        return self.screen


def _root(program: Program) -> Path:
    """Make the folder of a run. It is called the same each time, as a console's paths are, unless the program runs beside."""
    for number in itertools.count(1):
        root = Path(tempfile.gettempdir()) / f"opsagent-gui-{program.name}-{number}"
        with contextlib.suppress(FileExistsError):
            root.mkdir(mode=0o700)
            return root
    raise AssertionError("there is always another number")


@dataclass(frozen=True, slots=True, kw_only=True)
class TerminalStage:
    """The terminal of a program without windows."""

    screens: TerminalScreens
    surface: TerminalSurface


@asynccontextmanager
async def staged(program: Program, drift: Drift) -> AsyncIterator[Stage]:
    """Open a display, start the program in its variant and what belongs to it; end and remove all. Raises StageError."""
    root = _root(program)
    try:
        place = Place(home=root / "home", work=root / "work", drifts=elementary(drift, program))
        place.home.mkdir(mode=0o700)
        place.work.mkdir(mode=0o700)
        start = program.start(place)
        if SurfaceKind.TERMINAL in program.kinds:
            async with _on_terminal(program, place, start) as stage:
                yield stage
            return
        async with open_display(SIZE, resources=start.resources) as display:
            if start.dpi != _DPI:
                await display.connection.ask(lambda server: _resolution(server, start.dpi))
            async with _running(program, place, start, display) as (running, judge):
                yield Stage(program=program, running=running, judge=judge, screen=display)
    finally:
        await asyncio.to_thread(shutil.rmtree, root, True)


@asynccontextmanager
async def _on_terminal(program: Program, place: Place, start: Start) -> AsyncIterator[Stage]:
    env = {name: os.environ[name] for name in ("PATH", "LANG", "USER") if name in os.environ}
    env = {**environment(env, place), **start.env, "SHELL": "/bin/sh"}
    size = start.size or (80, 24)
    async with TerminalScreens(env=env, cwd=str(place.work), size=size) as screens:
        running: list[PtyProgram] = []
        now = Running(place=place, pid=0, env=env, exit_code=lambda: running[0].exit_code if running else None)
        judge = await program.judge(now)
        terminal = await PtyProgram.start(start.argv, env=env, cwd=str(place.work), size=size)
        surface = screens.hold(terminal)
        running.append(terminal)
        terminal.heard = judge.heard  # type: ignore[attr-defined]
        now = replace(now, pid=terminal.child)
        await _up(judge, program)
        yield Stage(program=program, running=now, judge=judge, terminal=TerminalStage(screens=screens, surface=surface))


def environment(display_env: Mapping[str, str], place: Place) -> dict[str, str]:
    """Return the environment of programs in this place."""
    return {
        **display_env,
        **_QUIET,
        "HOME": str(place.home),
        "XDG_CONFIG_HOME": str(place.home / ".config"),
        "XDG_DATA_HOME": str(place.home / ".local/share"),
        "XDG_CACHE_HOME": str(place.home / ".cache"),
    }


@asynccontextmanager
async def _running(
    program: Program, place: Place, start: Start, display: Display
) -> AsyncIterator[tuple[Running, Judge]]:
    whole = {**environment(display.env, place), **start.env}
    pids: list[int] = []
    try:
        pids += [(await display.run(argv, env=whole, cwd=place.work)).pid for argv in start.beside]
        await _listening(start.awaits, program.name)
        started = await display.run(start.argv, env=whole, cwd=place.work, output=place.work.parent / "output")
        pids.append(started.pid)
        now = Running(place=place, pid=started.pid, env=whole, exit_code=lambda: started.exit_code)
        judge = await program.judge(now)
        try:
            await _up(judge, program)
            await _put(now, start.move, start.size)
            pids += [(await display.run(argv, env=whole, cwd=place.work)).pid for argv in start.decoys]
            if start.decoys:
                await asyncio.sleep(_PLACED_S)
            yield now, judge
        finally:
            await judge.close()
    finally:
        await asyncio.to_thread(_end_all, pids)


async def _listening(port: int, name: str) -> None:
    until = time.monotonic() + _START_S
    while port:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
            return
        if time.monotonic() > until:
            raise StageError(f"{name}: nobody listens on port {port}")
        await asyncio.sleep(_LOOK_S)


async def _up(judge: Judge, program: Program) -> None:
    try:
        await there(judge, program.ready or program.acts[0].on, program.name)
    except StageError as error:
        raise NotUp(str(error)) from error


async def there(judge: Judge, target: str, name: str, *, timeout_s: float = _START_S) -> list[Box]:
    """Wait until the judge sees `target` twice at the same place; return where. Raises StageError."""
    until, before = time.monotonic() + timeout_s, None
    while time.monotonic() < until:
        with contextlib.suppress(OSError):
            boxes = await judge.boxes(target)
            if boxes and boxes == before:
                return boxes
            before = boxes
        await asyncio.sleep(_LOOK_S)
    raise StageError(f"{name}: {target} did not come within {timeout_s:g} s")


async def _put(now: Running, move: tuple[int, int] | None, size: tuple[int, int] | None) -> None:
    if move is None and size is None:
        return
    connection = connected(now.env)
    try:
        family = await asyncio.to_thread(processes.family, now.pid)
        tops = await connection.ask(lambda display: Server(display).tops(family), _START_S)
        if tops:
            largest = max(tops, key=lambda one: one.box.width * one.box.height)
            await connection.ask(lambda display: Server(display).place(largest.id, move, size))
            await asyncio.sleep(_PLACED_S)
    finally:
        await asyncio.to_thread(connection.close)


def _end_all(pids: list[int]) -> None:
    everything: frozenset[int] = frozenset()
    for pid in pids:
        everything |= processes.family(pid)
    processes.end(everything)


def _resolution(server: Any, dpi: int) -> None:  # python-xlib has no types
    """Tell clients that the screen has so many dots per inch."""
    root = server.screen().root
    root.xrandr_set_screen_size(*SIZE, *(round(pixels * 25.4 / dpi) for pixels in SIZE))
    server.sync()
