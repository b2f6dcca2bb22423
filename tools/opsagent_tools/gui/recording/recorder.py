"""The recorder: hears what a person does on a display, and looks at what they do it to, just before they do it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from opsagent_tools.gui.matching.roles import CHOICES
from opsagent_tools.gui.model import Look, Point, Verb, Window
from opsagent_tools.gui.port import NotUsable
from opsagent_tools.gui.recording.eyes import Eyes, Seen, same_in
from opsagent_tools.gui.recording.gestures import InputEvent, Joined, Joiner
from opsagent_tools.gui.recording.steps import Did, Recording, clicked_field
from opsagent_tools.gui.recording.values import settled

_T = TypeVar("_T")
STOP_KEYS = ("ctrl", "alt", "end")
_NEAR_PX = 3
_READY_S = 15.0
_LINE_BYTES = 1 << 20


@dataclass(slots=True)
class _Glance:
    """What is seen at one moment: below the pointer, and with the focus. None: nobody knows, or it changed meanwhile."""

    point: Point
    window: asyncio.Task[Window | None]
    below: asyncio.Task[Seen | None]
    keys_to: asyncio.Task[Window | None]
    focused: asyncio.Task[Seen | None]
    read: asyncio.Task[Look | None]


@dataclass(slots=True)
class _State:
    acts: int = 0
    """How many presses, releases and keys there were that may have changed what is seen."""
    glance: _Glance | None = None
    noted: dict[InputEvent, _Glance] = field(default_factory=dict)
    done: list[asyncio.Task[Did]] = field(default_factory=list)


class Recorder:
    """Hears one display from `start` to `stop`. Nothing that is typed into a secret field is kept."""

    def __init__(
        self,
        display_name: str,
        env: Mapping[str, str],
        eyes: Eyes,
        *,
        stop_keys: Sequence[str] = STOP_KEYS,
        told: Callable[[str], None] | None = None,
    ) -> None:
        """Make a recorder.

        Args:
            display_name: as in DISPLAY (`:7`).
            env: for programs on that display (XAUTHORITY among it).
            eyes: say what is below the pointer and what has the keys.
            stop_keys: a hotkey that ends the recording and is no part of it.
            told: is told each gesture as it is heard, in words, without what was typed.
        """
        self._env = {**env, "DISPLAY": display_name}
        self._eyes = eyes
        self._stop_keys = frozenset(stop_keys)
        self._told = told or (lambda _: None)
        self._joiner = Joiner()
        self._state = _State()
        self._over = asyncio.Event()
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Begin to hear. Raises NotUsable where the display cannot be heard."""
        path = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "opsagent_tools.gui.recording.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**path, **self._env}, limit=_LINE_BYTES, start_new_session=True,
        )  # fmt: skip
        try:
            first = await asyncio.wait_for(self._next(), _READY_S)
        except TimeoutError:
            first = {"error": "the X server does not answer"}
        if first is None or "error" in first:
            await self._end()
            raise NotUsable(first["error"] if first else "the process that hears ended")
        self._reading = asyncio.create_task(self._read())

    async def finished(self) -> None:
        """Wait for the hotkey, or for the display's end."""
        await self._over.wait()

    async def stop(self) -> Recording:
        """Hear no more; return what was heard. May be called once, and after `finished` too."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # it tells what it has still heard, and ends
        if self._reading is not None:
            try:
                await asyncio.wait_for(self._reading, _READY_S)
            except TimeoutError:
                self._reading.cancel()
        await self._end()
        for joined in self._joiner.flush():
            self._finish(joined)
        done = [await one for one in self._state.done]
        if done and done[-1].where is not None:
            done[-1] = replace(done[-1], closed=await self._eyes.gone(done[-1].where))
        await self._forget_glance()
        return Recording(tuple(done), tuple(dict.fromkeys(self._joiner.ignored)))

    async def _end(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(ProcessLookupError):
            if self._process.returncode is None:
                self._process.kill()
        await self._process.wait()

    async def _next(self) -> dict[str, Any] | None:
        assert self._process is not None
        assert self._process.stdout is not None
        line = await self._process.stdout.readline()
        return json.loads(line) if line else None

    async def _read(self) -> None:
        """Hear until the process ends; the hotkey ends it for us."""
        while (said := await self._next()) is not None:
            if self._over.is_set():
                continue
            event = InputEvent(
                kind=said["kind"], at_ms=said["at_ms"], point=Point(said["x"], said["y"]), button=said.get("button", 0),
                key=said.get("key", ""), char=said.get("char", ""), held=frozenset(said.get("held", ())),
                windows=tuple(said.get("windows", ())),
            )  # fmt: skip
            if event.kind == "key" and {*event.held, event.key} == self._stop_keys:
                self._over.set()
            elif event.kind == "rest":
                self._rested(event)
            else:
                self._heard(event)
        self._over.set()

    def _heard(self, event: InputEvent) -> None:
        goes_on = event.kind == "key" and (event.char or event.key == "backspace") and self._joiner.typing
        if not goes_on:
            self._state.acts += not (event.kind == "key" and event.char)
            self._state.noted[event] = self._noted(event)
        for joined in self._joiner.feed(event):
            self._finish(joined)
        if not self._joiner.typing:
            self._state.glance = None  # what was done may have changed what is seen

    def _rested(self, event: InputEvent) -> None:
        """Look at what lies below the pointer, for the press that may come."""
        if not self._joiner.typing:
            for joined in self._joiner.flush():  # a click that no second one followed
                self._finish(joined)
        self._state.glance = self._look(event.point)

    def _noted(self, event: InputEvent) -> _Glance:
        """Return what was seen before an event; where nobody has looked yet, what is seen now."""
        glance = self._state.glance
        if glance is None or (event.kind != "key" and not _near(glance.point, event.point)):
            return self._look(event.point)
        return glance

    def _look(self, point: Point) -> _Glance:
        below = asyncio.create_task(self._steady(self._eyes.at(point)))
        return _Glance(
            point,
            asyncio.create_task(self._steady(self._eyes.window_at(point))),
            below,
            asyncio.create_task(self._steady(self._eyes.focused_window())),
            asyncio.create_task(self._steady(self._eyes.focused())),
            asyncio.create_task(self._read_then(below)),
        )

    def _steady(self, look: Awaitable[_T | None]) -> Coroutine[None, None, _T | None]:
        """Return what is seen; None where something was done while it was looked at, as nobody knows which came first."""
        before = self._state.acts

        async def seen_in_time() -> _T | None:
            seen = await look
            return seen if self._state.acts == before else None

        return seen_in_time()

    async def _read_then(self, below: asyncio.Task[Seen | None]) -> Look | None:
        seen = await below
        return None if seen is None else await self._eyes.read(seen)

    def _finish(self, joined: Joined) -> None:
        before = self._state.done[-1] if self._state.done else None
        self._state.done.append(asyncio.create_task(self._did(joined, self._state.glance, before)))

    async def _did(self, joined: Joined, latest: _Glance | None, before: asyncio.Task[Did] | None) -> Did:
        """Return a gesture with what it was done to, after the one `before`. `latest`: what was seen while it was typed."""
        noted = self._state.noted.pop(joined.first, None) or self._look(joined.first.point)
        keys = joined.first.kind == "key"
        window, seen = (await noted.keys_to, await noted.focused) if keys else (await noted.window, await noted.below)
        if not keys and window is not None and not _on(window, joined.first):
            window = seen = None
        if seen is None and joined.gesture.verb is Verb.TYPE and before is not None:
            seen = clicked_field(await before)
        verb, to = joined.gesture.verb, None
        if verb is Verb.DRAG and joined.last in self._state.noted:
            to = await self._state.noted[joined.last].below
        now = None
        if seen is not None and (verb is Verb.TYPE or seen.element.role in CHOICES):
            now = await self._eyes.again(seen)
        moved = False
        if verb is Verb.TYPE and latest is not None and seen is not None:
            focused = await latest.focused
            moved = focused is not None and same_in(focused.look, seen.element) != focused.element
        gesture = settled(joined.gesture, seen, now, moved=moved)
        did = Did(
            gesture=gesture, window=window, seen=seen, to=to, now=None if gesture.secret else now,
            read=None if keys or seen is None else await noted.read,
        )  # fmt: skip
        if before is not None:
            await before
        self._told(did.said)
        return did

    async def _forget_glance(self) -> None:
        if (glance := self._state.glance) is not None:
            await asyncio.gather(glance.window, glance.below, glance.focused, glance.keys_to, glance.read)


def _near(one: Point, other: Point) -> bool:
    return abs(one.x - other.x) <= _NEAR_PX and abs(one.y - other.y) <= _NEAR_PX


def _on(window: Window, pressed: InputEvent) -> bool:
    """Whether a window was below a press: one that opened just then was not."""
    kind, _, number = window.id.partition(":")
    return kind != "x11" or not pressed.windows or int(number, 0) in pressed.windows
