"""One key is the answer: no Enter, nothing that was typed before, and whatever is no yes is a no."""

from __future__ import annotations

import asyncio
import os
import pty
import termios
from collections.abc import Iterator
from types import SimpleNamespace

import pytest

from opsagent.cli import asking
from tests.support.waiting import until

END = "\x04"


class Terminal:
    """A terminal in small: what a program shows there, and what is typed."""

    def __init__(self) -> None:
        self.keyboard, self.descriptor = pty.openpty()
        self.shown = ""

    def fileno(self) -> int:
        return self.descriptor

    def type(self, text: str) -> None:
        os.write(self.keyboard, text.encode())

    def write(self, text: str) -> None:
        self.shown += text

    def flush(self) -> None: ...

    def echoes(self) -> bool:
        return bool(termios.tcgetattr(self.descriptor)[3] & termios.ECHO)


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[Terminal]:
    found = Terminal()
    monkeypatch.setattr("opsagent.cli.asking.sys", SimpleNamespace(stdin=found, stderr=found))
    yield found
    for descriptor in (found.keyboard, found.descriptor):
        os.close(descriptor)


async def _answered(terminal: Terminal, typed: str) -> bool:
    question = asyncio.create_task(asking.ask_yes("go on?"))
    await until(lambda: "[y/N]" in terminal.shown)
    terminal.type(typed)
    return await question


@pytest.mark.parametrize(("typed", "yes"), [
    ("y", True), ("Y", True), ("ㅛ", True), ("ㅇ", True), ("네", True), ("예", True), ("y\n", True), ("yes\n", True),
    ("n", False), ("\n", False), (" ", False), ("\x1b[A", False), (END, False), ("yikes", False), ("ㅜ", False), ("1", False),
])  # fmt: skip
async def test_a_key_is_the_answer(terminal: Terminal, typed: str, yes: bool) -> None:
    assert await _answered(terminal, typed) is yes
    assert terminal.echoes(), "the terminal is as it was"


async def test_what_was_typed_before_the_question_does_not_answer_it(terminal: Terminal) -> None:
    terminal.type("y\ny")
    assert not await _answered(terminal, "n")


async def test_one_of_a_few_is_taken_by_its_number(terminal: Terminal) -> None:
    for typed, place in (("2", 1), ("3", None), ("y", None), ("\n", None)):
        terminal.shown = ""
        question = asyncio.create_task(asking.ask_which("which one?", ["restart web", "restart api"]))
        await until(lambda: "/N]" in terminal.shown)
        assert "  2  restart api\n" in terminal.shown
        terminal.type(typed)
        assert await question == place


async def test_who_interrupts_a_question_gets_the_terminal_back(terminal: Terminal) -> None:
    question = asyncio.create_task(asking.ask_yes("go on?"))
    await until(lambda: "[y/N]" in terminal.shown)
    assert not terminal.echoes()
    question.cancel()
    with pytest.raises(asyncio.CancelledError):
        await question
    assert terminal.echoes()
