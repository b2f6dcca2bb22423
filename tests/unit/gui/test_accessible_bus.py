"""Who answers slowly is waited for; who answers nothing is silent."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from opsagent_tools.gui.accessible.bus import SILENT, Ask, Bus, Ref

_EACH_S = 0.02


class _Link:
    """A connection to a program that answers one question after the other, as long as it lives."""

    def __init__(self, answers: int) -> None:
        self.connected = True
        self._left = answers
        self._serial = 0
        self._free_at = 0.0
        self._heard: Any = None

    def add_message_handler(self, heard: Any) -> None:
        self._heard = heard

    def next_serial(self) -> int:
        self._serial += 1
        return self._serial

    def send(self, message: Any) -> asyncio.Future[None]:
        from dbus_fast.constants import MessageType

        loop = asyncio.get_running_loop()
        if self._left:
            self._left -= 1
            self._free_at = max(self._free_at, loop.time()) + _EACH_S
            answer = SimpleNamespace(
                message_type=MessageType.METHOD_RETURN,
                reply_serial=message.serial,
                body=["yes"],
                sender="",
                error_name="",
            )
            loop.call_at(self._free_at, self._heard, answer)
        sent: asyncio.Future[None] = loop.create_future()
        sent.set_result(None)
        return sent


async def _asked(answers: int, questions: int) -> list[Any]:
    bus = Bus(_Link(answers))
    ask = Ask(Ref(":1.7", "/a"), "org.a11y.atspi.Accessible", "GetRole")
    return await bus.ask([ask] * questions, within_s=2.5 * _EACH_S)


async def test_a_slow_program_is_waited_for_as_long_as_it_answers() -> None:
    assert await _asked(answers=8, questions=8) == ["yes"] * 8


async def test_a_program_that_answers_no_more_is_silent() -> None:
    assert await _asked(answers=2, questions=4) == ["yes", "yes", SILENT, SILENT]
    assert await _asked(answers=0, questions=1) == [SILENT]
