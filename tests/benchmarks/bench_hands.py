"""Twenty texts on two keyboard layouts in a GTK field, a Tk field and a terminal: how many arrive exactly, and how fast."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from opsagent_tools.gui.display import Display, open_display
from opsagent_tools.gui.hands import Hands
from opsagent_tools.gui.model import Window
from tests.benchmarks.conftest import Figure, percentile
from tests.support import tk_form
from tests.support.screens import require_screen
from tests.support.typed_texts import TEXTS
from tests.support.waiting import until

LAYOUTS = ("us", "de")
SEPARATOR = "\x1f"
Entered = Callable[[str], Awaitable[None]]


def bench_texts_that_arrive(benchmark: Any, figure: Figure, tmp_path: Path, require: Callable[[str], Path]) -> None:
    for program in ("zenity", "xterm", "setxkbmap"):
        require(program)
    require_screen()
    taken: list[float] = []
    wrong: list[str] = []

    async def all_of_it() -> None:
        async with open_display(size=(1000, 700)) as display:
            hands = Hands(display.name, display.env, private=True)
            for layout in LAYOUTS:
                await (await display.run(["setxkbmap", layout])).wait(10)
                for field in (gtk, tk, terminal):
                    got = await field(display, hands, tmp_path / f"{field.__name__}-{layout}", taken)
                    wrong.extend(f"{field.__name__}, {layout}: {text!r}" for text in TEXTS if text not in got)
            await hands.close()

    benchmark.pedantic(lambda: asyncio.run(all_of_it()), rounds=1, iterations=1)
    assert not wrong
    figure("a text into a field, median", 1000 * percentile(taken, 0.5), "ms", bar=200.0,
           note=f"{len(taken)} texts of every kind on US and German layouts; all arrived exactly")  # fmt: skip


async def entered(hands: Hands, text: str, window: Window, taken: list[float]) -> None:
    began = time.perf_counter()
    await hands.type_text(text, on=window)
    taken.append(time.perf_counter() - began)


async def gtk(display: Display, hands: Hands, out: Path, taken: list[float]) -> list[str]:
    fields = [f"--add-entry=field {number}" for number in range(len(TEXTS))]
    program = await display.run(["zenity", "--forms", f"--separator={SEPARATOR}", *fields], output=out)
    window = await display.window(pid=program.pid)
    for number, text in enumerate(TEXTS):
        if number:
            await hands.hotkey(["tab"], on=window)
        await entered(hands, text, window, taken)
    for key in ("tab", "tab", "return"):  # over Cancel to OK
        await hands.hotkey([key], on=window)
    await until(lambda: out.read_text().endswith("\n"))
    return out.read_text().rstrip("\n").split(SEPARATOR)


async def tk(display: Display, hands: Hands, out: Path, taken: list[float]) -> list[str]:
    program = await display.run([sys.executable, tk_form.__file__, str(out)])
    window = await display.window(pid=program.pid)
    for text in TEXTS:
        await entered(hands, text, window, taken)
        await hands.hotkey(["return"], on=window)

    def said() -> list[str]:
        return [value for what, value in map(json.loads, out.read_text().splitlines()) if what == "field"]

    await until(lambda: len(said()) == len(TEXTS))
    await program.end()
    return said()


async def terminal(display: Display, hands: Hands, out: Path, taken: list[float]) -> list[str]:
    shell = f"stty raw -echo; exec cat > {out}"
    program = await display.run(["xterm", "-u8", "-e", "sh", "-c", shell], env={"LC_ALL": "C.UTF-8"})
    window = await display.window(pid=program.pid)
    await until(out.exists)
    for text in TEXTS:
        await entered(hands, text, window, taken)
        await hands.hotkey(["return"], on=window)
    await until(lambda: out.read_bytes().count(b"\r") == len(TEXTS))
    await program.end()
    return out.read_bytes().decode().split("\r")
