"""AMP, the framing of PM2's sockets: one byte (version and count), then each argument with its length before it.

An argument is a string (`s:` before it), JSON (`j:`) or plain bytes. The protocol: github.com/tj/node-amp and
node-amp-message. A leaf: standard library only, no sockets. What comes in is bounded, in bytes and in arguments,
before anything is kept or parsed.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Sequence
from typing import Any

VERSION = 1
MAX_ARGS = 15
"""The count has four bits."""
MAX_FRAME = 64 * 1024 * 1024
"""A list of about ten thousand processes."""
_LENGTH = struct.Struct(">I")
_TEXT, _JSON = b"s:", b"j:"

Frame = tuple[bytes, ...]
"""The arguments of one message, as they came."""


class FrameError(ValueError):
    """What came is not AMP, or more than is taken. The connection is of no use any more."""


def encode(*args: object) -> bytes:
    """Return one frame. `str` becomes a string, `bytes` stay bytes, everything else becomes JSON.

    Raises FrameError for what the other side could not read back: no or too many arguments, an empty argument
    (Node's parser loses its place), bytes that look like a string or like JSON.
    """
    if not 1 <= len(args) <= MAX_ARGS:
        raise FrameError(f"a message has 1 to {MAX_ARGS} arguments, not {len(args)}")
    parts = [bytes([VERSION << 4 | len(args)])]
    for arg in args:
        packed = _pack(arg)
        parts += (_LENGTH.pack(len(packed)), packed)
    return b"".join(parts)


def _pack(arg: object) -> bytes:
    if isinstance(arg, str):
        return _TEXT + arg.encode("utf-8", "replace")
    if isinstance(arg, bytes):
        if not arg or arg[:2] in {_TEXT, _JSON}:
            raise FrameError("bytes that are empty, or look like a string or JSON, cannot be sent")
        return arg
    try:
        return _JSON + json.dumps(arg, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise FrameError(f"not to be written as JSON: {error}") from error


def text_of(arg: bytes) -> str:
    """Return the string that an argument is. Raises FrameError."""
    if arg[:2] != _TEXT:
        raise FrameError("an argument is no string")
    return arg[2:].decode("utf-8", "replace")


def json_of(arg: bytes) -> Any:
    """Return the value that a JSON argument stands for. Raises FrameError."""
    if arg[:2] != _JSON:
        raise FrameError("an argument is no JSON")
    try:
        return json.loads(arg[2:])
    except (ValueError, RecursionError) as error:
        raise FrameError("an argument is broken JSON") from error


class Decoder:
    """Takes bytes as they come and gives whole frames. After a FrameError it takes nothing more."""

    def __init__(self, max_frame: int = MAX_FRAME) -> None:
        self._max = max_frame
        self._buffer = bytearray()
        self._args: list[bytes] = []
        self._missing = 0
        """Arguments that this frame still lacks; 0 between frames."""
        self._size = 0
        self._broken = ""

    @property
    def broken(self) -> str:
        """Why nothing more is taken; empty while all is well."""
        return self._broken

    @property
    def waiting(self) -> int:
        """Bytes that are kept for a frame that is not whole yet."""
        return len(self._buffer) + sum(map(len, self._args))

    def feed(self, data: bytes) -> list[Frame]:
        """Return the frames that are whole now. Raises FrameError, and goes on raising it.

        Frames that came whole before the broken one are given first; `broken` tells then.
        """
        if self._broken:
            raise FrameError(self._broken)
        self._buffer += data
        frames: list[Frame] = []
        try:
            while (frame := self._next()) is not None:
                frames.append(frame)
        except FrameError as error:
            self._broken = str(error)
            self._buffer.clear()
            self._args.clear()
            if not frames:
                raise
        return frames

    def _next(self) -> Frame | None:
        if not self._missing and not self._begin():
            return None
        while self._missing:
            if not self._argument():
                return None
        frame, self._args = tuple(self._args), []
        return frame

    def _begin(self) -> bool:
        if not self._buffer:
            return False
        version, count = self._buffer[0] >> 4, self._buffer[0] & 15
        if version != VERSION or not count:
            raise FrameError(f"not a message of PM2 (first byte {self._buffer[0]:#04x})")
        del self._buffer[0]
        self._missing, self._size = count, 0
        return True

    def _argument(self) -> bool:
        if len(self._buffer) < _LENGTH.size:
            return False
        (length,) = _LENGTH.unpack_from(self._buffer)
        if self._size + length > self._max:
            raise FrameError(f"a message of more than {self._max} bytes")
        end = _LENGTH.size + length
        if len(self._buffer) < end:
            return False
        self._args.append(bytes(self._buffer[_LENGTH.size : end]))
        del self._buffer[:end]
        self._size += length
        self._missing -= 1
        return True


def request(identity: str, method: str, args: Sequence[object]) -> bytes:
    """Return the frame of one call, as `pm2-axon-rpc` sends it. The count of `args` has to fit the method exactly."""
    return encode({"type": "call", "method": method, "args": list(args)}, identity)


def probe(identity: str) -> bytes:
    """Return the frame that asks which methods there are."""
    return encode({"type": "methods"}, identity)
