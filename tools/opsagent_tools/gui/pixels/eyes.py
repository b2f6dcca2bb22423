"""The process that sees (`worker`), as whoever looks at windows of one display calls it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from opsagent_tools.gui.model import Box, Element, Picture, SurfaceKind
from opsagent_tools.gui.port import NotUsable, ScreenError
from opsagent_tools.patience import within

_NEEDED = {"cv2": "opencv-python-headless", "mss": "mss", "rapidocr": "rapidocr", "onnxruntime": "onnxruntime"}
_START_S, _ANSWER_S = 60.0, 60.0
_LINE_BYTES = 64 << 20
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "PYTHONPATH", "VIRTUAL_ENV", "TMPDIR")


@dataclass(frozen=True, slots=True)
class Glance:
    """A window as it is now, not read."""

    digest: str
    blank: bool


@dataclass(frozen=True, slots=True)
class View:
    """A window as it is now, read."""

    digest: str
    blank: bool
    elements: tuple[Element, ...]
    taken_at: float
    """When its picture was taken, in seconds since the epoch; reading takes longer."""


@dataclass(frozen=True, slots=True)
class FieldText:
    """What was read in a field."""

    text: str
    score: float
    full: bool
    """It reaches the edge: more of it may be out of sight."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A place that looks like a crop."""

    box: Box
    score: float


def missing() -> tuple[str, ...]:
    """Return the packages that recognising pictures needs and that are not installed."""
    return tuple(package for module, package in _NEEDED.items() if find_spec(module) is None)


class Eyes:
    """What is seen on one display. One process, started when it is first needed; `close` ends it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Make eyes for a display.

        Args:
            env: of programs there (DISPLAY, XAUTHORITY).
        """
        self._env = {**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **env}
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self.lines_read = 0
        """How many lines of text were recognised so far; remembered ones are not counted."""
        self.pixels_searched = 0
        """In how many pixels text was looked for so far."""

    async def glance(self, window: str, box: Box, over: Sequence[Box] = ()) -> Glance:
        """Take a picture of a window without reading it.

        Args:
            window: its id, under which it is remembered.
            box: where it is on the screen.
            over: what lies before it.

        Raises NotUsable, ScreenError, as all here do.
        """
        said = await self._ask("watch", window=window, box=_list(box), over=[_list(one) for one in over])
        return Glance(said["digest"], said["blank"])

    async def look(self, window: str, box: Box, over: Sequence[Box] = ()) -> View:
        """Take a picture of a window and read what changed on it. Elements that are covered are not told."""
        said = await self._ask("look", window=window, box=_list(box), over=[_list(one) for one in over])
        self.lines_read = said.get("lines_read", self.lines_read)
        self.pixels_searched = said.get("pixels_searched", self.pixels_searched)
        elements = tuple(_element(one) for one in said["elements"])
        return View(said["digest"], said["blank"], elements, said.get("taken_at", time.time()))

    async def same(self, window: str, box: Box) -> bool:
        """Say whether a part of a window still looks as when it was looked at last."""
        return bool((await self._ask("same", window=window, box=_list(box)))["same"])

    async def text(self, box: Box) -> FieldText:
        """Read the text in a part of the screen, as it is now."""
        said = await self._ask("text", box=_list(box))
        return FieldText(said["text"], said["score"], said["full"])

    async def alike(
        self, window: str, png: bytes, scales: Sequence[float], within: Box | None = None
    ) -> tuple[Alike, ...]:
        """Look for a crop on a window as it was last seen; return the best places, the most alike first."""
        asked: dict[str, Any] = {"window": window, "png": base64.b64encode(png).decode(), "scales": list(scales)}
        if within is not None:
            asked["within"] = _list(within)
        said = await self._ask("alike", **asked)
        return tuple(Alike(_box(one["box"]), one["score"]) for one in said["matches"])

    async def picture(self, box: Box, black: Sequence[Box] = ()) -> Picture | None:
        """Return a picture of a part of the screen, with all these places blackened; None: it is not on the screen."""
        said = await self._ask("picture", box=_list(box), black=[_list(one) for one in black])
        if not said["png"]:
            return None
        return Picture(base64.b64decode(said["png"]), _box(said["box"]), masked=True)

    async def forget(self, window: str) -> None:
        """Remember a window no more."""
        if self._process is not None:
            await self._ask("forget", window=window)

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            process, self._process = self._process, None
            if process is None:
                return
            with contextlib.suppress(OSError, RuntimeError):
                assert process.stdin is not None
                process.stdin.close()
            with contextlib.suppress(TimeoutError):
                await within(process.wait(), 5.0)
            await _ended(process)

    async def _ask(self, what: str, **details: Any) -> dict[str, Any]:
        """Return the answer. Whoever is cancelled leaves the question to be answered: the next one waits for that."""
        return await asyncio.shield(asyncio.ensure_future(self._in_turn({"do": what, **details})))

    async def _in_turn(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        async with self._turn:
            process = await self._started()
            try:
                answer = await within(_exchange(process, asked), _ANSWER_S)
            except (TimeoutError, OSError, ValueError, asyncio.IncompleteReadError) as error:
                self._process = None
                await _ended(process)
                raise ScreenError(f"the window could not be looked at: {type(error).__name__}") from None
        if "error" in answer:
            raise ScreenError(f"the window could not be looked at: {answer['error']}")
        return answer

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        if lacking := missing():
            raise NotUsable(f"pictures cannot be read: pip install {' '.join(lacking)}")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "opsagent_tools.gui.pixels.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env=self._env, limit=_LINE_BYTES, start_new_session=True,
        )  # fmt: skip
        try:
            ready = await within(_answer(process), _START_S)
        except (TimeoutError, ValueError, asyncio.IncompleteReadError):
            ready = {"error": "its process ended"}
        except BaseException:
            await _ended(process)
            raise
        if "error" in ready:
            await _ended(process)
            raise NotUsable(f"pictures cannot be read: {ready['error']}")
        self._process = process
        return process


async def _exchange(process: asyncio.subprocess.Process, asked: Mapping[str, Any]) -> dict[str, Any]:
    assert process.stdin is not None
    process.stdin.write(json.dumps(asked).encode() + b"\n")
    await process.stdin.drain()
    return await _answer(process)


async def _answer(process: asyncio.subprocess.Process) -> dict[str, Any]:
    assert process.stdout is not None
    answer: dict[str, Any] = json.loads(await process.stdout.readuntil(b"\n"))
    return answer


async def _ended(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


def _element(told: Mapping[str, Any]) -> Element:
    return Element(
        id=told["id"],
        role=told["role"],
        name=told["name"],
        box=_box(told["box"]),
        value=told["value"],
        label=told["label"],
        states=frozenset(told["states"]),
        source=SurfaceKind.PIXEL,
        score=told["score"],
    )


def _box(numbers: Sequence[int]) -> Box:
    left, top, width, height = numbers
    return Box(left, top, width, height)


def _list(box: Box) -> list[int]:
    return [box.left, box.top, box.width, box.height]
