"""D-Bus messages as bytes: what is needed to ask systemd and to understand its answers. Pure; standard library only.

The format is that of the D-Bus specification 0.43, "Message Protocol". Hostile or broken input raises ProtocolError,
never anything else, and never makes us reserve more than the message itself is long.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NamedTuple

CALL, RETURN, ERROR, SIGNAL = 1, 2, 3, 4
MESSAGE_MAX = 32 * 1024 * 1024
"""Bytes. The specification allows 128 MiB; ListUnits of 10,000 units takes 2."""
HEADER = 16
"""Bytes that must be there before the length of a message is known."""
_DEPTH_MAX = 32
_PATH, _INTERFACE, _MEMBER, _ERROR_NAME, _REPLY_SERIAL, _DESTINATION, _SENDER, _SIGNATURE = range(1, 9)
_FIXED = {"y": "B", "n": "h", "q": "H", "i": "i", "u": "I", "x": "q", "t": "Q", "d": "d", "h": "I", "b": "I"}
_SIZE = {code: struct.calcsize("=" + letter) for code, letter in _FIXED.items()}
_ALIGN = {**_SIZE, "s": 4, "o": 4, "g": 1, "a": 4, "v": 1, "(": 8, "{": 8}
_READ = {
    order: {code: struct.Struct(order + letter).unpack_from for code, letter in _FIXED.items()} for order in ("<", ">")
}


class ProtocolError(Exception):
    """These bytes are no D-Bus message, or one beyond our bounds."""


class Variant(NamedTuple):
    """A value to be sent together with its type. Received variants are plain values."""

    signature: str
    value: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One received message."""

    kind: int
    """CALL, RETURN, ERROR or SIGNAL."""
    serial: int
    reply_to: int = 0
    path: str = ""
    interface: str = ""
    member: str = ""
    error: str = ""
    sender: str = ""
    body: tuple[Any, ...] = ()


def encode_call(  # noqa: PLR0917  the order of a call as everybody writes it
    serial: int,
    destination: str,
    path: str,
    interface: str,
    member: str,
    signature: str = "",
    *body: Any,
) -> bytes:
    """Return a method call. `signature`: the types of `body`."""
    fields: list[tuple[int, Variant]] = [
        (_PATH, Variant("o", path)),
        (_DESTINATION, Variant("s", destination)),
        (_INTERFACE, Variant("s", interface)),
        (_MEMBER, Variant("s", member)),
    ]
    if signature:
        fields.append((_SIGNATURE, Variant("g", signature)))
    content = encode(signature, body)
    head = bytearray(struct.pack("<cBBBII", b"l", CALL, 0, 1, len(content), serial))
    _put(head, "a(yv)", fields)
    _pad(head, 8)
    return bytes(head) + content


def encode(signature: str, values: Sequence[Any]) -> bytes:
    """Return `values` marshalled, little endian."""
    out = bytearray()
    for one, value in zip(types_of(signature), values, strict=True):
        _put(out, one, value)
    return bytes(out)


def length_of(header: bytes) -> int:
    """Return how long the whole message is that begins so (`HEADER` bytes at least)."""
    order = _order(header)
    body, _, fields = struct.unpack_from(order + "III", header, 4)
    total = HEADER + (fields + 7) // 8 * 8 + body
    if total > MESSAGE_MAX:
        raise ProtocolError(f"a message of {total} bytes")
    return int(total)


def decode(data: bytes) -> Message:
    """Return the message that exactly these bytes are."""
    order = _order(data)
    if len(data) != length_of(data):
        raise ProtocolError("cut off")
    try:
        _, kind, _, version, _, serial = struct.unpack_from(order + "cBBBII", data)
        if version != 1:
            raise ProtocolError(f"protocol version {version}")
        reader = _Reader(data, order, 12)
        fields: dict[int, Any] = dict(reader.value("a(yv)", 0))
        reader.align(8)
        signature = fields.get(_SIGNATURE, "")
        body = tuple(reader.value(one, 0) for one in types_of(_text(signature)))
        return Message(
            kind=kind,
            serial=serial,
            reply_to=int(fields.get(_REPLY_SERIAL, 0)),
            path=_text(fields.get(_PATH, "")),
            interface=_text(fields.get(_INTERFACE, "")),
            member=_text(fields.get(_MEMBER, "")),
            error=_text(fields.get(_ERROR_NAME, "")),
            sender=_text(fields.get(_SENDER, "")),
            body=body,
        )
    except (struct.error, ValueError, TypeError, IndexError, OverflowError) as error:
        raise ProtocolError(f"malformed: {error}") from error


@lru_cache(maxsize=512)
def types_of(signature: str) -> tuple[str, ...]:
    """Return the complete types that a signature is made of. Raises ProtocolError for anything else."""
    found, at = [], 0
    while at < len(signature):
        end = _end_of_type(signature, at, 0)
        found.append(signature[at:end])
        at = end
    return tuple(found)


