"""The process that sees, where it ends by itself; and how all that a desktop started is ended."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("cv2", reason="needs the extra gui: pip install opsagent[gui]")

from opsagent_tools.gui import desktop
from opsagent_tools.gui.model import Box
from opsagent_tools.gui.pixels.eyes import Eyes
from opsagent_tools.gui.port import NotUsable

_WINDOW = Box(0, 0, 10, 10)
_ENDS = """
import pathlib, sys
lives = pathlib.Path(sys.argv[1])
left = int(lives.read_text())
lives.write_text(str(left - 1))
print('{"ready": true}', flush=True)
for line in sys.stdin:
    if left > 1:
        sys.exit("no memory is left")
    print('{"digest": "d", "blank": false}', flush=True)
"""


async def test_a_process_that_ends_is_started_anew_once_and_then_its_last_words_are_told(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    eyes = Eyes({}, worker=(sys.executable, "-I", "-S", "-c", _ENDS, str(lives)))
    try:
        lives.write_text("2")
        assert (await eyes.glance("w", _WINDOW)).digest == "d"
        lives.write_text("9")
        await eyes.close()
        with pytest.raises(NotUsable, match="its process ended: no memory is left"):
            await eyes.glance("w", _WINDOW)
    finally:
        await eyes.close()


async def test_a_process_that_ended_is_not_started_anew_to_forget(tmp_path: Path) -> None:
    lives = tmp_path / "lives"
    eyes = Eyes({}, worker=(sys.executable, "-I", "-S", "-c", _ENDS, str(lives)))
    try:
        lives.write_text("1")
        await eyes.glance("w", _WINDOW)
        process = eyes._process
        assert process is not None
        process.kill()
        await process.wait()
        lives.write_text("9")
        await eyes.forget("w")
        assert lives.read_text() == "9"
    finally:
        await eyes.close()


async def test_a_desktop_ends_all_that_it_started_whatever_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[str] = []

    class Ending:
        def __init__(self, *_: object, **__: object) -> None:
            self.name = type(self).__name__

        def get_ready(self, *, to_read: bool) -> None:
            assert not to_read

        async def close(self) -> None:
            ended.append(self.name)
            raise NotUsable(f"{self.name} cannot be ended")

    for name in ("DesktopScreens", "Eyes", "Hands"):
        monkeypatch.setattr(desktop, name, type(name, (Ending,), {}))
    display: Any = SimpleNamespace(name=":0", env={}, own=True)
    with pytest.raises(NotUsable):
        async with desktop.desktop(display, allow={"form"}):
            pass
    assert ended == ["DesktopScreens", "Eyes", "Hands"]
