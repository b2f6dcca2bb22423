"""The recorder: hears what a person does on a display, and looks at what they do it to, just before they do it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from opsagent_tools.gui.matching.roles import CHOICES
from opsagent_tools.gui.model import Look, Point, Verb, Window
from opsagent_tools.gui.port import NotUsable
from opsagent_tools.gui.recording.eyes import Eyes, Seen, Sight
from opsagent_tools.gui.recording.gestures import InputEvent, Joined, Joiner
from opsagent_tools.gui.recording.pointed import hit, on_top, same_in
from opsagent_tools.gui.recording.steps import Did, Recording, clicked_field
from opsagent_tools.gui.recording.values import settled
from opsagent_tools.patience import within

STOP_KEYS = ("ctrl", "alt", "end")
_NEAR_PX = 3
_READY_S = 15.0
_FIRST_LOOK_S = 30.0
_HEARD_LATE_S = 0.01
"""Events are heard so much later than they come, at most as a rule."""
_LINE_BYTES = 1 << 20


@dataclass(slots=True)
class _Glance:
    """A look around, which may still be under way."""

    point: Point
    sight: asyncio.Task[Sight]
    read: asyncio.Task[Look | None]
    """What is recognised below the pointer, beside."""


@dataclass(slots=True)
class _State:
    acts: list[float] = field(default_factory=list)
    """When there was a press, a release or a key that may have changed what is seen: seconds since the epoch."""
    glance: _Glance | None = None
    used_to: asyncio.Task[None] | None = None
    """A first look at a window that has come up."""
    next_look: Point | None = None
    """Where to look once the look that is under way is over."""
    last: _Glance | None = None
    """The one before it, where nothing was done since."""
    noted: dict[InputEvent, tuple[_Glance, ...]] = field(default_factory=dict)
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
        """Begin to hear, and look at the window that is used once: where pictures are read, the first look takes seconds.

        Raises NotUsable where the display cannot be heard.
        """
        path = {name: os.environ[name] for name in ("PATH", "HOME", "PYTHONPATH") if name in os.environ}
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "opsagent_tools.gui.recording.worker",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
            env={**path, **self._env}, limit=_LINE_BYTES, start_new_session=True,
        )  # fmt: skip
        try:
            first = await within(self._next(), _READY_S)
        except TimeoutError:
            first = {"error": "the X server does not answer"}
        if first is None or "error" in first:
            await self._end()
            raise NotUsable(first["error"] if first else "the process that hears ended")
        self._reading = asyncio.create_task(self._read())
        await asyncio.wait({self._look(Point(first["x"], first["y"])).sight}, timeout=_FIRST_LOOK_S)

    async def finished(self) -> None:
        """Wait for the hotkey, or for the display's end."""
        await self._over.wait()

    async def stop(self) -> Recording:
        """Hear no more; return what was heard. May be called once, and after `finished` too."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()  # it tells what it has still heard, and ends
        if self._reading is not None:
            try:
                await within(self._reading, _READY_S)
            except TimeoutError:
                self._reading.cancel()
        await self._end()
        for joined in self._joiner.flush():
            self._finish(joined)
        done = [await one for one in self._state.done]
        if done and done[-1].where is not None:
            done[-1] = replace(done[-1], closed=await self._eyes.gone(done[-1].where))
        await self._forget_glance()
        if self._state.used_to is not None:
            await self._state.used_to
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
                key=said.get("key", ""), char=said.get("char", ""), held=frozenset(said.get("held", ())), heard_at=said.get("heard_at", 0.0),
                windows=tuple(said.get("windows", ())),
            )  # fmt: skip
            if event.kind == "key" and {*event.held, event.key} == self._stop_keys:
                self._over.set()
            elif event.kind == "focus":
                self._state.used_to = asyncio.create_task(self._came_up(event))
            elif event.kind == "rest":
                self._rested(event)
            else:
                self._heard(event)
        self._over.set()

    def _heard(self, event: InputEvent) -> None:
        goes_on = event.kind == "key" and (event.char or event.key == "backspace") and self._joiner.typing
        if not goes_on:
            if event.kind != "key" or not event.char:
                self._state.acts.append(event.heard_at)
            self._state.noted[event] = self._noted(event)
        for joined in self._joiner.feed(event):
            self._finish(joined)
        if not self._joiner.typing:
            self._state.glance = self._state.last = None  # what was done may have changed what is seen

    def _rested(self, event: InputEvent) -> None:
        """Look at what lies below the pointer, for the press that may come."""
        if not self._joiner.typing:
            for joined in self._joiner.flush():  # a click that no second one followed
                self._finish(joined)
        glance = self._state.glance
        if glance is not None and not glance.sight.done():
            self._state.next_look = event.point  # one look at a time: eyes may be slow
            return
        self._state.glance = self._look(event.point)
        self._state.glance.sight.add_done_callback(lambda _: self._look_on())

    async def _came_up(self, event: InputEvent) -> None:
        """Look at a window that has come up: the pointer may rest where it did, and is not heard before it presses."""
        self._glance(event.point)
        await self._eyes.get_used_to()
        self._glance(event.point)  # by now it shows all that it shows

    def _glance(self, point: Point) -> None:
        glance = self._state.glance
        if not self._over.is_set() and not self._joiner.typing and (glance is None or glance.sight.done()):
            self._state.last, self._state.glance = glance, self._look(point)

    def _look_on(self) -> None:
        point, self._state.next_look = self._state.next_look, None
        if point is not None and not self._over.is_set():
            self._state.last, self._state.glance = self._state.glance, self._look(point)

    def _noted(self, event: InputEvent) -> tuple[_Glance, ...]:
        """Return what was seen before an event, the surest first; where nobody has looked there yet, what is seen now."""
        before = [one for one in (self._state.glance, self._state.last) if one is not None]
        if not before or (event.kind != "key" and not _near(before[0].point, event.point)):
            before.insert(0, self._look(event.point))
        return tuple(before)

    def _look(self, point: Point) -> _Glance:
        sight = asyncio.create_task(self._in_time(self._eyes.sight(point), len(self._state.acts)))
        return _Glance(point, sight, asyncio.create_task(self._read_then(sight)))

    async def _in_time(self, look: Awaitable[Sight], before: int) -> Sight:
        """Return what is seen; nothing where something was done before it was seen, as nobody knows which came first.

        `before`: how much had been done when the look began.
        """
        sight = await look
        if len(self._state.acts) == before:
            return sight
        act = self._state.acts[before] - _HEARD_LATE_S
        if sight.seen_at >= act:
            return Sight()
        if sight.below is not None and sight.cropped_at >= act:
            return replace(sight, below=replace(sight.below, crop=b""))
        return sight

    async def _read_then(self, sight: asyncio.Task[Sight]) -> Look | None:
        below = (await sight).below
        return None if below is None else await self._eyes.read(below)

    def _finish(self, joined: Joined) -> None:
        before = self._state.done[-1] if self._state.done else None
        self._state.done.append(asyncio.create_task(self._did(joined, self._state.glance, before)))

    async def _did(self, joined: Joined, latest: _Glance | None, before: asyncio.Task[Did] | None) -> Did:
        """Return a gesture with what it was done to, after the one `before`. `latest`: what was seen while it was typed."""
        noted = self._state.noted.pop(joined.first, None) or (self._look(joined.first.point),)
        keys = joined.first.kind == "key"
        window, seen = await (self._with_keys(noted) if keys else self._below(noted, joined.first))
        if seen is None and joined.gesture.verb is Verb.TYPE and before is not None:
            seen = clicked_field(await before)
        verb, to = joined.gesture.verb, None
        if verb is Verb.DRAG and joined.last in self._state.noted:
            _, to = await self._below(self._state.noted[joined.last], joined.last)
        now = None
        if seen is not None and (verb is Verb.TYPE or seen.element.role in CHOICES):
            now = await self._eyes.again(seen)
        moved = False
        if verb is Verb.TYPE and latest is not None and seen is not None:
            focused = (await latest.sight).focused
            moved = focused is not None and same_in(focused.look, seen.element) != focused.element
        gesture = settled(joined.gesture, seen, now, moved=moved)
        did = Did(
            gesture=gesture, window=window, seen=seen, to=to, now=None if gesture.secret else now,
            read=None if keys or seen is None else await noted[0].read, point=joined.first.point,
        )  # fmt: skip
        if before is not None:
            await before
        self._told(did.said)
        return did

    async def _with_keys(self, noted: Sequence[_Glance]) -> tuple[Window | None, Seen | None]:
        sights = [await one.sight for one in noted]
        sight = next((one for one in sights if one.keys_to is not None), sights[0])
        return sight.keys_to, sight.focused

    async def _below(self, noted: Sequence[_Glance], event: InputEvent) -> tuple[Window | None, Seen | None]:
        window = None
        for glance in noted:
            sight = await glance.sight
            seen = _pressed(sight, glance.point, event)
            if seen is not None:
                return sight.window, seen
            if sight.window is not None and _on(sight.window, event):
                window = window or sight.window
        return window, None

    async def _forget_glance(self) -> None:
        if (glance := self._state.glance) is not None:
            await asyncio.gather(glance.sight, glance.read)


def _pressed(sight: Sight, there: Point, event: InputEvent) -> Seen | None:
    """Return what a press was on, of a look around that was made with the pointer at `there`."""
    on_popup = any(_on(one, event) for one in sight.popups if event.windows)
    if sight.window is not None and not _on(sight.window, event) and not on_popup:
        return None
    here = _near(there, event.point) and (sight.window is None or _on(sight.window, event))
    if here or sight.look is None:
        return sight.below if here else None
    element = hit(on_top(sight.look) if on_popup else sight.look, event.point)
    return None if element is None else Seen(element, sight.look)


def _near(one: Point, other: Point) -> bool:
    return abs(one.x - other.x) <= _NEAR_PX and abs(one.y - other.y) <= _NEAR_PX


def _on(window: Window, pressed: InputEvent) -> bool:
    """Whether a window was below a press: one that opened just then was not."""
    kind, _, number = window.id.partition(":")
    return kind != "x11" or not pressed.windows or int(number, 0) in pressed.windows
