"""The process that hears pointer and keys: `python -m opsagent_tools.gui.recording.worker`, with a display's environment.

It writes a JSON line per event to its standard output, and ends when its standard input does. It keeps nothing. What is
heard is told by the server's RECORD extension: events of all devices, whichever window they reach.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import sys
import threading
import time
from importlib import import_module
from typing import Any

from opsagent_tools.gui.hands.keysyms import MODIFIERS, char_of, name_of

_RESTS_S = (0.08, 0.6)
"""After so long without an event the pointer has come to rest; told twice, as programs take their time."""
_FOCUS_S = 0.5
"""So often it is looked whether another window has the keys, while nothing is done."""
_SHIFT, _LOCK, _CONTROL, _ALT, _SUPER, _ALTGR = 1, 2, 4, 8, 64, 128
_HELD = {_SHIFT: "shift", _CONTROL: "ctrl", _ALT: "alt", _SUPER: "super", _ALTGR: "altgr"}
_KEY, _KEY_UP, _BUTTON, _BUTTON_UP, _MOTION = range(2, 7)


class _Ear:
    """Both connections that RECORD wants: one that hears, on a thread, and one that asks."""

    def __init__(self) -> None:
        display = import_module("Xlib.display")
        self.asks: Any = display.Display(os.environ["DISPLAY"])
        self._hears: Any = display.Display(os.environ["DISPLAY"])
        self._root: Any = self.asks.screen().root
        self._fields: Any = import_module("Xlib.protocol.rq").EventField(None)
        self._record: Any = import_module("Xlib.ext.record")
        self._error: Any = import_module("Xlib.error").XError
        self.events: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self._wake, self.woken = os.pipe()[::-1]
        self._rows: Any = None

    def listen(self) -> None:
        nothing = (0, 0)
        wanted = {
            "core_requests": nothing, "core_replies": nothing, "ext_requests": (0, 0, 0, 0), "ext_replies": (0, 0, 0, 0),
            "delivered_events": nothing, "device_events": (_KEY, _MOTION), "errors": nothing,
            "client_started": False, "client_died": False,
        }  # fmt: skip
        context = self._hears.record_create_context(0, [self._record.AllClients], [wanted])
        threading.Thread(target=self._hears.record_enable_context, args=(context, self._heard), daemon=True).start()

    def _heard(self, reply: Any) -> None:
        if reply.category != self._record.FromServer or reply.client_swapped:
            return
        data = reply.data
        while data:
            event, data = self._fields.parse_binary_value(data, self._hears.display, None, None)
            self.events.put(event)
        os.write(self._wake, b".")

    def told(self, event: Any) -> dict[str, Any] | None:
        """Return an event as it is told; None: nobody needs to know."""
        kind = {_BUTTON: "press", _BUTTON_UP: "release", _KEY: "key"}.get(event.type)
        if kind is None:
            return None
        said: dict[str, Any] = {
            "kind": kind,
            "at_ms": int(event.time),
            "heard_at": time.time(),
            "x": int(event.root_x),
            "y": int(event.root_y),
        }
        said["held"] = [name for bit, name in _HELD.items() if int(event.state) & bit]
        if kind != "key":
            windows = self._at(said["x"], said["y"]) if kind == "press" else []
            return {**said, "button": int(event.detail), "windows": windows}
        keysym = self._keysym(int(event.detail), int(event.state))
        if not keysym or keysym in MODIFIERS:
            return None
        return {**said, "key": name_of(keysym), "char": self._char(keysym), "keysym": keysym, "windows": self.focus()}

    def rest(self) -> dict[str, Any]:
        at = self._root.query_pointer()
        return {"kind": "rest", "at_ms": 0, "x": int(at.root_x), "y": int(at.root_y)}

    def turn(self) -> None:
        """Hear of another layout."""
        while self.asks.pending_events():
            self.asks.next_event()
            self._rows = None  # MappingNotify is all that comes unasked

    def _keysym(self, keycode: int, state: int) -> int:
        first = int(self.asks.display.info.min_keycode)
        if self._rows is None:
            count = int(self.asks.display.info.max_keycode) - first + 1
            self._rows = [list(row) for row in self.asks.get_keyboard_mapping(first, count)]
        row = [*self._rows[keycode - first], *[0] * 8]
        group = 2 if state >> 13 & 3 == 1 and any(row[2:4]) else 0
        plain = row[group]
        shifted = bool(state & _SHIFT) != (bool(state & _LOCK) and char_of(plain).isalpha())
        level3 = group + 4 if state & _ALTGR and any(row[group + 4 : group + 6]) else group
        return int(row[level3 + shifted] or row[level3] or plain)

    def _char(self, keysym: int) -> str:
        """Return what a key types; of a dead key, the accent that joins what comes next."""
        return _DEAD.get(keysym, "") or (char_of(keysym) if not 0xFF80 <= keysym < 0xFFAA else "")

    def _at(self, x: int, y: int) -> list[int]:
        found: list[int] = []
        at = self._root
        with contextlib.suppress(self._error):  # a window that closes right then
            while (child := at.translate_coords(self._root, x, y).child) and int(child.id) not in found:
                found.append(int(child.id))
                at = child
        return found

    def focus(self) -> list[int]:
        focus = self.asks.get_input_focus().focus
        return [int(focus.id)] if hasattr(focus, "id") else []


_DEAD = {
    0xFE50: "\u0300", 0xFE51: "\u0301", 0xFE52: "\u0302", 0xFE53: "\u0303", 0xFE54: "\u0304", 0xFE55: "\u0306",
    0xFE56: "\u0307", 0xFE57: "\u0308", 0xFE58: "\u030a", 0xFE59: "\u030b", 0xFE5A: "\u030c", 0xFE5B: "\u0327",
    0xFE5C: "\u0328",
}  # fmt: skip


def _main() -> None:
    said = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)

    def say(what: dict[str, Any]) -> None:
        said.write(json.dumps(what).encode() + b"\n")
        said.flush()

    try:
        ear = _Ear()
        if not ear.asks.has_extension("RECORD"):
            say({"error": "this X server has no RECORD extension: what is done on it cannot be heard"})
            return
        ear.listen()
    except Exception as error:  # noqa: BLE001  # whatever the library raises, the one who waits is told
        where = os.environ.get("DISPLAY", "this display")
        mend = "is it there, and is XAUTHORITY its cookie?"
        say({"error": f"nothing can be heard on {where} ({type(error).__name__}): {mend}"})
        return
    say({**ear.rest(), "kind": "ready"})
    last, rests, focus = time.monotonic(), list(_RESTS_S), ear.focus()
    while True:
        wait = max(0.0, last + rests[0] - time.monotonic()) if rests else _FOCUS_S
        ready, _, _ = select.select([sys.stdin, ear.woken, ear.asks], [], [], wait)
        if sys.stdin in ready:
            return
        ear.turn()
        if ear.woken in ready:
            os.read(ear.woken, 4096)
            last, rests = time.monotonic(), list(_RESTS_S)
            while not ear.events.empty():
                told = ear.told(ear.events.get())
                if told is not None:
                    say(told)
        elif rests and time.monotonic() >= last + rests[0]:
            rests.pop(0)
            say(ear.rest())
        elif not rests and focus != (now := ear.focus()):
            focus = now
            say({**ear.rest(), "kind": "focus"})


if __name__ == "__main__":
    _main()
