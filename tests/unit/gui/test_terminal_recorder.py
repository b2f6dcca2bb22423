"""What is typed in a terminal is a step, or said not to be known: nothing that a person typed is silently left out."""

from __future__ import annotations

from datetime import UTC, datetime
from types import SimpleNamespace

from opsagent_tools.gui.model import Box, Element, Look, SurfaceKind, Verb, Window
from opsagent_tools.gui.recording import Did
from opsagent_tools.gui.terminal.cells import Cell, Cells
from opsagent_tools.gui.terminal.reading.elements import Reading
from opsagent_tools.gui.terminal.recording import TerminalRecorder

WINDOW = Window(id="pty:1", pid=7, exe="/bin/log", program="log", uid=1, box=Box(0, 0, 30, 3))
ROW = Element(id="row", role="menu item", name="change number 3", box=Box(0, 1, 20, 1), source=SurfaceKind.TERMINAL,
              states=frozenset({"visible", "enabled", "selected"}))  # fmt: skip


class Log:
    """A list of changes: `/` asks on the last line what to look for."""

    def __init__(self, *, title: str = "", hides: bool = False) -> None:
        self.title = title
        self.asked = ""
        self.terminal = SimpleNamespace(term="xterm", hides_typing=hides, exit_code=None)
        self.fingers = SimpleNamespace(send=self.send)

    async def send(self, data: bytes, wait_s: float) -> None:
        text = data.decode()
        self.asked = "" if text == "\r" else self.asked + text if self.asked or text == "/" else ""

    async def settle(self, *, timeout_s: float) -> Look:
        return Look(window=WINDOW, at=datetime.now(UTC), source=SurfaceKind.TERMINAL, elements=(ROW,))

    async def reading(self) -> Reading:
        lines = [line.ljust(30) for line in ("", ROW.name, self.asked)]
        cells = Cells(tuple(tuple(map(Cell, line)) for line in lines), cursor=(len(self.asked), 2))
        focused = Element(id="f", role="list item", name="x", box=ROW.box, source=SurfaceKind.TERMINAL,
                          states=frozenset({"focused", "enabled"}))  # fmt: skip
        elements = (ROW, focused) if self.title else (ROW,)
        return Reading(cells=cells, elements=elements, aliases={}, groups={}, prompt="", title=self.title)


async def heard(log: Log, *typed: bytes) -> tuple[Did, ...]:
    recorder = TerminalRecorder(log)  # type: ignore[arg-type]  # as much of a surface as it asks for
    for data in typed:
        await recorder.press(data)
    return (await recorder.finish()).done


def keys(*done: Did) -> list[str]:
    return ["+".join(one.gesture.keys) or one.gesture.verb.value for one in done]


async def test_what_is_typed_at_a_prompt_that_is_no_known_field_is_kept_and_enter_is_no_click_on_a_row() -> None:
    said = ["/", "b", "2", "space", "c", "return", "q"]
    assert keys(*await heard(Log(), b"/", b"b", b"2", b" ", b"c", b"\r", b"q")) == said
    assert keys(*await heard(Log(), b"/", b"b2", b" ", b"c", b"\r", b"q")) == said, "pasted, or very fast"
    assert keys(*await heard(Log(), b"\r")) == ["click"], "Enter on a row that is chosen"


async def test_letters_that_only_move_the_highlight_of_a_list_are_no_steps() -> None:
    assert keys(*await heard(Log(title="Pick"), b"ch", b"\r")) == ["return"]
    assert keys(*await heard(Log(title="Pick"), b"/", b"b2", b"\r")) == ["/", "b", "2", "return"], "they were asked for"


async def test_of_what_is_typed_unseen_no_letter_is_kept() -> None:
    done = await heard(Log(hides=True), b"h", b"unter2", b"\r")
    assert "hunter2" not in repr(done)
    assert done[0].gesture.verb is Verb.TYPE
    assert (done[0].seen, done[0].gesture.text) == (None, "")