def _end_of_type(signature: str, at: int, depth: int) -> int:
    if depth > _DEPTH_MAX or at >= len(signature) or len(signature) > 255:
        raise ProtocolError("not a signature")
    code = signature[at]
    if code in _FIXED or code in "sogv":
        return at + 1
    if code == "a":
        return _end_of_type(signature, at + 1, depth + 1)
    closing = {"(": ")", "{": "}"}.get(code)
    if closing is None:
        raise ProtocolError("not a signature")
    start, at, parts = at, at + 1, 0
    while at < len(signature) and signature[at] != closing:
        at, parts = _end_of_type(signature, at, depth + 1), parts + 1
    if at >= len(signature) or not parts:
        raise ProtocolError("not a signature")
    if code == "{" and (parts != 2 or not start or signature[start - 1] != "a"):
        raise ProtocolError("not a signature")
    return at + 1


def _order(data: bytes) -> str:
    if len(data) < HEADER or data[:1] not in {b"l", b"B"}:
        raise ProtocolError("not D-Bus")
    return "<" if data[:1] == b"l" else ">"


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ProtocolError("a header field of another type")
    return value


class _Reader:
    """Reads values one after the other. Positions are those in the whole message: alignment counts from its start."""

    __slots__ = ("_at", "_data", "_order", "_read")

    def __init__(self, data: bytes, order: str, at: int) -> None:
        self._data, self._order, self._at = data, order, at
        self._read = _READ[order]

    def align(self, size: int) -> None:
        self._at = (self._at + size - 1) // size * size

    def value(self, one: str, depth: int) -> Any:
        """Read one value of the complete type `one`."""
        code = one[0]
        if code in _SIZE:
            return self._number(code)
        if code in "so":
            return self._string(self._number("u"))
        if code == "g":
            return self._string(self._number("y"))
        if depth > _DEPTH_MAX:
            raise ProtocolError("nested too deeply")
        if code == "a":
            return self._array(one[1:], depth + 1)
        if code == "v":
            (inner,) = types_of(self._string(self._number("y")))
            return self.value(inner, depth + 1)
        self.align(8)
        return tuple(self.value(part, depth + 1) for part in types_of(one[1:-1]))

    def _number(self, code: str) -> Any:
        size = _SIZE[code]
        at = (self._at + size - 1) // size * size
        (found,) = self._read[code](self._data, at)
        self._at = at + size
        return found == 1 if code == "b" else found

    def _string(self, length: int) -> str:
        start = self._at
        end = start + length
        if end >= len(self._data):
            raise ProtocolError("a string beyond the end")
        self._at = end + 1
        return self._data[start:end].decode("utf-8", "replace")

    def _array(self, item: str, depth: int) -> Any:
        length = self._number("u")
        self.align(_ALIGN[item[0]])
        end = self._at + length
        if end > len(self._data):
            raise ProtocolError("an array beyond the end")
        if item == "y":
            start, self._at = self._at, end
            return self._data[start:end]
        if item[0] == "{":
            return self._mapping(types_of(item[1:-1]), end, depth)
        found = []
        while self._at < end:
            found.append(self.value(item, depth))
        return found

    def _mapping(self, types: tuple[str, ...], end: int, depth: int) -> dict[Any, Any]:
        key, item = types
        if key[0] not in _FIXED and key[0] not in "sog":
            raise ProtocolError("a key that is no basic type")
        found = {}
        while self._at < end:
            self.align(8)
            name = self.value(key, depth)
            found[name] = self.value(item, depth)
        return found


def _pad(out: bytearray, size: int) -> None:
    out.extend(bytes(-len(out) % size))


def _put(out: bytearray, one: str, value: Any) -> None:
    code = one[0]
    _pad(out, _ALIGN[code])
    if code in _FIXED:
        out.extend(struct.pack("<" + _FIXED[code], value))
    elif code in "sog":
        raw = value.encode()
        out.extend(struct.pack("<B" if code == "g" else "<I", len(raw)) + raw + b"\0")
    elif code == "v":
        _put(out, "g", value.signature)
        _put(out, value.signature, value.value)
    elif code == "a":
        _put_array(out, one[1:], value)
    else:
        for part, inner in zip(types_of(one[1:-1]), value, strict=True):
            _put(out, part, inner)


def _put_array(out: bytearray, item: str, values: Any) -> None:
    at = len(out)
    out.extend(bytes(4))
    _pad(out, _ALIGN[item[0]])
    start = len(out)
    for value in values.items() if item[0] == "{" else values:
        _put(out, item, value)
    struct.pack_into("<I", out, at, len(out) - start)
