"""From single events of pointer and keys to gestures: clicks, double clicks, drags, scrolling, hotkeys, typed text. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from opsagent_tools.gui.model import Gesture, Point, Verb

_DOUBLE_MS = 400
_STILL_PX = 6
_SCROLL_MS = 1500
_TYPING_MS = 10_000
_WHEEL = {4: -1, 5: 1}
_SIDEWAYS = frozenset({6, 7})
_NOT_TEXT = frozenset({"ctrl", "alt", "super"})
_LOCKS = frozenset({"caps_lock", "num_lock"})


@dataclass(frozen=True, slots=True, kw_only=True)
class InputEvent:
    """One event of a pointer or keyboard, as the server tells it."""

    kind: str
    """press, release, key, rest (nothing has been done for a moment) or focus (another window has the keys)."""
    at_ms: int
    """The server's clock."""
    heard_at: float = 0.0
    """Ours: seconds since the epoch."""
    point: Point
    button: int = 0
    key: str = ""
    """Name of the key, as a gesture names it."""
    char: str = ""
    """What it types; empty: nothing."""
    held: frozenset[str] = frozenset()
    """Of: shift, ctrl, alt, super, altgr."""
    windows: tuple[int, ...] = ()
    """Windows below the pointer (buttons), or with the focus (keys): the one below the root first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Joined:
    """A gesture, and the events that it began and ended with."""

    gesture: Gesture
    first: InputEvent
    last: InputEvent


class Joiner:
    """Takes events in their order, and gives gestures once it is clear what they are."""

    def __init__(self) -> None:
        self._pressed: InputEvent | None = None
        self._open: Joined | None = None
        self.ignored: list[str] = []
        """What was done that a procedure has no word for."""

    def feed(self, event: InputEvent) -> Iterator[Joined]:
        """Take the next event; yield what has come to its end with it."""
        if event.kind == "press":
            yield from self._press(event)
        elif event.kind == "release":
            yield from self._release(event)
        elif event.kind == "key" and event.key not in _LOCKS:
            yield from self._key(event)

    def flush(self) -> Iterator[Joined]:
        """Yield what was still open."""
        done, self._open = self._open, None
        if done is not None and done.gesture != Gesture(verb=Verb.TYPE):
            yield done

    @property
    def typing(self) -> bool:
        """Whether a text is being typed."""
        return self._open is not None and self._open.gesture.verb is Verb.TYPE

    def _press(self, event: InputEvent) -> Iterator[Joined]:
        if event.button in _WHEEL:
            yield from self._scrolled(event, _WHEEL[event.button])
        elif event.button in _SIDEWAYS:
            self.ignored.append("scrolling sideways")
        elif event.button in {1, 3}:
            if not self._is_second(event):
                yield from self.flush()
            self._pressed = event
        else:
            yield from self.flush()
            self.ignored.append(f"button {event.button} of the pointer")

    def _release(self, event: InputEvent) -> Iterator[Joined]:
        pressed = self._pressed
        if pressed is None or pressed.button != event.button:
            return
        self._pressed = None
        if not _near(pressed.point, event.point) and pressed.button == 1:
            yield from self.flush()
            yield Joined(gesture=Gesture(verb=Verb.DRAG), first=pressed, last=event)
        elif pressed.button == 3:
            yield Joined(gesture=Gesture(verb=Verb.RIGHT), first=pressed, last=event)
        elif self._open is not None and self._is_second(pressed):
            first, self._open = self._open, None
            yield Joined(gesture=Gesture(verb=Verb.DOUBLE), first=first.first, last=event)
        elif pressed.held & _NOT_TEXT or "shift" in pressed.held:
            held = ", ".join(sorted(pressed.held))
            self.ignored.append(f"{held} held down while clicking")
            yield Joined(gesture=Gesture(verb=Verb.CLICK), first=pressed, last=event)
        else:
            self._open = Joined(gesture=Gesture(verb=Verb.CLICK), first=pressed, last=event)

    def _is_second(self, pressed: InputEvent) -> bool:
        """Whether a press is the second one of a double click."""
        one = self._open
        return (
            one is not None
            and one.gesture.verb is Verb.CLICK
            and pressed.button == 1
            and pressed.at_ms - one.first.at_ms <= _DOUBLE_MS
            and _near(one.first.point, pressed.point)
        )

    def _scrolled(self, event: InputEvent, notches: int) -> Iterator[Joined]:
        one = self._open
        if (
            one is not None
            and one.gesture.verb is Verb.SCROLL
            and one.gesture.amount * notches > 0
            and event.at_ms - one.last.at_ms <= _SCROLL_MS
            and _near(one.first.point, event.point)
        ):
            more = replace(one.gesture, amount=one.gesture.amount + notches)
            self._open = replace(one, gesture=more, last=event)
            return
        yield from self.flush()
        self._open = Joined(gesture=Gesture(verb=Verb.SCROLL, amount=notches), first=event, last=event)

    def _key(self, event: InputEvent) -> Iterator[Joined]:
        one = self._open
        same_text = self.typing and one is not None and event.at_ms - one.last.at_ms <= _TYPING_MS
        if event.char and not event.held & _NOT_TEXT:
            if same_text and one is not None and one.last.windows == event.windows:
                text = replace(one.gesture, text=one.gesture.text + event.char)
                self._open = replace(one, gesture=text, last=event)
                return
            yield from self.flush()
            self._open = Joined(gesture=Gesture(verb=Verb.TYPE, text=event.char), first=event, last=event)
        elif event.key == "backspace" and not event.held and same_text and one is not None and one.gesture.text:
            self._open = replace(one, gesture=replace(one.gesture, text=one.gesture.text[:-1]), last=event)
        elif event.key:
            yield from self.flush()
            held = tuple(one for one in ("ctrl", "alt", "shift", "super") if one in event.held)
            yield Joined(gesture=Gesture(verb=Verb.HOTKEY, keys=(*held, event.key)), first=event, last=event)


def _near(one: Point, other: Point) -> bool:
    return abs(one.x - other.x) <= _STILL_PX and abs(one.y - other.y) <= _STILL_PX
