"""What moves by itself on a screen is no answer to a key."""

from __future__ import annotations

import time
from typing import Any

from opsagent_tools.gui.terminal import fingers as fingers_module
from opsagent_tools.gui.terminal.cells import Cells
from opsagent_tools.gui.terminal.fingers import Fingers
from opsagent_tools.gui.terminal.pulse import Pulse
from opsagent_tools.gui.terminal.reading.elements import Reading, read_screen
from opsagent_tools.gui.terminal.vt import Emulator

_LIT, _PLAIN, _HIDDEN = "\x1b[7m", "\x1b[0m", "\x1b[?25l"
_LONG_AGO_S = 5.0


def _shown(clock: str, *rows: str, lit: int = 0) -> Cells:
    emulator = Emulator(40, 8)
    lines = [clock, *(f"{_LIT}{row}{_PLAIN}" if at == lit else row for at, row in enumerate(rows))]
    emulator.feed((_HIDDEN + "\r\n".join(lines)).encode())
    return emulator.cells()


def test_a_clock_is_no_answer_to_a_key_and_a_highlight_is() -> None:
    pulse = Pulse()
    first, second = _shown("10:00", "one", "two"), _shown("10:01", "one", "two")
    assert pulse.answered(first, second)
    pulse.watch(first, _LONG_AGO_S)
    pulse.watch(second, _LONG_AGO_S)
    third = _shown("10:02", "one", "two")
    assert not pulse.answered(second, third)
    assert pulse.answered(second, _shown("10:02", "one", "two", lit=1))


def test_a_highlight_that_moves_in_a_table_which_is_sorted_all_the_time_is_an_answer() -> None:
    pulse = Pulse()
    for at, rows in enumerate((("a 1", "b 2"), ("b 3", "a 1"), ("a 4", "b 2"))):
        pulse.watch(_shown(f"10:0{at}", *rows), _LONG_AGO_S)
    before = _shown("10:03", "b 5", "a 1")
    assert not pulse.answered(before, _shown("10:04", "a 6", "b 2"))
    assert pulse.answered(before, _shown("10:04", "a 6", "b 2", lit=1))


def test_what_changes_after_a_key_may_be_its_doing() -> None:
    pulse = Pulse()
    before = _shown("10:00", "one", "two")
    pulse.watch(before, _LONG_AGO_S)
    pulse.keyed(before)
    pulse.watch(_shown("10:00", "three", "two"), 0.01)
    assert pulse.answered(before, _shown("10:00", "four", "two"))


async def test_a_screen_is_watched_before_it_is_verified_and_not_between_that_and_the_key() -> None:
    shown = _shown("10:00", "one", "two")
    done: list[str] = []

    class Still:
        term, application_cursor, exit_code, since_sent_s, unread = "xterm", False, None, _LONG_AGO_S, 0

        async def cells(self) -> Cells:
            done.append("looked")
            return shown

        async def rest(self, **_: float) -> Cells:
            return shown

        async def write(self, data: bytes) -> None:
            done.append(repr(data))

    async def read() -> Reading:
        return read_screen(shown)

    still: Any = Still()
    fingers = Fingers(still, read)
    reading = await fingers.rested()
    done.clear()
    start = time.monotonic()
    await fingers.act(("enter",), reading)
    assert done == ["looked", repr(b"\r")]
    assert time.monotonic() - start < fingers_module._WATCHED_S
