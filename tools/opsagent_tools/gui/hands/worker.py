"""The process that presses keys and buttons: `python -m opsagent_tools.gui.hands.worker`, with a display's environment.

It talks JSON lines with whoever started it (`opsagent_tools.gui.hands.process`), over standard input and output. Between
two questions it serves what the clipboard holds. When its standard input ends, it lets go of every key and ends.
"""

from __future__ import annotations

import json
import os
import resource
import select
import sys
from collections.abc import Callable, Sequence
from typing import IO, Any

from opsagent_tools.gui.hands.clipboard import CLIPBOARD, PRIMARY, Clipboard, content_of
from opsagent_tools.gui.hands.errors import Unfinished
from opsagent_tools.gui.hands.layout import Stroke
from opsagent_tools.gui.hands.server import Server, x_errors
from opsagent_tools.gui.port import Refused, ScreenError

_FETCHED_WITHIN_S = 3.0
_KEPT_S = 3600.0
_Asked = dict[str, Any]


class _Doing:
    """What can be asked for."""

    def __init__(self, *, private: bool, after_a_fall: bool) -> None:
        self._private = private
        self.server = Server()
        self.clipboard = Clipboard(self.server.display)
        self._mask = int(self.server.display.display.info.resource_id_mask)
        if private and after_a_fall:  # who was here before may have left keys down
            self.server.free_all_keys()
        self.known: dict[str, Callable[[_Asked], _Asked | None]] = {
            "position": self._position, "move": self._move, "click": self._click, "drag": self._drag,
            "scroll": self._scroll, "hotkey": self._hotkey, "type": self._type, "paste": self._paste,
            "secret": self._secret, "clipboard": self._clipboard, "clear_clipboard": self._clear_clipboard,
        }  # fmt: skip

    def close(self) -> None:
        """Let go of everything; on a desktop that people share, their own clipboard is kept for them."""
        self.server.let_go()
        if not self._private and self.clipboard.holds:
            self.clipboard.serve_alone(_KEPT_S)
        self.clipboard.clear([CLIPBOARD, PRIMARY])
        self.server.display.close()

    def _position(self, _: _Asked) -> _Asked:
        x, y = self.server.position()
        return {"x": x, "y": y}

    def _move(self, asked: _Asked) -> None:
        self.server.move(asked["x"], asked["y"])

    def _click(self, asked: _Asked) -> None:
        self.server.wait_for_free_keys(private=self._private)
        x, y = asked["x"], asked["y"]
        self.server.click(
            x, y, button=asked["button"], times=asked["times"], meant=lambda: self._below_is_meant(asked, x, y)
        )

    def _drag(self, asked: _Asked) -> None:
        self.server.wait_for_free_keys(private=self._private)
        start, end = (asked["x"], asked["y"]), (asked["to_x"], asked["to_y"])

        def meant(x: int, y: int) -> None:
            at_end = (x, y) == end
            self._below_is_meant({**asked, "on": asked["to"], "popups": True} if at_end else asked, x, y)

        self.server.drag(start, end, meant=meant)

    def _scroll(self, asked: _Asked) -> None:
        self.server.wait_for_free_keys(private=self._private)
        x, y = asked["x"], asked["y"]
        self.server.scroll(x, y, asked["notches"], meant=lambda: self._below_is_meant(asked, x, y))

    def _hotkey(self, asked: _Asked) -> None:
        self.server.wait_for_free_keys(private=self._private)
        self._strike(asked["keys"], lambda: self._focus_is_meant(asked))

    def _type(self, asked: _Asked) -> _Asked:
        return {"how": self._entered(asked, secret=False)}

    def _paste(self, asked: _Asked) -> None:
        self.server.wait_for_free_keys(private=self._private)
        self._pasted(asked, secret=False)

    def _secret(self, asked: _Asked) -> _Asked:
        return {"how": self._entered(asked, secret=True)}

    def _clipboard(self, _: _Asked) -> _Asked:
        content = self.clipboard.read(CLIPBOARD)
        found = next(
            (content[target] for target in ("UTF8_STRING", "text/plain;charset=utf-8") if target in content), None
        )
        if found is None and "STRING" in content:
            return {"text": content["STRING"][2].decode("latin-1")}
        return {"text": None if found is None else found[2].decode("utf-8", "replace")}

    def _clear_clipboard(self, _: _Asked) -> None:
        self.clipboard.clear([CLIPBOARD, PRIMARY], anybodys=True)

    def _entered(self, asked: _Asked, *, secret: bool) -> str:
        text = str(asked["text"])
        if any(not char.isprintable() and char not in "\n\t" for char in text if not _joins(char)):
            raise Refused("a text with control characters is not typed: they would be commands")
        self.server.wait_for_free_keys(private=self._private)
        strokes = self.server.layout().strokes(text)
        if strokes is None:
            self._pasted(asked, secret=secret)
            return "pasted"
        for number, stroke in enumerate(strokes):
            if select.select([sys.stdin], [], [], 0)[0]:  # nobody asks twice: whoever asked is gone
                raise Unfinished(f"stopped after {number} of {len(strokes)} characters: nobody waits for them")
            try:
                self.server.strike([stroke], meant=lambda: self._focus_is_meant(asked))
            except Refused as refused:
                if not number:
                    raise
                raise Unfinished(f"stopped after {number} of {len(strokes)} characters: {refused}") from None
        return "typed"

    def _pasted(self, asked: _Asked, *, secret: bool) -> None:
        selections = [CLIPBOARD, PRIMARY] if asked["paste"] == ["shift", "insert"] else [CLIPBOARD]
        content = content_of(str(asked["text"]))
        self._focus_is_meant(asked)
        before = {selection: self.clipboard.read(selection) for selection in selections}
        self.clipboard.offer(selections, content, for_window=asked["on"] if secret else None)
        try:
            self._strike(asked["paste"], lambda: self._focus_is_meant(asked))
            if not (fetched := self.clipboard.wait_until_fetched(selections, _FETCHED_WITHIN_S)):
                before = {selection: {} for selection in selections}  # pasting late, it must not find a person's text
        finally:
            self.clipboard.put_back(before)
        if not fetched:
            raise Unfinished("the window did not take what was offered for pasting; the clipboard is empty now")

    def _strike(self, names: Sequence[str], meant: Callable[[], None]) -> None:
        layout = self.server.layout()
        strokes: list[Stroke] = []
        for name in names:
            stroke = layout.key(name)
            if stroke is None:
                raise Refused(f"there is no key “{name}” on this keyboard")
            strokes.append(stroke)
        self.server.strike(strokes, meant=meant)

    def _below_is_meant(self, asked: _Asked, x: int, y: int) -> None:
        self._is_meant(asked, self.server.chain_at(x, y), f"at ({x}, {y}) there is")

    def _focus_is_meant(self, asked: _Asked) -> None:
        self._is_meant(asked, self.server.chain_of_focus(), "the keyboard's focus has")

    def _is_meant(self, asked: _Asked, chain: list[int], said: str) -> None:
        on = asked["on"]
        if on is None or on in chain:
            return
        window = self.server.display.create_resource_object("window", on)
        window.get_attributes()  # raises BadWindow where it is gone
        if asked["popups"] and chain and chain[-1] & ~self._mask == on & ~self._mask:
            top = self.server.display.create_resource_object("window", chain[0])
            if top.get_attributes().override_redirect:
                return
        raise Refused(f"{said} another window than the one that is meant")


