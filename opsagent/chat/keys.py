"""Keys that are pressed while something else is going on."""

from __future__ import annotations

import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from prompt_toolkit.input import Input
from prompt_toolkit.input.typeahead import clear_typeahead


@contextmanager
def silent_keys() -> Iterator[None]:
    """Have keys that are pressed while something runs not be drawn into its output; they wait for the prompt as they are.

    Ctrl-C still interrupts.
    """
    try:
        number = sys.stdin.fileno()
        before = termios.tcgetattr(number)
    except (OSError, ValueError, termios.error):
        yield
        return
    silent: list[Any] = [*before]
    silent[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(number, termios.TCSANOW, silent)
    try:
        yield
    finally:
        with suppress(termios.error, OSError):
            termios.tcsetattr(number, termios.TCSANOW, before)


def forget_keys(*inputs: Input) -> None:
    """Drop what was typed and not read yet: by the terminal, and by these prompts."""
    with suppress(OSError, ValueError, termios.error):
        termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)
    for one in inputs:
        clear_typeahead(one)
