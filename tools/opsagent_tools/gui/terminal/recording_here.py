"""Recording the terminal that we are in: a command runs in it, a person uses it, and every key is looked at on its way."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import termios
import tty
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from opsagent_tools.gui.port import NotUsable, SurfaceGone
from opsagent_tools.gui.procedure import EffectCheck
from opsagent_tools.gui.recording.steps import Recorded
from opsagent_tools.gui.terminal.program import PtyProgram
from opsagent_tools.gui.terminal.recording import TerminalRecorder
from opsagent_tools.gui.terminal.surface import TerminalSurface
from opsagent_tools.patience import within

_REST_S = 1.0


async def record_here(
    name: str,
    command: Sequence[str],
    *,
    title: str = "",
    keep: Collection[str] = (),
) -> Recorded:
    """Run `command` in the terminal that we are in, let a person use it, and return the procedure that they showed.

    It ends when the command does; the code that it ended with becomes the effect to check.

    Raises:
        NotUsable: we are in no terminal, or there is no such command.
    """
    if not sys.stdin.isatty() or not sys.stdout.isatty():
        raise NotUsable("a terminal is recorded in a terminal: standard input or output is none")
    size = os.get_terminal_size(sys.stdout.fileno())
    term = os.environ.get("TERM", "xterm-256color")
    program = await PtyProgram.start(command, term=term, size=(size.columns, size.lines))
    async with program:
        recorder = TerminalRecorder(TerminalSurface(program))
        with _raw(), _passed_on(program) as typed:
            await _until_ended(program, recorder, typed)
        recording = await recorder.finish()
        code = await program.wait(_REST_S)
    recorded = recording.procedure(name, title=title, keep=keep)
    effects = (EffectCheck(exit_code=code),) if code is not None and code >= 0 else ()
    return replace(recorded, procedure=replace(recorded.procedure, effects=effects))


async def _until_ended(program: PtyProgram, recorder: TerminalRecorder, typed: asyncio.Queue[bytes]) -> None:
    while program.exit_code is None:
        with contextlib.suppress(TimeoutError, SurfaceGone):
            await recorder.press(await within(typed.get(), 0.2))


@contextlib.contextmanager
def _raw() -> Iterator[None]:
    """Have every key of our terminal, as it is pressed."""
    fd = sys.stdin.fileno()
    before = termios.tcgetattr(fd)
    tty.setraw(fd)
    try:
        yield
    finally:
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
        os.write(sys.stdout.fileno(), b"\x1b[?1000l\x1b[?1006l\x1b[?25h\x1b[0m\r\n")


@contextlib.contextmanager
def _passed_on(program: PtyProgram) -> Iterator[asyncio.Queue[bytes]]:
    """Show what the program writes, hand over what is typed, and keep its size that of our terminal."""
    loop = asyncio.get_running_loop()
    typed: asyncio.Queue[bytes] = asyncio.Queue()
    out, fd = sys.stdout.fileno(), sys.stdin.fileno()
    resizing: set[asyncio.Task[None]] = set()

    def resized() -> None:
        size = os.get_terminal_size(out)
        task = loop.create_task(program.resize(size.columns, size.lines))
        resizing.add(task)
        task.add_done_callback(resizing.discard)

    program.heard = lambda data: _write_all(out, data)
    loop.add_reader(fd, lambda: typed.put_nowait(os.read(fd, 4096)))
    loop.add_signal_handler(signal.SIGWINCH, resized)
    try:
        yield typed
    finally:
        loop.remove_reader(fd)
        loop.remove_signal_handler(signal.SIGWINCH)
        program.heard = None


def _write_all(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]