def _joins(char: str) -> bool:
    """Return whether it is a joiner or a variation of emoji: not printable by itself, and no command."""
    return char in "\u200c\u200d" or "\ufe00" <= char <= "\ufe0f"


def _answer(doing: _Doing, asked: _Asked) -> _Asked:
    try:
        with x_errors():
            return doing.known[asked["do"]](asked) or {}
    except ScreenError as error:
        return {"error": type(error).__name__, "why": str(error)}
    except Exception as error:  # noqa: BLE001  # whatever it is, nobody waits for ever; its text might hold a secret
        doing.server.let_go()
        return {"error": "Unfinished", "why": f"hands failed ({type(error).__name__}): look at what came of it"}


def _main() -> None:
    said: IO[bytes] = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no part of the talk
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # secrets pass through here
    heard = sys.stdin.buffer

    def say(answer: _Asked) -> None:
        said.write(json.dumps(answer).encode() + b"\n")
        said.flush()

    first = json.loads(heard.readline())
    try:
        doing = _Doing(private=bool(first["private"]), after_a_fall=bool(first["after_a_fall"]))
    except ScreenError as error:
        say({"error": type(error).__name__, "why": str(error)})
        return
    say({})
    while line := _next_line(doing, heard):
        say(_answer(doing, json.loads(line)))
    with x_errors():
        doing.close()


def _next_line(doing: _Doing, heard: IO[bytes]) -> bytes:
    """Wait for a question; meanwhile serve the clipboard."""
    while True:
        doing.clipboard.turn()
        ready, _, _ = select.select([heard, doing.server.display], [], [])
        if heard in ready:
            return heard.readline()


if __name__ == "__main__":
    _main()
