"""Which bytes a key sends on a terminal of a given name, from the machine's terminfo (term(5), the compiled form).

`curses.setupterm` can be called for one terminal per process only; the file is simple enough to be read.
"""

from __future__ import annotations

import os
import re
import struct
from functools import lru_cache
from pathlib import Path

_PLACES = ("/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/usr/lib/terminfo")
_MAGICS = {0o432: 2, 0o1036: 4}
"""Magic → bytes of a number: the legacy form and the one with 32 bits (term(5))."""
_CAPABILITIES = {
    "backspace": 55, "delete": 59, "down": 61, "f1": 66, "f10": 67, "f2": 68, "f3": 69, "f4": 70, "f5": 71, "f6": 72,
    "f7": 73, "f8": 74, "f9": 75, "home": 76, "insert": 77, "left": 79, "page_down": 81, "page_up": 82, "right": 83,
    "up": 87, "end": 164, "f11": 216, "f12": 217, "shift_tab": 148,
}  # fmt: skip
"""Our names → the place of their string capability (key_up, …) in term.h's order."""


@lru_cache(maxsize=32)
def keys_of(term: str) -> dict[str, bytes]:
    """Return what the keys of terminal `term` send, by our names; empty where nothing is known of it."""
    if not re.fullmatch(r"[A-Za-z0-9][\w.+-]*", term):
        return {}
    for place in (*filter(None, (os.environ.get("TERMINFO"),)), str(Path.home() / ".terminfo"), *_PLACES):
        for folder in (term[0], f"{ord(term[0]):x}"):
            try:
                return _read((Path(place) / folder / term).read_bytes())
            except (OSError, ValueError, struct.error):
                continue
    return {}


def _read(data: bytes) -> dict[str, bytes]:
    """Return the keys of a compiled entry. Raises ValueError, struct.error: it is none."""
    magic, names, booleans, numbers, strings, _table = struct.unpack_from("<6h", data)
    if magic not in _MAGICS:
        raise ValueError("not a compiled terminfo entry")
    at = 12 + names + booleans
    at += at % 2
    at += numbers * _MAGICS[magic]
    offsets = struct.unpack_from(f"<{strings}h", data, at)
    table = data[at + 2 * strings :]
    found: dict[str, bytes] = {}
    for name, index in _CAPABILITIES.items():
        if index < strings and offsets[index] >= 0:
            found[name] = table[offsets[index] : table.index(b"\0", offsets[index])]
    return found
