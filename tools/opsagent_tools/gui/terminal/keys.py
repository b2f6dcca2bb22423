"""Names of keys → the bytes that a terminal sends for them. Pure, but for the machine's terminfo."""

from __future__ import annotations

from collections.abc import Sequence

from opsagent_tools.gui.port import ScreenError
from opsagent_tools.gui.terminal.terminfo import keys_of

_SAME = {
    "return": "enter", "kp_enter": "enter", "esc": "escape", "space": " ", "prior": "page_up", "next": "page_down",
    "pageup": "page_up", "pagedown": "page_down", "pgup": "page_up", "pgdn": "page_down", "del": "delete",
    "ins": "insert", "iso_left_tab": "shift_tab", "backtab": "shift_tab", "control": "ctrl", "control_l": "ctrl",
    "control_r": "ctrl", "alt_l": "alt", "alt_r": "alt", "meta": "alt", "shift_l": "shift", "shift_r": "shift",
    "minus": "-", "plus": "+", "slash": "/", "period": ".", "comma": ",", "colon": ":", "question": "?", "asterisk": "*",
}  # fmt: skip
_FIXED = {"enter": b"\r", "tab": b"\t", "escape": b"\x1b", "backspace": b"\x7f", "shift_tab": b"\x1b[Z"}
_CONTROLS = {" ": 0, "@": 0, "[": 27, "\\": 28, "]": 29, "^": 30, "_": 31, "/": 31, "?": 127}
_USUAL = {
    "up": b"\x1b[A", "down": b"\x1b[B", "right": b"\x1b[C", "left": b"\x1b[D", "home": b"\x1b[H", "end": b"\x1b[F",
    "insert": b"\x1b[2~", "delete": b"\x1b[3~", "page_up": b"\x1b[5~", "page_down": b"\x1b[6~",
    "f1": b"\x1bOP", "f2": b"\x1bOQ", "f3": b"\x1bOR", "f4": b"\x1bOS", "f5": b"\x1b[15~", "f6": b"\x1b[17~",
    "f7": b"\x1b[18~", "f8": b"\x1b[19~", "f9": b"\x1b[20~", "f10": b"\x1b[21~", "f11": b"\x1b[23~", "f12": b"\x1b[24~",
}  # fmt: skip
_ARROWS = {"up": b"A", "down": b"B", "right": b"C", "left": b"D"}
_WITH = {"shift": 1, "alt": 2, "ctrl": 4}
"""What xterm adds for each modifier to the parameter of a special key."""


def bytes_of(keys: Sequence[str], term: str, *, application_cursor: bool = False) -> bytes:
    """Return what pressing `keys` together sends on terminal `term`.

    Args:
        keys: as in `Gesture.keys`: modifiers (ctrl, alt, shift) and one key.
        term: value of TERM.
        application_cursor: the program asked for arrows in application mode (DECCKM).

    Raises:
        ScreenError: a terminal cannot send these.
    """
    names = [_name(one) for one in keys]
    modifiers = {one for one in names if one in _WITH}
    rest = [one for one in names if one not in _WITH]
    if len(rest) != 1:
        raise ScreenError(f"a terminal sends one key with ctrl, alt or shift, not {'+'.join(keys) or 'nothing'}")
    key = rest[0]
    if key == "tab" and modifiers == {"shift"}:
        key, modifiers = "shift_tab", set()
    if len(key) == 1:
        return _sign(key, modifiers)
    plain = _special(key, term, application_cursor=application_cursor)
    if plain is None:
        raise ScreenError(f"a terminal of type {term} has no key {key}")
    if modifiers == {"alt"} and key in {"enter", "tab", "backspace", "escape"}:
        return b"\x1b" + plain
    return _modified(key, plain, modifiers) if modifiers else plain


def _name(key: str) -> str:
    low = key.lower() if len(key) > 1 else key
    return _SAME.get(low, low)


def _sign(key: str, modifiers: set[str]) -> bytes:
    char = key.upper() if "shift" in modifiers and key.isalpha() else key
    data = char.encode()
    if "ctrl" in modifiers:
        low = key.lower()
        if "a" <= low <= "z":
            data = bytes([ord(low) - 96])
        elif low in _CONTROLS:
            data = bytes([_CONTROLS[low]])
        else:
            raise ScreenError(f"a terminal has no ctrl+{key}")
    return b"\x1b" + data if "alt" in modifiers else data


def _special(key: str, term: str, *, application_cursor: bool) -> bytes | None:
    """Return what a named key sends; None: the terminal has no such key.

    A key that the terminal's description does not name is never sent: a program would read its first byte as Escape.
    """
    if key in _ARROWS:
        return (b"\x1bO" if application_cursor else b"\x1b[") + _ARROWS[key]
    described = keys_of(term)
    if key in {"enter", "tab", "escape"}:
        return _FIXED[key]
    if not described:
        return _FIXED.get(key) or _USUAL.get(key)
    told = described.get(key)
    if told is not None and key in {"home", "end"} and told.startswith(b"\x1bO") and not application_cursor:
        return _USUAL[key]
    return told or (_FIXED[key] if key == "backspace" else None)


def has_key(key: str, term: str) -> bool:
    """The terminal can send that key."""
    return _special(_name(key), term, application_cursor=True) is not None


def _modified(key: str, plain: bytes, modifiers: set[str]) -> bytes:
    number = 1 + sum(_WITH[one] for one in modifiers)
    if key in _ARROWS or key in {"home", "end"}:
        return b"\x1b[1;%d" % number + (_ARROWS.get(key) or {"home": b"H", "end": b"F"}[key])
    if plain.startswith(b"\x1b[") and plain.endswith(b"~"):
        return plain[:-1] + b";%d~" % number
    if plain.startswith(b"\x1bO") and len(plain) == 3:
        return b"\x1b[1;%d" % number + plain[2:]
    raise ScreenError(f"a terminal has no {'+'.join(sorted(modifiers))}+{key}")
