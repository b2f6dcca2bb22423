"""Names of keys: the providers' and ours (X11's keysym names in lower case; ctrl, alt, shift, super)."""

from __future__ import annotations

import re

_OURS = {
    "control": "ctrl", "ctl": "ctrl", "control_l": "ctrl", "control_r": "ctrl", "ctrl_l": "ctrl", "ctrl_r": "ctrl",
    "option": "alt", "alt_l": "alt", "alt_r": "alt", "altleft": "alt", "altright": "alt", "ctrlleft": "ctrl",
    "ctrlright": "ctrl", "shift_l": "shift", "shift_r": "shift", "shiftleft": "shift", "shiftright": "shift",
    "meta": "super", "cmd": "super", "command": "super", "win": "super", "windows": "super", "super_l": "super",
    "super_r": "super", "winleft": "super", "winright": "super",
    "enter": "return", "kp_enter": "return", "esc": "escape", "del": "delete", "ins": "insert", "bksp": "backspace",
    "back_space": "backspace", "spacebar": "space", " ": "space",
    "pageup": "page_up", "pgup": "page_up", "prior": "page_up", "pagedown": "page_down", "pgdn": "page_down",
    "pgdown": "page_down", "next": "page_down",
    "arrowup": "up", "arrowdown": "down", "arrowleft": "left", "arrowright": "right", "up_arrow": "up",
    "down_arrow": "down", "left_arrow": "left", "right_arrow": "right",
    "caps": "caps_lock", "capslock": "caps_lock", "printscreen": "print", "prtsc": "print",
    "-": "minus", "+": "plus", "=": "equal", "/": "slash", "\\": "backslash", ".": "period", ",": "comma",
    ";": "semicolon", "'": "apostrophe", "[": "bracketleft", "]": "bracketright", "`": "grave",
}  # fmt: skip
_MODIFIERS = ("ctrl", "alt", "shift", "super")
_NAME = re.compile(r"[a-z0-9_]{1,24}|[^\W_]")


def ours(raw: str) -> str:
    """Return our name of a key. Raises ValueError for what is no key's name."""
    name = raw.strip().lower() or raw[:1]
    found = _OURS.get(name, name)
    if not _NAME.fullmatch(found):
        raise ValueError(f"{raw[:24]!r} is no key")
    return found


def pressed_together(names: list[str]) -> tuple[str, ...]:
    """Return keys in the order in which they are pressed: modifiers first, each once. Raises ValueError."""
    keys = list(dict.fromkeys(ours(name) for name in names if name))
    if not keys:
        raise ValueError("no key is named")
    return (*[one for one in _MODIFIERS if one in keys], *[one for one in keys if one not in _MODIFIERS])


def combination(raw: str, between: str = "+") -> tuple[str, ...]:
    """Return the keys of `ctrl+s`, or of `ctrl s`. A `+` at the end is the key itself. Raises ValueError."""
    text = raw.strip() or raw
    parts = text.split(between)
    if between == "+" and text.endswith("+") and len(parts) > 1:
        parts = [*parts[:-2], "+"] if not parts[-2] or len(parts) == 2 else [*parts[:-1], "+"]
    return pressed_together([part for part in parts if part])


_THEIRS = {
    "page_up": "Page_Up", "page_down": "Page_Down", "backspace": "BackSpace", "return": "Return", "escape": "Escape",
    "caps_lock": "Caps_Lock",
}  # fmt: skip


def as_keysyms(keys: tuple[str, ...]) -> str:
    """Return a combination as xdotool writes it, which Claude's `key` takes: `ctrl+Page_Up`."""
    return "+".join(_THEIRS.get(key, key if len(key) == 1 or key in _MODIFIERS else key.capitalize()) for key in keys)
