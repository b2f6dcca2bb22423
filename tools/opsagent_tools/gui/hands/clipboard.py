"""Clipboard and selection of a display: read, offered, served, and put back as they were.

Protocol: Inter-Client Communication Conventions Manual (ICCCM), section 2. What is too long for one property (INCR) is
neither read nor offered.
"""

from __future__ import annotations

import os
import select
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from opsagent_tools.gui.port import ScreenError

CLIPBOARD, PRIMARY = "CLIPBOARD", "PRIMARY"
MOST_BYTES = 200_000
_KEPT_TARGETS = 12
_ANSWER_S = 0.3
_QUIET_S = 0.05
_LOOK_S = 0.01
_TEXTS = ("UTF8_STRING", "text/plain;charset=utf-8")
_LATIN_TEXTS = ("STRING", "COMPOUND_TEXT", "text/plain")
_NOT_CONTENT = frozenset(
    {"TARGETS", "MULTIPLE", "TIMESTAMP", "SAVE_TARGETS", "DELETE", "INSERT_SELECTION", "INSERT_PROPERTY"}
)

Content = dict[str, tuple[str, int, bytes]]
"""Target → type, bits per item (8), bytes."""


@dataclass(slots=True)
class _Offer:
    content: Content
    since: int
    client: int | None = None
    """The only client that gets it (the part of its ids that is its own); None: whoever asks."""
    served_at: float = 0.0


def content_of(text: str) -> Content:
    """Return a text in the forms that programs ask for; those of Latin-1 only where it arrives whole. Raises ScreenError."""
    raw = text.encode()
    if len(raw) > MOST_BYTES:
        raise ScreenError(f"a text of {len(raw)} bytes is too long for the clipboard (at most {MOST_BYTES})")
    content: Content = {target: ("UTF8_STRING" if target == "UTF8_STRING" else target, 8, raw) for target in _TEXTS}
    try:
        latin = text.encode("latin-1")
    except UnicodeEncodeError:
        return content
    return {**content, **{target: (target, 8, latin) for target in _LATIN_TEXTS}}


