"""Names of keys and characters as X11 numbers them (keysyms). Pure: X11's keysymdef.h, appendix A of the protocol."""

from __future__ import annotations

_UNICODE = 0x0100_0000

LEVEL3 = 0xFE03
"""ISO_Level3_Shift: AltGr."""

_NAMED = {
    "backspace": 0xFF08, "tab": 0xFF09, "iso_left_tab": 0xFE20, "return": 0xFF0D, "pause": 0xFF13, "scroll_lock": 0xFF14,
    "escape": 0xFF1B, "delete": 0xFFFF, "home": 0xFF50, "left": 0xFF51, "up": 0xFF52, "right": 0xFF53, "down": 0xFF54,
    "page_up": 0xFF55, "page_down": 0xFF56, "end": 0xFF57, "begin": 0xFF58, "select": 0xFF60, "print": 0xFF61,
    "insert": 0xFF63, "undo": 0xFF65, "redo": 0xFF66, "menu": 0xFF67, "find": 0xFF68, "cancel": 0xFF69, "help": 0xFF6A,
    "num_lock": 0xFF7F, "kp_enter": 0xFF8D, "kp_multiply": 0xFFAA, "kp_add": 0xFFAB, "kp_subtract": 0xFFAD,
    "kp_decimal": 0xFFAE, "kp_divide": 0xFFAF, "caps_lock": 0xFFE5,
    "shift_l": 0xFFE1, "shift_r": 0xFFE2, "control_l": 0xFFE3, "control_r": 0xFFE4, "meta_l": 0xFFE7, "alt_l": 0xFFE9,
    "alt_r": 0xFFEA, "super_l": 0xFFEB, "super_r": 0xFFEC, "iso_level3_shift": LEVEL3,
    **{f"kp_{digit}": 0xFFB0 + digit for digit in range(10)}, **{f"f{number}": 0xFFBD + number for number in range(1, 25)},
}  # fmt: skip

_ALSO = {
    "shift": "shift_l", "ctrl": "control_l", "control": "control_l", "alt": "alt_l", "super": "super_l", "win": "super_l",
    "meta": "meta_l", "altgr": "iso_level3_shift", "enter": "return", "esc": "escape", "del": "delete", "ins": "insert",
    "prior": "page_up", "next": "page_down", "pageup": "page_up", "pagedown": "page_down", "pgup": "page_up",
    "pgdn": "page_down", "capslock": "caps_lock", "numlock": "num_lock", "apps": "menu",
}  # fmt: skip

_SIGNS = {
    "space": " ", "exclam": "!", "quotedbl": '"', "numbersign": "#", "dollar": "$", "percent": "%", "ampersand": "&",
    "apostrophe": "'", "parenleft": "(", "parenright": ")", "asterisk": "*", "plus": "+", "comma": ",", "minus": "-",
    "period": ".", "slash": "/", "colon": ":", "semicolon": ";", "less": "<", "equal": "=", "greater": ">",
    "question": "?", "at": "@", "bracketleft": "[", "backslash": "\\", "bracketright": "]", "asciicircum": "^",
    "underscore": "_", "grave": "`", "braceleft": "{", "bar": "|", "braceright": "}", "asciitilde": "~",
}  # fmt: skip

MODIFIERS = {
    0xFFE1: "shift", 0xFFE2: "shift", 0xFFE3: "ctrl", 0xFFE4: "ctrl", 0xFFE7: "alt", 0xFFE8: "alt", 0xFFE9: "alt",
    0xFFEA: "alt", 0xFFEB: "super", 0xFFEC: "super", 0xFFED: "super", 0xFFEE: "super", LEVEL3: "altgr",
    0xFF7E: "altgr", 0xFFE5: "caps_lock", 0xFF7F: "num_lock",
}  # fmt: skip
"""What a key that is held down does, by keysym."""


def keysym_of(name: str) -> int | None:
    """Return the keysym of a key's name (`ctrl`, `page_up`, `f5`, `plus`) or of a single character; None: no such name."""
    low = name.lower()
    low = _ALSO.get(low, low)
    if low in _NAMED:
        return _NAMED[low]
    if low in _SIGNS:
        return ord(_SIGNS[low])
    return keysym_of_char(low) if len(low) == 1 else None


def keysym_of_char(char: str) -> int:
    """Return the keysym of a character."""
    code = ord(char)
    if char == "€":
        return 0x20AC
    return code if 0x20 <= code <= 0x7E or 0xA0 <= code <= 0xFF else _UNICODE + code


def char_of(keysym: int) -> str:
    """Return the character that a keysym stands for; empty: none, or one of the old sets that nothing here needs."""
    if 0x20 <= keysym <= 0x7E or 0xA0 <= keysym <= 0xFF:
        return chr(keysym)
    if keysym == 0x20AC:
        return "€"
    if _UNICODE + 0x100 <= keysym <= _UNICODE + 0x10FFFF:
        return chr(keysym - _UNICODE)
    keypad = 0xFFB0 <= keysym <= 0xFFB9
    return (
        chr(keysym - 0xFFB0 + ord("0"))
        if keypad
        else {0xFFAA: "*", 0xFFAB: "+", 0xFFAD: "-", 0xFFAF: "/"}.get(keysym, "")
    )


def name_of(keysym: int) -> str:
    """Return what a key is called in a gesture, as `keysym_of` reads it; empty: it has no name here."""
    if keysym in MODIFIERS:
        return MODIFIERS[keysym]
    named = next((name for name, value in _NAMED.items() if value == keysym), "")
    if named:
        return named
    char = char_of(keysym)
    return next((name for name, sign in _SIGNS.items() if sign == char), char.lower())
