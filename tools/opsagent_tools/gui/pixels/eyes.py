"""The process that sees (`worker`), as whoever looks at windows of one display calls it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from typing import IO, Any

from opsagent_tools.gui.model import Box, Element, Picture, SurfaceKind
from opsagent_tools.gui.port import NotUsable, ScreenError
from opsagent_tools.patience import within

_NEEDED = {"cv2": "opencv-python-headless", "mss": "mss", "rapidocr": "rapidocr", "onnxruntime": "onnxruntime"}
_START_S, _ANSWER_S = 60.0, 60.0
_LINE_BYTES = 64 << 20
_LAST_WORDS = 300
_WORKER = (sys.executable, "-P", "-m", "opsagent_tools.gui.pixels.worker")
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
    bare: str
    """The same without what looks like a caret."""
    digest: str = ""
    """Of its picture."""


@dataclass(frozen=True, slots=True)
class Alike:
    """A place that looks like a crop."""

    box: Box
    score: float


def missing() -> tuple[str, ...]:
    """Return the packages that recognising pictures needs and that are not installed."""
    return tuple(package for module, package in _NEEDED.items() if find_spec(module) is None)


class Eyes:
    """What is seen on one display. One process, started when it is first needed; `close` ends it.

    Where it ends by itself it is started anew, once for each question. Then nothing is remembered of any window: what was
    located before does not look as it did, and nothing is done there.
    """

    def __init__(self, env: Mapping[str, str], worker: Sequence[str] = _WORKER) -> None:
        """Make eyes for a display.

        Args:
            env: of programs there (DISPLAY, XAUTHORITY).
            worker: the command that starts the process that sees.
        """
        self._worker = tuple(worker)
        self._said: IO[bytes] | None = None
        self._env = {**{name: os.environ[name] for name in _PASSED_ON if name in os.environ}, **env}
        self._process: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()
        self.lines_read = 0
        """How many lines of text were recognised so far; remembered ones are not counted."""
        self.pixels_searched = 0
        """In how many pixels text was looked for so far."""

    async def get_ready(self, *, to_read: bool) -> None:
        """Start the process, and with `to_read` begin to load its models: nobody waits for them when they are needed."""
        if to_read:
            await self._ask("get ready")
        else:
            async with self._turn:
                await self._started()

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

    async def text(self, box: Box, without: Sequence[Box] = ()) -> FieldText:
        """Read the text in a part of the screen, as it is now. `without`: what is no text of it."""
        said = await self._ask("text", box=_list(box), without=[_list(one) for one in without])
        return FieldText(said["text"], said["score"], said["full"], said["bare"], said["digest"])

    async def drawn(self, box: Box) -> tuple[Box, ...]:
        """Return what is drawn in a field now, unread, from left to right: a box per run of ink, carets apart."""
        said = await self._ask("drawn", box=_list(box))
        return tuple(_box(one) for one in said["drawn"])

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
        """Remember a window no more. A process that has ended remembers none."""
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ScreenError):
                await self._ask("forget", window=window)

    async def close(self) -> None:
        """End the process."""
        async with self._turn:
            process, self._process = self._process, None
            said, self._said = self._said, None
            if said is not None:
                said.close()
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
            try:
                answer = await self._answered(asked)
            except _Died:
                try:
                    answer = await self._answered(asked)
                except _Died as died:
                    raise NotUsable(f"pictures cannot be read: {died}") from None
        if "error" in answer:
            raise ScreenError(f"the window could not be looked at: {answer['error']}")
        return answer

    async def _answered(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Return the answer of the process. Raises _Died, NotUsable, ScreenError."""
        process = await self._started()
        try:
            return await within(_exchange(process, asked), _ANSWER_S)
        except (asyncio.IncompleteReadError, OSError) as error:
            await self._over(process)
            if isinstance(error, TimeoutError):
                raise ScreenError("the window could not be looked at in time") from None
            raise _Died(self._last_words()) from None
        except ValueError as error:
            await self._over(process)
            raise ScreenError(f"the window could not be looked at: {type(error).__name__}") from None

    async def _over(self, process: asyncio.subprocess.Process) -> None:
        self._process = None
        await _ended(process)

    def _last_words(self) -> str:
        """Return why the process ended, as far as it said so: the last line that it wrote."""
        if self._said is None:
            return "its process ended"
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").split("\n")
        last = next((one.strip() for one in reversed(lines) if one.strip()), "")
        return f"its process ended: {last[:_LAST_WORDS]}" if last else "its process ended"

    async def _started(self) -> asyncio.subprocess.Process:
        if self._process is not None and self._process.returncode is None:
            return self._process
        if lacking := missing():
            raise NotUsable(f"pictures cannot be read: pip install {' '.join(lacking)}")
        if self._said is not None:
            self._said.close()
        self._said = tempfile.TemporaryFile()  # noqa: SIM115 # it has no name, and ends with what writes into it
        process = await asyncio.create_subprocess_exec(
            *self._worker, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=self._said,
            env=self._env, limit=_LINE_BYTES, start_new_session=True,
        )  # fmt: skip
        try:
            ready = await within(_answer(process), _START_S)
        except asyncio.IncompleteReadError:
            await _ended(process)
            raise _Died(self._last_words()) from None
        except (TimeoutError, ValueError):
            ready = {"error": "its process does not answer"}
        except BaseException:
            await _ended(process)
            raise
        if "error" in ready:
            await _ended(process)
            raise NotUsable(f"pictures cannot be read: {ready['error']}")
        self._process = process
        return process


class _Died(Exception):
    """The process that sees ended by itself; says why."""


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
