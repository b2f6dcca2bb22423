"""The cookie of a display: whoever has it may use the display. Files of mode 0600, format of Xauthority (libXau's Xau.h)."""

from __future__ import annotations

import os
import secrets
import socket
import struct
from collections.abc import Iterable
from pathlib import Path

SCHEME = b"MIT-MAGIC-COOKIE-1"
_LOCAL, _WILD = 256, 65535
"""Families: this machine by name, and any address."""


def new_cookie() -> bytes:
    """Return 16 random bytes."""
    return secrets.token_bytes(16)


def write_cookie(path: Path, cookie: bytes, display: str = "") -> None:
    """Write a new file with a cookie. `display`: its number; empty: of any number (what the server reads)."""
    entries = ((_WILD, b""), (_LOCAL, os.fsencode(socket.gethostname())))
    raw = b"".join(_entry(family, address, display.encode(), cookie) for family, address in entries)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(raw)


def read_cookie(path: Path, display: str) -> bytes | None:
    """Return the cookie of a display of this machine, None if the file has none. `display`: its number. Raises OSError."""
    names = {b"", os.fsencode(socket.gethostname())}
    found = [
        cookie
        for family, address, number, scheme, cookie in _entries(path.read_bytes())
        if scheme == SCHEME and number in {b"", display.encode()} and family in {_LOCAL, _WILD} and address in names
    ]
    return found[0] if found else None


def _entry(family: int, address: bytes, number: bytes, cookie: bytes) -> bytes:
    parts = (address, number, SCHEME, cookie)
    return struct.pack(">H", family) + b"".join(struct.pack(">H", len(part)) + part for part in parts)


def _entries(raw: bytes) -> Iterable[tuple[int, bytes, bytes, bytes, bytes]]:
    at = 0
    while at + 2 <= len(raw):
        (family,) = struct.unpack_from(">H", raw, at)
        at += 2
        parts = []
        for _ in range(4):
            if at + 2 > len(raw):
                return
            (length,) = struct.unpack_from(">H", raw, at)
            if at + 2 + length > len(raw):
                return
            parts.append(raw[at + 2 : at + 2 + length])
            at += 2 + length
        yield family, *parts
