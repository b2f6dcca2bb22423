"""A terminal for tests: a program on a pseudo-terminal, and what a person would see of it.

Understands what programs with a prompt write: cursor movements, erasing, modes, wide characters. Answers the question
where the cursor is, as terminals do.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from opsagent.views.table import cells
from tests.support.waiting import eventually

_SEQUENCE = re.compile(
    r"\x1b\[([?>=]?)([0-9;]*)([A-Za-z@])|\x1b\][^\x07]*(?:\x07|\x1b\\)|\x1b[()][A-Z0-9]|\x1b[=>78cDEM]"
)
_OWN_TERMINAL = (
    "import fcntl, os, sys, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); os.execvp(sys.argv[1], sys.argv[1:])"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[?>=]?[0-9;]*|\][^\x07]*)?$")


@dataclass
class Screen:
    """The cells of a terminal, and what has scrolled out of it."""

    columns: int = 80
    rows: int = 24
    lines: list[list[str]] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    x: int = 0
    y: int = 0
    modes: set[str] = field(default_factory=set)
    """Private modes that are on: `2004` is bracketed paste."""

    def __post_init__(self) -> None:
        self.lines = [[] for _ in range(self.rows)]

    def text(self) -> str:
        """Return what is seen, scrolled-out lines before it."""
        shown = ["".join(line).rstrip() for line in self.lines]
        return "\n".join([*self.gone, *shown]).rstrip("\n")

    def feed(self, text: str) -> str:
        """Take what a program wrote; return what is left of an unfinished sequence."""
        unfinished = _UNFINISHED.search(text)
        rest = text[unfinished.start() :] if unfinished else ""
        text = text[: len(text) - len(rest)]
        at = 0
        while at < len(text):
            found = _SEQUENCE.match(text, at)
            if found is not None:
                if found[3]:
                    self._control(found[1], found[2], found[3])
                at = found.end()
                continue
            self._write(text[at])
            at += 1
        return rest

    def _write(self, char: str) -> None:
        if char == "\n":
            self._down()
        elif char == "\r":
            self.x = 0
        elif char == "\b":
            self.x = max(0, self.x - 1)
        elif char >= " ":
            wide = cells(char)
            if self.x + wide > self.columns:
                self.x = 0
                self._down()
            self._put(char, wide)
            self.x += wide

    def _put(self, char: str, wide: int) -> None:
        line = self.lines[self.y]
        line.extend(" " * (self.x + wide - len(line)))
        line[self.x] = char
        if wide == 2:
            line[self.x + 1] = ""

    def _down(self) -> None:
        if self.y + 1 < self.rows:
            self.y += 1
            return
        self.gone.append("".join(self.lines.pop(0)).rstrip())
        self.lines.append([])

    def _control(self, private: str, numbers: str, letter: str) -> None:
        values = [int(one) if one else 0 for one in numbers.split(";")]
        count = values[0] or 1
        match letter:
            case "A":
                self.y = max(0, self.y - count)
            case "B":
                self.y = min(self.rows - 1, self.y + count)
            case "C":
                self.x = min(self.columns - 1, self.x + count)
            case "D":
                self.x = max(0, self.x - count)
            case "G":
                self.x = count - 1
            case "H":
                self.y, self.x = count - 1, (values[1] if len(values) > 1 and values[1] else 1) - 1
            case "J" if values[0] == 0:
                self._erase_line_from(self.x)
                self.lines[self.y + 1 :] = [[] for _ in self.lines[self.y + 1 :]]
            case "J":
                self.lines = [[] for _ in range(self.rows)]
            case "K":
                self._erase_line_from(0 if values[0] == 2 else self.x)
            case "h" if private:
                self.modes |= set(numbers.split(";"))
            case "l" if private:
                self.modes -= set(numbers.split(";"))

    def _erase_line_from(self, x: int) -> None:
        del self.lines[self.y][x:]


class Program:
    """A program on a terminal of its own."""

    def __init__(self, argv: Sequence[str], env: Mapping[str, str], cwd: Path, screen: Screen) -> None:
        self.screen = screen
        self.raw = ""
        self._rest = ""
        self._undecoded = b""
        ours, theirs = pty.openpty()
        self._terminal = ours
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", screen.rows, screen.columns, 0, 0))
        env = {name: value for name, value in env.items() if name not in {"COLUMNS", "LINES"}}  # the terminal tells
        argv = [sys.executable, "-c", _OWN_TERMINAL, *argv]
        self.process = subprocess.Popen(
            argv, stdin=theirs, stdout=theirs, stderr=theirs, env=env, cwd=cwd, start_new_session=True
        )
        os.close(theirs)

    def type(self, text: str) -> None:
        """Press keys."""
        os.write(self._terminal, text.encode())

    def say(self, text: str) -> None:
        """Type a line, and see it before it is entered."""
        self.type(text)
        self.wait_for(lambda: text in self.screen.text(), f"{text!r} is typed")
        self.type("\r")

    def sees(self, text: str, timeout: float = 40.0) -> None:
        """Wait until a text is on the screen."""
        self.wait_for(lambda: text in self.screen.text(), f"{text!r} is seen", timeout)

    def wait_for(self, condition: Callable[[], bool], why: str, timeout: float = 40.0) -> None:
        """Wait for a condition, looking at what comes meanwhile."""

        def holds() -> bool:
            ended = self.process.poll() is not None
            self._look()
            if condition():
                return True
            if ended:
                raise AssertionError(f"{why}: the program has ended")
            return False

        try:
            eventually(holds, timeout, why)
        except AssertionError as error:
            raise AssertionError(f"{error}\n--- the screen:\n{self.screen.text()}") from None

    def ends(self, timeout: float = 40.0) -> int:
        """Wait until it has ended; return its exit code."""
        self.wait_for(lambda: self.process.poll() is not None, "it ends", timeout)
        return int(self.process.returncode)

    def _look(self) -> None:
        """Take what it has written by now."""
        while select.select([self._terminal], [], [], 0.02)[0]:
            try:
                data = os.read(self._terminal, 65536)
            except OSError:  # it has closed its end
                return
            if not data:
                return
            self._take(data)

    def _take(self, data: bytes) -> None:
        data = self._undecoded + data
        text = data.decode(errors="ignore")
        self._undecoded = b""
        for cut in (1, 2, 3):  # a character may come in two pieces
            if len(text.encode()) < len(data):
                text, self._undecoded = data[:-cut].decode(errors="ignore"), data[-cut:]
                if len(text.encode()) == len(data) - cut:
                    break
        self.raw += text
        self._rest = self.screen.feed(self._rest + text)
        for _ in range(text.count("\x1b[6n")):
            self.type(f"\x1b[{self.screen.y + 1};{self.screen.x + 1}R")

    def close(self) -> None:
        """End it, if it still runs."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        with contextlib.suppress(OSError):
            os.close(self._terminal)


@contextmanager
def on_a_terminal(
    argv: Sequence[str], env: Mapping[str, str], cwd: Path, *, columns: int = 80, rows: int = 24
) -> Iterator[Program]:
    """Run a program on a terminal."""
    program = Program(argv, env, cwd, Screen(columns, rows))
    try:
        yield program
    finally:
        program.close()