class Clipboard:
    """Both selections of one display, on one connection. `turn` must be called whenever there are events."""

    def __init__(self, display: Any) -> None:
        self._x: Any = import_module("Xlib.X")
        self._display = display
        self._mask = int(display.display.info.resource_id_mask)
        self._protocol: Any = import_module("Xlib.protocol")
        self._window: Any = display.screen().root.create_window(
            0, 0, 1, 1, 0, 0, self._x.InputOnly, self._x.CopyFromParent, event_mask=self._x.PropertyChangeMask
        )
        self._integer, self._atom_type = display.intern_atom("INTEGER"), display.intern_atom("ATOM")
        self._offers: dict[str, _Offer] = {}
        self._notified: dict[int, Any] = {}
        self._stamp = 0
        display.set_error_handler(lambda *_: None)  # whoever asked may be gone when the answer comes

    def read(self, selection: str) -> Content:
        """Return what a selection holds in all its forms; empty: nothing, or whoever holds it does not answer."""
        if selection in self._offers:
            return {} if self._offers[selection].client is not None else self._offers[selection].content
        if not self._display.get_selection_owner(self._atom(selection)):
            return {}
        until = time.monotonic() + 2 * _ANSWER_S
        content: Content = {}
        for target in self._targets(selection)[:_KEPT_TARGETS]:
            found = self._converted(selection, target)
            if found is not None and sum(len(one[2]) for one in content.values()) + len(found[2]) < 4 * MOST_BYTES:
                content[target] = found
            if time.monotonic() > until:
                break
        return content

    def offer(self, selections: Sequence[str], content: Content, *, for_window: int | None = None) -> None:
        """Hold the selections with this content. `for_window`: only that window's program gets it."""
        client = None if for_window is None else for_window & ~self._mask
        for selection in selections:
            since = self._now()
            self._window.set_selection_owner(self._atom(selection), since)
            owner = self._display.get_selection_owner(self._atom(selection))
            if not owner or int(owner.id) != int(self._window.id):
                raise ScreenError("another program holds the clipboard")
            self._offers[selection] = _Offer(content, since, client)

    def wait_until_fetched(self, selections: Sequence[str], timeout_s: float) -> bool:
        """Return whether somebody fetched one of them, and then asked no more for a moment."""

        def done() -> bool:
            last = max((self._offers[one].served_at for one in selections if one in self._offers), default=0.0)
            return bool(last) and time.monotonic() - last > _QUIET_S

        return self._wait(done, timeout_s)

    def put_back(self, before: dict[str, Content]) -> None:
        """Offer what the selections held before; those that held nothing are left without an owner."""
        for selection, content in before.items():
            if selection not in self._offers:
                continue  # somebody else has taken it meanwhile: it is theirs
            if content:
                self.offer([selection], content)
            else:
                self.clear([selection])

    def clear(self, selections: Sequence[str], *, anybodys: bool = False) -> None:
        """Leave the selections without an owner, where they are ours (or `anybodys`)."""
        self.turn()
        for selection in selections:
            if self._offers.pop(selection, None) is not None or anybodys:
                self._give_up(selection)
        self._display.sync()

    @property
    def holds(self) -> bool:
        """Whether it offers anything."""
        return bool(self._offers)

    def serve_alone(self, seconds: float) -> None:
        """Go on offering what is there in a child, so that whoever waits for this process need not; it ends with it.

        The child ends once another program has taken the selections, or after `seconds`.
        """
        if os.fork():
            os._exit(0)  # the connection is the child's now: nothing may be said on it any more
        os.setsid()
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        connection = self._display.fileno()
        os.closerange(3, connection)
        os.closerange(connection + 1, connection + 64)  # the pipes to whoever started us
        self._wait(lambda: not self.holds, seconds, look_s=seconds)

    def turn(self) -> None:
        """Serve whoever has asked."""
        while self._display.pending_events():
            self._heard(self._display.next_event())

    def _heard(self, event: Any) -> None:
        if event.type == self._x.SelectionRequest:
            self._serve(event)
        elif event.type == self._x.SelectionClear:
            self._offers.pop(self._name(event.atom), None)
        elif event.type == self._x.SelectionNotify:
            self._notified[int(event.target)] = event
        elif event.type == self._x.PropertyNotify:
            self._stamp = int(event.time)

    def _serve(self, event: Any) -> None:
        into = event.property or event.target
        offer = self._offers.get(self._name(event.selection))
        if offer is None or (offer.client is not None and int(event.requestor.id) & ~self._mask != offer.client):
            into = self._x.NONE
        elif (target := self._name(event.target)) == "TARGETS":
            told = [self._atom(name) for name in ("TARGETS", "TIMESTAMP", *offer.content)]
            event.requestor.change_property(into, self._atom_type, 32, told)
        elif target == "TIMESTAMP":
            event.requestor.change_property(into, self._integer, 32, [offer.since])
        elif target in offer.content:
            kind, bits, raw = offer.content[target]
            event.requestor.change_property(into, self._atom(kind), bits, raw)
            offer.served_at = time.monotonic()
        else:
            into = self._x.NONE
        answer = self._protocol.event.SelectionNotify(
            time=event.time, requestor=event.requestor, selection=event.selection, target=event.target, property=into
        )
        event.requestor.send_event(answer)
        self._display.flush()

    def _targets(self, selection: str) -> list[str]:
        found = self._property_after(selection, "TARGETS")
        if found is None:
            return []
        names = [self._name(int(atom)) for atom in found.value]
        texts_first = sorted((name for name in names if name not in _NOT_CONTENT), key=lambda name: name not in _TEXTS)
        return list(dict.fromkeys(texts_first))

    def _converted(self, selection: str, target: str) -> tuple[str, int, bytes] | None:
        found = self._property_after(selection, target)
        if found is None or found.format != 8:
            return None
        value = found.value
        return self._name(found.property_type), 8, value if isinstance(value, bytes) else bytes(value)

    def _property_after(self, selection: str, target: str) -> Any:
        """Have a selection converted; return the property that came of it, or None."""
        atom, into = self._atom(target), self._atom("OPSAGENT_SELECTION")
        self._notified.pop(atom, None)
        self._window.convert_selection(self._atom(selection), atom, into, self._x.CurrentTime)
        if not self._wait(lambda: atom in self._notified, _ANSWER_S) or not self._notified.pop(atom).property:
            return None
        found = self._window.get_full_property(into, self._x.AnyPropertyType, sizehint=MOST_BYTES)
        self._window.delete_property(into)
        return None if found is None or self._name(found.property_type) == "INCR" else found

    def _give_up(self, selection: str) -> None:
        self._protocol.request.SetSelectionOwner(
            display=self._display.display, onerror=lambda *_: None,
            window=self._x.NONE, selection=self._atom(selection), time=self._x.CurrentTime,
        )  # fmt: skip

    def _now(self) -> int:
        """Return the server's time, as a change of a property tells it."""
        self._stamp = 0
        self._window.change_property(self._atom("OPSAGENT_TIME"), self._integer, 32, [0])
        if not self._wait(lambda: bool(self._stamp), _ANSWER_S):
            raise ScreenError("the X server does not tell the time")
        return self._stamp

    def _wait(self, done: Callable[[], bool], timeout_s: float, *, look_s: float = _LOOK_S) -> bool:
        until = time.monotonic() + timeout_s
        while True:
            self.turn()
            if done():
                return True
            left = until - time.monotonic()
            if left <= 0:
                return False
            self._display.flush()
            select.select([self._display.fileno()], [], [], min(left, look_s))

    def _atom(self, name: str) -> int:
        return int(self._display.intern_atom(name))

    def _name(self, atom: int) -> str:
        return str(self._display.get_atom_name(atom)) if atom else ""
