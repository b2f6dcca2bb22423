"""A step of a procedure on each kind of surface, beyond the program's own time; and what reading pictures costs again."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from opsagent_tools.gui.desk import Allowed, Asked, Screens
from opsagent_tools.gui.desktop import desktop
from opsagent_tools.gui.display import Display, open_display
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Box, Located, SurfaceKind
from opsagent_tools.gui.pixels.eyes import Eyes
from opsagent_tools.gui.pixels.offering import offers
from opsagent_tools.gui.procedure import ScreenProcedure, ScreenStep, StepReport
from opsagent_tools.gui.procedure_files import read_procedure
from opsagent_tools.gui.replay import replay
from opsagent_tools.gui.terminal.screens import TerminalScreens
from opsagent_tools.gui.x11.windows import Windows
from tests.benchmarks.conftest import Figure, percentile
from tests.support.screens import require_screen

ROUNDS = 3
VALUES = {"Host": "db1.example.org", "Port": "5433", "User": "backup", "Remark": "every night at three"}
FORM = ["yad", "--form", "--title=Nightly export", "--width=900", "--height=600", *(f"--field={one}" for one in VALUES),
        "--field=Compress:CHK", "--button=Cancel:1", "--button=Export:0"]  # fmt: skip
TICKED = ("nginx", "redis", "mailer", "backup")
LIST = [
    "whiptail",
    "--checklist",
    "Services",
    "16",
    "60",
    "6",
    *itertools.chain(*((one, f"the {one}", "off") for one in TICKED)),
]
WINDOWS, WARM = 50, 25
"""Windows that are read, and after how many of them the memory is held to be what it needs."""


class Nothing:
    """No procedure here holds a secret."""

    def fetch(self, name: str) -> str:
        raise KeyError(name)


def bench_a_step_on_a_tree(benchmark: Any, figure: Figure, require: Callable[[str], Path]) -> None:
    require("yad")
    require_screen()
    steps = benchmark.pedantic(lambda: asyncio.run(on_a_display(SurfaceKind.ACCESSIBLE)), rounds=1, iterations=1)
    told(figure, "on the tree of a window", steps, 300.0)


def bench_a_step_on_pixels(benchmark: Any, figure: Figure, require: Callable[[str], Path]) -> None:
    require("yad")
    require_screen()
    steps = benchmark.pedantic(lambda: asyncio.run(on_a_display(SurfaceKind.PIXEL)), rounds=1, iterations=1)
    told(figure, "on pixels", steps, 1500.0)


def bench_a_step_on_a_terminal(benchmark: Any, figure: Figure, require: Callable[[str], Path]) -> None:
    require("whiptail")
    steps = benchmark.pedantic(lambda: asyncio.run(on_a_terminal()), rounds=1, iterations=1)
    told(figure, "in a terminal", steps, 300.0)


def bench_what_is_read_again(benchmark: Any, figure: Figure, require: Callable[[str], Path]) -> None:
    require("yad")
    require_screen()
    share, growth = benchmark.pedantic(lambda: asyncio.run(read_again()), rounds=1, iterations=1)
    figure("of a window's pixels searched for text after a step", 100 * share, "%", bar=25.0,
           note=f"the most of {len(VALUES)} texts typed into a form of 900 × 600")  # fmt: skip
    figure(f"memory of the process that reads after {WINDOWS} windows, of that after {WARM}", growth, "", bar=1.1)


def told(figure: Figure, where: str, runs: list[list[StepReport]], bar_ms: float) -> None:
    steps = [1000 * one.seconds for run in runs for one in run]
    first = percentile([1000 * run[0].seconds for run in runs], 0.5)
    figure(f"a step {where}, median", percentile(steps, 0.5), "ms", bar=bar_ms,
           note=f"{len(steps)} steps, beyond the program's own time; p95 {percentile(steps, 0.95):.0f} ms, "
                f"the first of a run {first:.0f} ms")  # fmt: skip


async def on_a_display(kind: SurfaceKind) -> list[list[StepReport]]:
    """Fill in a form and send it, some times, each on a display of its own as the agent does."""
    fields = "".join(f"- type: {text}\n  on: {{role: text field, label: {name}}}\n" for name, text in VALUES.items())
    procedure = written(FORM, kind, fields + '- click: check box "Compress"\n- click: button "Export"\n')
    runs = []
    for _ in range(ROUNDS):
        async with (
            open_display(size=(1280, 800)) as display,
            desktop(display, allow={"yad"}, reads=kind is SurfaceKind.PIXEL) as screens,
        ):
            runs.append(await played(procedure, screens))
    return runs


async def on_a_terminal() -> list[list[StepReport]]:
    ticks = "".join(f'- click: check box "{one} the {one}"\n' for one in TICKED)
    procedure = written(LIST, SurfaceKind.TERMINAL, ticks + '- click: button "Ok"\n')
    runs = []
    for _ in range(ROUNDS):
        async with TerminalScreens() as screens:
            runs.append(await played(procedure, screens))
    return runs


async def played(procedure: ScreenProcedure, screens: Screens) -> list[StepReport]:
    async def guard(step: ScreenStep, at: Located | None, asked: Asked) -> Allowed:
        return Allowed()

    report = await replay(procedure, screens, {}, guard=guard, secrets=Nothing())
    assert report.halted_at is None, report.why
    return list(report.steps)


def written(start: list[str], kind: SurfaceKind, steps: str) -> ScreenProcedure:
    return read_procedure(
        f"name: bench\nwindow: {{program: {start[0]}}}\nstart: {start}\nsurface: {kind}\nsteps:\n{steps}"
    )


async def read_again() -> tuple[float, float]:
    """Return which part of a window is searched again after a text, at most, and by how much memory grows with windows."""
    async with open_display(size=(1280, 800)) as display:
        eyes, hands = Eyes(display.env), Hands(display.name, display.env, private=True)
        try:
            return await texts_read_again(display, eyes, hands), await grown(eyes)
        finally:
            await eyes.close()
            await hands.close()


async def texts_read_again(display: Display, eyes: Eyes, hands: Hands) -> float:
    program = await display.run(FORM)
    window = await display.window(pid=program.pid)
    surface = await offers(window, Windows(display.connection), eyes)
    assert surface is not None
    await surface.settle()
    shares = []
    for text in VALUES.values():
        before = eyes.pixels_searched
        await hands.type_text(text, on=window)
        await hands.hotkey(["tab"], on=window)
        await surface.settle()
        shares.append((eyes.pixels_searched - before) / (window.box.width * window.box.height))
    assert min(shares) > 0, "what was typed was seen"
    return max(shares)


async def grown(eyes: Eyes) -> float:
    """Read many windows, as far as whoever reads knows: parts of the screen of many sizes."""
    held = []
    for number in range(WINDOWS):
        part = Box(7 * (number % 20), 5 * (number % 16), 300 + 37 * (number % 10), 200 + 29 * (number % 7))
        await eyes.look(f"window {number}", part)
        held.append(sum(one.memory_info().rss for one in psutil.Process().children(recursive=True) if reads(one)))
    assert held[-1] > 0
    return held[-1] / held[WARM - 1]


def reads(process: psutil.Process) -> bool:
    return "opsagent_tools.gui.pixels.worker" in process.cmdline()
