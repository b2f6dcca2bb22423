"""Bytes that a person's terminal sends → keys, by our names. Pure, but for the machine's terminfo."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from opsagent_tools.gui.terminal.terminfo import keys_of

_TOKEN = re.compile(
    rb"(?P<answer>\x1b\[[?>=]?[\d;]*[cRn]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1bP[^\x1b]*\x1b\\)"
    rb"|\x1b\[<(?P<mouse>\d+;\d+;\d+[Mm])"
    rb"|\x1b\[200~(?P<pasted>.*?)\x1b\[201~"
    rb"|(?P<special>\x1b(?:\[\[[A-E]|[\[O][\d;]*[A-Za-z~]))"
    rb"|\x1b(?P<alt>[^\x1b])"
    rb"|(?P<text>[^\x00-\x1f\x7f]+)"
    rb"|(?P<control>[\x00-\x1f\x7f])",
    re.DOTALL,
)
_CONTROLS = {9: ("tab",), 10: ("return",), 13: ("return",), 27: ("escape",), 8: ("backspace",), 127: ("backspace",)}
_FINALS = {b"A": "up", b"B": "down", b"C": "right", b"D": "left", b"H": "home", b"F": "end", b"Z": "shift_tab",
           b"P": "f1", b"Q": "f2", b"R": "f3", b"S": "f4"}  # fmt: skip
_TILDES = {1: "home", 2: "insert", 3: "delete", 4: "end", 5: "page_up", 6: "page_down", 7: "home", 8: "end", 11: "f1",
           12: "f2", 13: "f3", 14: "f4", 15: "f5", 17: "f6", 18: "f7", 19: "f8", 20: "f9", 21: "f10", 23: "f11", 24: "f12"}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Pressed:
    """A key, or a stretch of text, as it came from a person's terminal."""

    data: bytes
    keys: tuple[str, ...] = ()
    """As `Gesture.keys`; empty: it is text, or a click."""
    text: str = ""
    click: tuple[int, int] | None = None
    """Column and row of a click with the left button."""


def pressed(data: bytes, term: str) -> Iterator[Pressed]:
    """Yield the keys in what a person's terminal sent. Its answers to a program's questions are left out."""
    named = {sent: name for name, sent in keys_of(term).items()}
    at = 0
    while found := _TOKEN.match(data, at):
        at = found.end()
        if found["answer"]:
            continue
        if mouse := found["mouse"]:
            button, column, row = mouse[:-1].split(b";")
            left = button == b"0" and mouse.endswith(b"M")
            yield Pressed(found.group(), click=(int(column) - 1, int(row) - 1) if left else None)
        elif found["pasted"] is not None or found["text"]:
            text = (found["pasted"] if found["pasted"] is not None else found["text"]).decode("utf-8", "replace")
            yield Pressed(found.group(), text=text)
        elif special := found["special"]:
            yield Pressed(special, keys=(named.get(special) or _special(special),))
        elif alt := found["alt"]:
            yield Pressed(found.group(), keys=("alt", *_control(alt)))
        elif control := found["control"]:
            yield Pressed(control, keys=_control(control))


def _control(sign: bytes) -> tuple[str, ...]:
    code = sign[0]
    if code in _CONTROLS:
        return _CONTROLS[code]
    if code == 0:
        return ("ctrl", "space")
    return ("ctrl", chr(code + 96)) if code < 27 else ("ctrl", chr(code + 64)) if code < 32 else (chr(code),)


def _special(sent: bytes) -> str:
    if sent.startswith(b"\x1b[["):
        return f"f{sent[-1] - 64}"
    if sent.endswith(b"~"):
        number = re.match(rb"\x1b\[(\d+)", sent)
        return _TILDES.get(int(number[1]) if number else 0, "unknown")
    return _FINALS.get(sent[-1:], "unknown")
