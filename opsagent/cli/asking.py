"""Asks a person on a terminal: one key is the answer, without Enter where the terminal can do that."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Iterator, Sequence

YES = frozenset({"y", "yes", "ㅛ", "ㅇ", "네", "예"})
"""What means yes: `ㅛ` is where y is on a Korean keyboard. Anything else is no."""
_ESCAPE = "\x1b"
_ENDED = ("", "\x04")


async def ask_yes(question: str) -> bool:
    """Ask a question; anything but a yes is no."""
    return (await ask_key(f"{question} [y/N] ")).lower() in YES


async def ask_which(question: str, offers: Sequence[str]) -> int | None:
    """Ask which of a few is meant; return its place, None for none of them."""
    for number, offer in enumerate(offers, start=1):
        _write(f"  {number}  {offer}\n")
    key = await ask_key(f"{question} [1-{len(offers)}/N] ")
    return int(key) - 1 if key in {str(number) for number in range(1, len(offers) + 1)} else None


async def ask_key(prompt: str) -> str:
    """Write a prompt and return the key that is pressed then; what was typed before does not count.

    Where the terminal cannot give single keys it is a line. What comes at once (a paste) is one answer, and as a whole one.
    An empty text: the input has ended.
    """
    try:
        descriptor = sys.stdin.fileno()
        with _single_keys(descriptor):
            _write(prompt)
            key = await _read(descriptor)
    except (OSError, ValueError, NotImplementedError, ImportError):
        _write(prompt)
        return str(await asyncio.to_thread(sys.stdin.readline)).strip()
    shown = "" if key.startswith(_ESCAPE) or key in _ENDED else key.strip()
    _write(f"{shown}\n")
    return "" if key in _ENDED else key.strip()


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()


@contextlib.contextmanager
def _single_keys(descriptor: int) -> Iterator[None]:
    """Have the terminal give each key at once, not shown; Ctrl-C still interrupts. As it was before at the end."""
    import termios
    import tty

    try:
        before = termios.tcgetattr(descriptor)
    except termios.error as error:
        raise OSError(str(error)) from error
    try:
        tty.setcbreak(descriptor, termios.TCSAFLUSH)
        yield
    except termios.error as error:
        raise OSError(str(error)) from error
    finally:
        with contextlib.suppress(termios.error):
            termios.tcsetattr(descriptor, termios.TCSAFLUSH, before)


async def _read(descriptor: int) -> str:
    """Return the next key: a whole letter, however many bytes it has, or a whole sequence of an arrow key."""
    loop = asyncio.get_running_loop()
    pressed: asyncio.Future[str] = loop.create_future()
    got = bytearray()

    def take() -> None:
        try:
            got.extend(os.read(descriptor, 64))
        except OSError:
            got.clear()
        with contextlib.suppress(UnicodeDecodeError):  # the rest of the letter is still to come
            if not pressed.done():
                pressed.set_result(got.decode())

    loop.add_reader(descriptor, take)
    try:
        return await pressed
    finally:
        loop.remove_reader(descriptor)
